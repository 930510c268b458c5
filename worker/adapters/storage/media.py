"""PURE. Result files: their type, thumbnails and tiles.

The type is detected from the content, never from a name or a header, because stored files are
served to people. Pictures are decoded completely; of films, the container's structure is checked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

from PIL import Image

from worker.adapters.storage import pictures
from worker.domain.errors import PictureError

#: The longest side of a thumbnail, in pixels.
THUMBNAIL = 512

#: First boxes of films older than ``ftyp`` (QuickTime).
_OLD_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML = b"\x1aE\xdf\xa3"
#: The format of tiles by the grid's type, with options that give the same bytes each time.
_TILES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "image/png": ("PNG", {}),
    "image/jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "image/webp": ("WEBP", {"lossless": True}),
    "image/gif": ("PNG", {}),
}


@dataclass(frozen=True, slots=True)
class Media:
    """A complete picture or film; width and height are None for a film that was not decoded."""

    mime: str
    ext: str  #: without a dot
    width: int | None = None
    height: int | None = None
    moves: bool = True  #: it is a film; an animated WebP, GIF or PNG is one

    @property
    def is_decoded(self) -> bool:
        """Whether it was decoded, so that a thumbnail of it can be made."""
        return self.width is not None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture derived from another: ``tile`` 1-4 of a grid, or a thumbnail."""

    mime: str
    ext: str  #: without a dot
    width: int
    height: int
    data: bytes
    tile: int | None = None


def inspect(file: IO[bytes]) -> Media:
    """Inspect ``file`` from beginning to end.

    Raises:
        PictureError: it is cut off, broken, over ``pictures.MAX_PIXELS``, or neither a PNG, JPEG,
            WEBP or GIF picture nor an MP4, WebM or QuickTime film.
    """
    file.seek(0)
    head = file.read(64)
    if head.startswith(_EBML) and b"webm" in head:
        return Media("video/webm", "webm")
    if head[4:8] == b"ftyp" or head[4:8] in _OLD_BOXES:
        _walk_boxes(file)
        is_mp4 = head[4:8] == b"ftyp" and head[8:12] != b"qt  "
        return Media("video/mp4", "mp4") if is_mp4 else Media("video/quicktime", "mov")
    seen = pictures.look(file, frames=True)
    ext = pictures.ext_of(seen.mime)
    return Media(seen.mime, ext, seen.width, seen.height, moves=seen.frames > 1)


def thumbnail(file: IO[bytes]) -> Drawn:
    """A small WebP of the picture, or of an animation's first frame."""
    file.seek(0)
    with Image.open(file) as image:
        image.draft("RGB", (THUMBNAIL, THUMBNAIL))
        shown = image.convert("RGBA" if image.has_transparency_data else "RGB")
    shown.thumbnail((THUMBNAIL, THUMBNAIL))
    data = BytesIO()
    shown.save(data, "WEBP", quality=80)
    return Drawn("image/webp", "webp", *shown.size, data.getvalue())


def tiles(file: IO[bytes], mime: str) -> Iterator[Drawn]:
    """The four pictures of a grid, in the order of U1 to U4."""
    form, how = _TILES[mime]
    made_as = pictures.MIMES[form]
    file.seek(0)
    with Image.open(file) as image:
        width, height = image.width // 2, image.height // 2
        for number in range(1, 5):
            left, top = (number - 1) % 2 * width, (number - 1) // 2 * height
            data = BytesIO()
            image.crop((left, top, left + width, top + height)).save(data, form, **how)
            ext = pictures.ext_of(made_as)
            yield Drawn(made_as, ext, width, height, data.getvalue(), number)


def _walk_boxes(file: IO[bytes]) -> None:
    """Raise ``PictureError`` unless the film's boxes fill the file and include its index."""
    end, at, found = file.seek(0, 2), 0, set[bytes]()
    while at < end:
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
