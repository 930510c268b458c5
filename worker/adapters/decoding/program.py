"""SHELL. The helper process, which forks a decoding process for each picture.

It has Pillow loaded and waits, so that a picture costs a fork of some milliseconds instead of the
start of a Python. A decoding process may use so much memory and time, and ends with its picture:
whatever that made it take, the system has it back.

The helper is run by this file (``decoder`` starts it). Its standard input is a socket on which each
byte comes with three descriptors: a connection, the picture's file, and a file for what is drawn
from it. On the connection the decoding process first says that it runs, then reads one line with
its task and writes the answer, both JSON. When the socket ends, so does the helper, together with
all decoding processes.
"""

import os
import signal
import socket
import sys
from contextlib import suppress

if __name__ == "__main__":
    # Python was started without site-packages and their .pth files, which load what others like.
    sys.path += sys.argv[1:]

import gc
import json
import resource
import warnings
from pathlib import Path
from typing import IO, Any

from PIL import Image

from worker.adapters.decoding import images, media
from worker.adapters.decoding.helper import RUNS
from worker.adapters.decoding.values import Allowed, Drawn
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import PictureError

#: Descriptors of a picture: the connection, its file, and the file for what is drawn.
_DESCRIPTORS = 3
#: Seconds without a picture after which the helper ends.
IDLE_S = 20.0
#: All that may be drawn from one picture.
_MAX_DRAWN = 512 * 1024 * 1024


def serve(control: socket.socket, idle_s: float = IDLE_S) -> None:
    """Fork for each picture until ``control`` ends, or none came for a while."""
    control.settimeout(idle_s)
    while True:
        try:
            note, descriptors, _, _ = socket.recv_fds(control, 1, _DESCRIPTORS)
        except TimeoutError:
            if _has_children():
                continue
            return
        if not note:
            os.killpg(0, signal.SIGKILL)
        if os.fork() == 0:
            control.close()
            _decode_and_exit(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _decode_and_exit(connection: int, given: int, drawn: int) -> None:
    """The whole life of a decoding process."""
    try:
        with (
            socket.socket(fileno=connection) as asker,
            open(given, "rb") as file,
            open(drawn, "wb") as out,
        ):
            asker.sendall(RUNS)
            with asker.makefile("rb") as lines:
                task = json.loads(lines.readline())
            _restrict(Allowed(**task.pop("allowed")))
            limits = ImageLimits(**task.pop("limits"))
            Image.MAX_IMAGE_PIXELS = limits.pixels  # also of an animation's single frames
            asker.sendall(json.dumps(_answer(file, out, limits, **task)).encode())
    finally:
        os._exit(0)


def _answer(file: IO[bytes], out: IO[bytes], limits: ImageLimits, **task: Any) -> dict[str, Any]:
    try:
        if task["whole"]:
            return _examined(file, out, limits, tiles=task["tiles"])
        return _looked(file, out, limits, fit=task["fit"])
    except PictureError as error:
        return {"problem": str(error), "dead_link": error.dead_link}
    except MemoryError:
        return {"problem": "decoding the picture takes too much memory"}
    except OSError as error:
        return {"no_room": error.strerror or type(error).__name__}


def _looked(
    file: IO[bytes], out: IO[bytes], limits: ImageLimits, *, fit: int | None
) -> dict[str, Any]:
    seen = images.look(file, limits)
    small = fit is not None and file.seek(0, 2) > fit
    drawn = [_written(images.fit(file, fit), out)] if small and fit is not None else []
    return {"seen": [seen.mime, seen.width, seen.height], "drawn": drawn}


def _examined(
    file: IO[bytes], out: IO[bytes], limits: ImageLimits, *, tiles: bool
) -> dict[str, Any]:
    seen = media.inspect(file, limits)
    drawn, colour = list[Any](), None
    for each in media.drawn_from(file, seen, tiles=tiles):
        drawn.append(_written(each, out))
        colour = each.colour or colour
    found = [seen.mime, seen.ext, seen.width, seen.height, seen.moves, colour]
    return {"seen": found, "drawn": drawn}


def _written(drawn: Drawn, out: IO[bytes]) -> list[Any]:
    """What was drawn, with its length in place of its data, which is in ``out``."""
    out.write(drawn.data)
    out.flush()
    return [drawn.mime, drawn.ext, drawn.width, drawn.height, len(drawn.data), drawn.tile]


def _restrict(allowed: Allowed) -> None:
    """Let the kernel end this process where it takes more."""
    signal.setitimer(signal.ITIMER_REAL, allowed.wall_s)  # SIGALRM, which ends it
    for what, most in (
        (resource.RLIMIT_AS, _size_now() + allowed.memory),
        (resource.RLIMIT_CPU, allowed.cpu_s),
        (resource.RLIMIT_FSIZE, _MAX_DRAWN),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # macOS takes no limit of memory
            resource.setrlimit(what, (most, most))


def _size_now() -> int:
    """Bytes of this process's address space; 0 where /proc does not say."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * resource.getpagesize()
    return 0


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def main() -> None:
    """Serve on the standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel keeps no dead children
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.preinit()
    with suppress(OSError):  # where memory is short, this goes before everything else
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    gc.freeze()  # forks share what is loaded
    serve(socket.socket(fileno=0))


if __name__ == "__main__":
    main()
