"""SHELL. Has untrusted pictures decoded by processes of their own: see ``program``."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from threading import BoundedSemaphore
from time import monotonic
from typing import IO, Any

from worker.adapters.decoding.helper import Helper
from worker.adapters.decoding.values import Allowed, Drawn, Media, Seen
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import DecoderUnavailable, PictureError, ServiceUnavailable

#: Bytes of memory per pixel, all copies together: each has 4. A WebP has four copies: two canvases
#: of the library, one for Python, and Pillow's own.
_BYTES_PER_PIXEL = 20
_MORE_BYTES = 64 * 1024 * 1024
#: Seconds of CPU time, and altogether. The largest pictures take some seconds to decode; to
#: compress their tiles takes ten times that.
_LOOKING = (20, 40)
_DRAWING = (60, 120)
#: Seconds to wait for a place.
WAIT_S = 20.0
#: Seconds for the kernel to end a process after its time.
_GRACE_S = 5.0


class Decoder:
    """Decodes pictures within ``limits``, ``places`` at a time; further callers wait in line.

    Args:
        limits: what is decoded at all.
        places: decoding processes at a time, each with some hundred megabytes at most.
        callers: threads at a time that may hold or wait for a place, so that others stay free for
            what has no pictures. None: any number.
        helper: to share one with another decoder.
    """

    def __init__(
        self,
        limits: ImageLimits = ImageLimits(),
        *,
        places: int = 1,
        callers: int | None = None,
        helper: Helper | None = None,
    ) -> None:
        self.limits = limits
        self._places = BoundedSemaphore(places)
        self._callers = None if callers is None else BoundedSemaphore(callers)
        self._helper = helper or Helper()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Decode pictures as one of the ``callers``. Raises ``DecoderUnavailable``: too many."""
        if self._callers and not self._callers.acquire(blocking=False):
            raise DecoderUnavailable("too many requests with pictures at a time")
        try:
            yield
        finally:
            if self._callers:
                self._callers.release()

    def look(self, data: bytes, *, fit: int | None = None) -> tuple[Seen, Drawn | None]:
        """Decode the picture in ``data``.

        With ``fit``, also draw a JPEG of the same dimensions and at most ``fit`` bytes, if it has
        more.

        Raises:
            PictureError: see ``images.look`` and ``images.fit``; it takes too much memory or time.
            DecoderUnavailable: no process can decode it now.
        """
        with _in_memory() as file, _in_memory() as out:
            file.write(data)
            answer = self._decoded(file, out, _LOOKING, whole=False, fit=fit)
            drawn = next(_read(answer, out), None)
        mime, width, height = answer["seen"]
        return Seen(mime, width, height), drawn

    @contextmanager
    def examined(self, file: IO[bytes], *, tiles: bool) -> Iterator[tuple[Media, Iterator[Drawn]]]:
        """Inspect a file of a result; the media, and what was drawn from it: see ``media``.

        Raises:
            PictureError: see ``media.inspect``; it takes too much memory or time.
            DecoderUnavailable: no process can decode it now.
            ServiceUnavailable: the disk takes no more.
        """
        with TemporaryFile() as out:
            answer = self._decoded(file, out, _DRAWING, whole=True, tiles=tiles)
            yield Media(*answer["seen"]), _read(answer, out)

    def _decoded(
        self, file: IO[bytes], out: IO[bytes], seconds: tuple[int, int], **task: Any
    ) -> Mapping[str, Any]:
        allowed = Allowed(_MORE_BYTES + _BYTES_PER_PIXEL * self.limits.pixels, *seconds)
        task |= {"allowed": allowed._asdict(), "limits": self.limits._asdict()}
        if not self._places.acquire(timeout=WAIT_S):
            raise DecoderUnavailable(f"other pictures took more than {WAIT_S:g} s")
        try:
            file.flush()
            answer = self._asked(file, out, allowed, json.dumps(task).encode() + b"\n")
        finally:
            self._places.release()
        if problem := answer.get("problem"):
            raise PictureError(problem, dead_link=bool(answer.get("dead_link")))
        if no_room := answer.get("no_room"):
            raise ServiceUnavailable(f"The disk takes no more: {no_room}")
        return answer

    def _asked(
        self, file: IO[bytes], out: IO[bytes], allowed: Allowed, task: bytes
    ) -> Mapping[str, Any]:
        started = monotonic()
        with self._helper.begin(file, out) as connection:
            connection.settimeout(allowed.wall_s + _GRACE_S)
            try:
                connection.sendall(task)
                with connection.makefile("rb") as lines:
                    said = lines.read()
            except TimeoutError:
                self._helper.kill()
                said = b""
            except ConnectionError:
                said = b""
        if said:
            answer: Mapping[str, Any] = json.loads(said)
            return answer
        raise _ended(monotonic() - started, allowed)


def _ended(after_s: float, allowed: Allowed) -> PictureError | DecoderUnavailable:
    """Why a decoding process ended without an answer."""
    if after_s >= allowed.wall_s:
        return DecoderUnavailable(f"a picture was not decoded in {allowed.wall_s} s")
    if after_s >= allowed.cpu_s:
        return PictureError(f"decoding the picture takes more than {allowed.cpu_s} s")
    return PictureError("the process that decoded the picture was ended", retryable=True)


def _in_memory() -> IO[bytes]:
    with suppress(AttributeError, OSError):  # macOS has no such files, some containers forbid them
        return os.fdopen(os.memfd_create("hookline-picture"), "w+b")
    return TemporaryFile()


def _read(answer: Mapping[str, Any], out: IO[bytes]) -> Iterator[Drawn]:
    """What was drawn, one after the other: together it may be hundreds of megabytes."""
    out.seek(0)
    for mime, ext, width, height, length, tile in answer["drawn"]:
        yield Drawn(mime, ext, width, height, out.read(length), tile)


#: The decoder with default limits; it starts nothing before its first picture.
DECODER = Decoder()
