"""A file on its way into the storage takes a bounded place, and none once it failed."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ImageFile

from tests.support.drawing import bomb, draw, png_of_size
from tests.support.jobs import NOW, a_job
from tests.support.rawserver import Script, http, says, serving
from worker.adapters.decoding import images
from worker.adapters.decoding.decoder import DECODER
from worker.adapters.storage import filing
from worker.adapters.storage.fetching import fetch_into
from worker.adapters.storage.filing import Allowance, Filed, Filing, clear_left_behind
from worker.adapters.storage.storage import Storage
from worker.domain.assets.limits import ImageLimits
from worker.domain.assets.naming import DEFAULT, Names
from worker.domain.assets.selection import Source
from worker.domain.errors import PictureError, ServiceUnavailable

PICTURE = draw("PNG", (40, 30))
JOB = a_job()
NAMES = Names(DEFAULT, JOB, JOB)


class Full(BytesIO):
    """A file on a disk that is full."""

    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; nothing may be left there."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


def filed(root: Path, script: Script, allowance: Allowance | None = None) -> Filed:
    with serving(script) as (port, _):
        source = Source(f"http://127.0.0.1:{port}/x", "picture")
        hosts = frozenset({"127.0.0.1"})
        return Filing(Storage(f"file://{root}")).filed(
            source, 0, NAMES, allowance or Allowance(2**30), allowed_hosts=hosts, tiles=False
        )


def test_what_killed_processes_left_is_removed(scratch: Path) -> None:
    old, fresh, another = (scratch / n for n in ("hookline-file-a", "hookline-file-b", "other"))
    for folder in (old, fresh, another):
        folder.mkdir()
        (folder / "fetched").touch()
    for folder in (old, another):
        os.utime(folder, (NOW, NOW))
    os.utime(fresh, (NOW + 3000, NOW + 3000))
    clear_left_behind(NOW + 3601)
    assert {each.name for each in scratch.iterdir()} == {"hookline-file-b", "other"}
    clear_left_behind(NOW + 6601)
    assert [each.name for each in scratch.iterdir()] == ["other"]
    shutil.rmtree(another)


def test_what_came_whole_is_stored(tmp_path: Path, scratch: Path) -> None:
    data = draw("PNG", (40, 30))
    (picture, thumbnail), colour = filed(tmp_path / "root", says(http(data)))
    assert colour == "010000"
    assert (tmp_path / "root" / picture.path).read_bytes() == data
    assert (tmp_path / "root" / thumbnail.path).exists()


@pytest.mark.parametrize(
    "reply",
    [
        http(draw("PNG", (40, 30))[:-30]),
        http(b"<html>"),
        http(draw("PNG"), Content_Length="9999"),
        http(status="404 Not Found"),
        http(png_of_size(60_000, 60_000)),
    ],
)
def test_what_did_not_leaves_nothing(tmp_path: Path, scratch: Path, reply: bytes) -> None:
    with pytest.raises(PictureError):
        filed(tmp_path / "root", says(reply))
    assert not (tmp_path / "root").exists()


def test_an_endless_body_takes_no_more_disk_than_the_limit(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "MAX_BYTES", 2**20)
    sizes: list[int] = []

    def endless(sock: socket.socket, _: bytes) -> None:
        sock.sendall(http())
        while True:
            sock.sendall(b"x" * 65536)
            sizes.append(sum(path.stat().st_size for path in scratch.rglob("fetched")))

    with pytest.raises(PictureError, match="MiB"):
        filed(tmp_path / "root", endless)
    assert max(sizes) <= 2**20


def test_a_disk_that_is_full_is_not_the_hosts_fault(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(DECODER, "examined", lambda file, tiles: Full().write(file))
        with pytest.raises(ServiceUnavailable, match="No space left") as caught:
            filed(tmp_path / "root", says(http(draw("PNG"))))
    assert caught.value.retryable
    with serving(says(http(PICTURE))) as (port, _):
        url, hosts = f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"})
        with pytest.raises(ServiceUnavailable, match="No space left"):
            fetch_into(Full(), url, allowed_hosts=hosts, max_bytes=2**20, deadline_s=5)


def test_a_bomb_is_refused_before_it_is_decoded(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some kilobytes that would be a hundred million pixels."""
    data = bomb(10_000)
    assert len(data) < 2**17
    with pytest.raises(PictureError, match="million pixels"):
        filed(tmp_path / "root", says(http(data)))
    decoded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded.append)
    with pytest.raises(PictureError, match="million pixels"):
        images.look(BytesIO(data), ImageLimits())
    assert decoded == []


@pytest.mark.parametrize("reply", [http(PICTURE), http(b"<html>"), http(PICTURE)[:-9]])
def test_what_is_downloaded_is_taken_from_the_allowance(
    tmp_path: Path, scratch: Path, reply: bytes
) -> None:
    allowance = Allowance(100_000)
    with suppress(PictureError):
        filed(tmp_path / "root", says(reply), allowance)
    assert allowance.left == 100_000 - len(reply.partition(b"\r\n\r\n")[2])


def test_a_file_that_is_over_the_allowance_is_refused(tmp_path: Path, scratch: Path) -> None:
    allowance = Allowance(len(PICTURE) - 1)
    with pytest.raises(PictureError, match="MiB") as caught:
        filed(tmp_path / "root", says(http(PICTURE)), allowance)
    assert not caught.value.retryable
    assert not caught.value.dead_link
