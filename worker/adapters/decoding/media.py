"""PURE. Result files: what they are, and what is drawn from them.

The type is detected from the content, never from a name or a header, because stored files are
served to people. Pictures are decoded completely; of films, the container's structure is checked.
Runs in decoding processes only: see ``decoder``.
"""

from collections.abc import Iterator
from typing import IO

from worker.adapters.decoding import images
from worker.adapters.decoding.values import Drawn, Media, ext_of
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import PictureError

#: Boxes of one film; fragments of a second have two each, and a film lasts some seconds.
MAX_BOXES = 10_000

#: First boxes of films older than ``ftyp`` (QuickTime).
_OLD_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = b"\x1aE\xdf\xa3"


def inspect(file: IO[bytes], limits: ImageLimits) -> Media:
    """Inspect ``file`` from beginning to end.

    Raises:
        PictureError: it is cut off, broken, over the limits, or neither a PNG, JPEG, WEBP or GIF
            picture nor an MP4, WebM or QuickTime film.
        MemoryError: see ``images.look``.
    """
    file.seek(0)
    head = file.read(64)
    if head.startswith(_EBML) and b"webm" in head:
        return Media("video/webm", "webm")
    if head[4:8] == b"ftyp" or head[4:8] in _OLD_BOXES:
        _walk_boxes(file)
        is_mp4 = head[4:8] == b"ftyp" and head[8:12] != b"qt  "
        return Media("video/mp4", "mp4") if is_mp4 else Media("video/quicktime", "mov")
    seen = images.look(file, limits, frames=True)
    return Media(seen.mime, ext_of(seen.mime), seen.width, seen.height, moves=seen.frames > 1)


def drawn_from(file: IO[bytes], seen: Media, *, tiles: bool) -> Iterator[Drawn]:
    """The tiles of a still picture, if they are asked for, and the thumbnail of any picture."""
    if not seen.is_decoded:
        return
    if tiles and not seen.moves:
        yield from images.tiles(file, seen.mime)
    yield images.thumbnail(file)


def _walk_boxes(file: IO[bytes]) -> None:
    """Raise ``PictureError`` unless the film's boxes fill the file and include its index."""
    end, at, boxes, found = file.seek(0, 2), 0, 0, set[bytes]()
    while at < end:
        boxes += 1
        if boxes > MAX_BOXES:
            raise PictureError(f"the film has more than {MAX_BOXES} boxes")
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4])
        if size == 1:  # the size follows the name, in 64 bits
            size = int.from_bytes(head[8:16])
        elif size == 0:  # to the end
            size = end - at
        found.add(head[4:8])
        if size < 8:
            break
        at += size
    if at != end or b"moov" not in found:
        raise PictureError("the film is broken or cut off", dead_link=True)
