"""Callers' pictures as values. ``worker.adapters.decoding`` decodes them."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from worker.adapters.decoding.decoder import Decoder
from worker.adapters.decoding.values import Seen, ext_of, too_large
from worker.domain.errors import PictureError

_DATA_URL = re.compile(
    r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII | re.IGNORECASE
)

#: The beginnings of PNG, JPEG, WEBP and GIF in base64.
_BARE = re.compile(r"(?:iVBORw0KGgo|/9j/|UklGR|R0lGOD)[A-Za-z0-9+/]{32,}={0,2}")


@dataclass(frozen=True, slots=True)
class Picture(Seen):
    """A picture that was decoded successfully."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    @property
    def suffix(self) -> str:
        """The suffix of its file, with the dot."""
        return f".{ext_of(self.mime)}"


def inspect(
    data: bytes, *, max_bytes: int, decoder: Decoder, fit_bytes: int | None = None
) -> Picture:
    """Have the picture in ``data`` decoded; its format is detected from the content.

    With ``fit_bytes``, one of more bytes becomes a JPEG of the same dimensions and at most these.

    Raises:
        PictureError: it is over ``max_bytes`` or the decoder's limits, broken, or of another format
            than PNG, JPEG, WEBP and GIF; or even a JPEG of low quality is over ``fit_bytes``.
        DecoderUnavailable: it cannot be decoded now.
    """
    if len(data) > max_bytes:
        raise PictureError(too_large(max_bytes))
    seen, smaller = decoder.look(data, fit=fit_bytes)
    if smaller:
        return Picture(smaller.mime, smaller.width, smaller.height, smaller.data)
    return Picture(seen.mime, seen.width, seen.height, data)


def check_mask(mask: Picture, size: tuple[int, int] | None) -> None:
    """Raise ``PictureError`` unless the mask is a PNG of the picture's ``size`` (None: unknown)."""
    if mask.mime != "image/png":
        raise PictureError(f"a mask must be a PNG, this is {mask.mime}")
    if size is not None and mask.size != size:
        (width, height), (want_width, want_height) = mask.size, size
        raise PictureError(
            f"the mask has {width}x{height} pixels, its picture {want_width}x{want_height}: "
            "they must be of the same size"
        )


def to_data_url(picture: Picture) -> str:
    """The picture as ``data:<mime>;base64,...``."""
    return f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"


def from_data_url(url: str) -> bytes:
    """Decode a data URL; its MIME type is ignored, see ``inspect``. Raises ``PictureError``."""
    if is_bare_base64(url):
        raise PictureError("this is bare base64: write data:image/png;base64, before it")
    head = _DATA_URL.match(url)
    if not head:
        raise PictureError("a data URL must look like data:image/png;base64,...")
    try:
        return base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise PictureError("the data URL's base64 is wrong or cut off") from None


def is_bare_base64(text: str) -> bool:
    """Whether ``text`` is a picture in base64 without the prefix of a data URL."""
    return _BARE.fullmatch(text) is not None
