"""Pictures are decoded elsewhere, and what they do there is over when they are."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Thread
from time import monotonic
from typing import IO, NoReturn

import pytest
from PIL import Image

from tests.support.drawing import bomb, colour_bomb, draw, grid, minimal_gif, png_of_size
from tests.support.processes import ROOT, clean_env, descendants, living, wait_for
from worker.adapters.decoding import decoder as decoding
from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.decoding.helper import Helper
from worker.adapters.decoding.values import Media, Seen
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import DecoderUnavailable, HooklineError, PictureError

ON_LINUX = pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")


@pytest.fixture
def helper() -> Iterator[Helper]:
    helper = Helper()
    yield helper
    helper.kill()


@pytest.fixture
def decoder(helper: Helper) -> Decoder:
    """One with a helper of its own, to be ill-treated."""
    return Decoder(helper=helper)


def examined(decoder: Decoder, data: bytes, *, tiles: bool = False) -> tuple[Media, list[str]]:
    """What is seen and drawn."""
    with TemporaryFile() as file:
        file.write(data)
        with decoder.examined(file, tiles=tiles) as (seen, drawn):
            found = list(drawn)
    for each in found:
        with Image.open(BytesIO(each.data)) as image:
            image.load()
            assert image.size == (each.width, each.height)
    return seen, [f"tile {each.tile}" if each.tile else "thumbnail" for each in found]


def slow_gif() -> bytes:
    """A second's work or more."""
    head, frame = minimal_gif()
    return head + frame * 100_000


def helpers(of: int) -> list[int]:
    """The helper processes of a process, and the decoding ones."""
    found = []
    for pid in descendants(of):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if b"decoding/program.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_a_picture_is_looked_at() -> None:
    assert DECODER.look(draw("WEBP")) == (Seen("image/webp", 8, 6), None)


def test_files_in_memory_may_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: str) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    seen, small = DECODER.look(draw(size=(300, 300), compress_level=0), fit=10_000)
    assert (seen.width, small and small.mime) == (300, "image/jpeg")


@pytest.mark.parametrize(
    ("data", "problem", "dead"),
    [
        (b"", "empty", True),
        (b"<svg/>", "not a PNG", True),
        (draw(size=(64, 64))[:-30], "broken", True),
        (png_of_size(9000, 9000), r"67 million pixels \(HOOKLINE_MAX_IMAGE_PIXELS\)", False),
    ],
)
def test_what_is_wrong_with_a_picture_comes_back(data: bytes, problem: str, dead: bool) -> None:
    with pytest.raises(PictureError, match=problem) as caught:
        DECODER.look(data)
    assert (caught.value.dead_link, caught.value.retryable) == (dead, False)


def test_a_result_is_examined_and_drawn_from() -> None:
    data = grid("red", "lime", "blue", "white", cell=(400, 300))
    seen = Media("image/png", "png", 800, 600, moves=False, colour="7f7f7f")
    assert examined(DECODER, data) == (seen, ["thumbnail"])
    tiles = [f"tile {n}" for n in (1, 2, 3, 4)]
    assert examined(DECODER, data, tiles=True) == (seen, [*tiles, "thumbnail"])


def test_limits_are_the_decoder_s(helper: Helper) -> None:
    decoder = Decoder(ImageLimits(pixels=1_000_000, frames=1), helper=helper)
    with pytest.raises(PictureError, match="1 million pixels"):
        decoder.look(png_of_size(1001, 1000))
    head, frame = minimal_gif()
    with pytest.raises(PictureError, match="1 frames"):
        examined(decoder, head + frame * 2)


@ON_LINUX
def test_what_takes_too_much_memory_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_BYTES_PER_PIXEL", 0)
    with pytest.raises(PictureError, match="too much memory") as caught:
        DECODER.look(colour_bomb(5000))  # takes 100 MB, far more than is allowed then
    assert not caught.value.retryable


def test_what_takes_too_much_work_is_no_picture(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_DRAWING", (1, 60))
    decoder.limits = ImageLimits(frames=100_000)
    with pytest.raises(PictureError, match="takes more than 1 s") as caught:
        examined(decoder, slow_gif())
    assert not caught.value.retryable


def test_what_takes_too_long_may_work_later(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_DRAWING", (60, 1))
    decoder.limits = ImageLimits(frames=100_000)
    with pytest.raises(DecoderUnavailable, match="not decoded in 1 s"):
        examined(decoder, slow_gif())


class Busy(Helper):
    """One that does not answer before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = Event(), Event()

    def begin(self, file: IO[bytes], out: IO[bytes]) -> NoReturn:
        self.asked.set()
        self.answer.wait()
        raise DecoderUnavailable("told to")


def test_pictures_wait_for_a_place_but_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "WAIT_S", 0.05)
    busy = Busy()
    decoder = Decoder(helper=busy)
    first = Thread(target=_ignoring, args=(decoder, draw()))
    first.start()
    busy.asked.wait()
    with pytest.raises(DecoderUnavailable, match="other pictures"):
        decoder.look(draw())
    busy.answer.set()
    first.join()
    with pytest.raises(DecoderUnavailable, match="told to"):
        decoder.look(draw())


def _ignoring(decoder: Decoder, data: bytes) -> None:
    with suppress(HooklineError):
        decoder.look(data)


def test_as_many_callers_as_allowed_at_a_time() -> None:
    decoder = Decoder(callers=2)
    refused = pytest.raises(DecoderUnavailable, match="too many")
    with decoder.admitted(), decoder.admitted(), refused, decoder.admitted():
        pass
    with decoder.admitted(), decoder.admitted():
        pass
    with DECODER.admitted():
        pass


def _one_more_than(before: set[int]) -> int:
    """The helper's process id, once the process that decoded for it has ended."""
    wait_for(lambda: len(set(helpers(os.getpid())) - before) == 1, "one helper")
    (ours,) = set(helpers(os.getpid())) - before
    return ours


@ON_LINUX
def test_a_helper_that_was_killed_is_replaced(decoder: Decoder) -> None:
    before = set(helpers(os.getpid()))
    decoder.look(draw())
    ours = _one_more_than(before)
    os.kill(ours, signal.SIGKILL)
    assert decoder.look(draw())[0].width == 8
    assert ours not in helpers(os.getpid())


@ON_LINUX
def test_a_picture_whose_process_is_killed_may_work_later(decoder: Decoder) -> None:
    decoder.limits = ImageLimits(frames=100_000)
    before = set(helpers(os.getpid()))
    caught: list[Exception] = []

    def look() -> None:
        try:
            examined(decoder, slow_gif())
        except HooklineError as error:
            caught.append(error)

    slow = Thread(target=look)
    slow.start()
    decoding: set[int] = set()

    def decodes() -> bool:
        decoding.clear()
        decoding.update(set(helpers(os.getpid())) - before)
        return len(decoding) == 2

    wait_for(decodes, "it decodes")
    for pid in decoding:
        os.kill(pid, signal.SIGKILL)
    slow.join()
    assert isinstance(caught[0], PictureError)
    assert caught[0].retryable
    assert decoder.look(draw())[0].width == 8


@ON_LINUX
def test_a_helper_gets_none_of_our_secrets(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(helpers(os.getpid()))
    decoder.look(draw())
    ours = _one_more_than(before)
    names = {entry.partition(b"=")[0] for entry in _environment(ours)}
    assert names <= {b"LD_LIBRARY_PATH", b"LC_CTYPE"}


def _environment(pid: int) -> list[bytes]:
    return list(filter(None, Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")))


OWNER = """
import os, sys
from threading import Thread
from tempfile import TemporaryFile
from tests.support.drawing import draw
from tests.integration.test_decoder import examined, helpers, slow_gif
from worker.adapters.decoding.decoder import Decoder
from worker.domain.assets.limits import ImageLimits
decoder = Decoder(ImageLimits(frames=100_000))
decoder.look(draw())
Thread(target=examined, args=(decoder, slow_gif()), daemon=True).start()
while len(found := helpers(os.getpid())) < 2:
    pass
print(*found, flush=True)
os.kill(os.getpid(), 9)
"""

FORKED = """
import os
from tests.support.drawing import draw
from worker.adapters.decoding.decoder import DECODER
DECODER.look(draw())
if not (child := os.fork()):
    DECODER.look(draw())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
DECODER.look(draw())
"""

#: The programs that never decode a picture themselves.
PLAIN = """
import sys
import webhooks.server, worker.entrypoints.celery_app, worker.entrypoints.client, worker.bootstrap
assert "PIL" not in sys.modules
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_env(), cwd=ROOT, text=True, capture_output=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.stdout


@ON_LINUX
def test_all_decoding_ends_with_the_process_that_asked() -> None:
    pids = {int(pid) for pid in run(OWNER).split()}
    assert len(pids) == 2
    wait_for(lambda: not living(pids), "they end")


def test_a_process_that_forks_has_pictures_decoded_on_both_sides() -> None:
    run(FORKED)


def test_web_and_worker_do_not_even_load_pillow() -> None:
    run(PLAIN)


@ON_LINUX
def test_bombs_leave_no_memory_behind() -> None:
    def size_kib() -> int:
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    DECODER.look(draw())
    before, started = size_kib(), monotonic()
    for _ in range(3):
        assert DECODER.look(bomb(8192))[0].width == 8192
    assert size_kib() - before < 8192, f"64 MiB each, in {monotonic() - started:.1f} s"
