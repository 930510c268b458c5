"""PURE. Inspects untrusted pictures before they are used."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

from PIL import Image, ImageSequence, UnidentifiedImageError

from worker.domain.errors import PictureError

#: Width times height; more needs hundreds of megabytes once decoded.
MAX_PIXELS = 50_000_000
#: All frames of an animation together.
MAX_FRAME_PIXELS = 1_000_000_000

#: MIME types by Pillow's names. A phone's MPO is a JPEG with data appended.
MIMES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
_READABLE = ("PNG", "JPEG", "WEBP", "GIF")

_DATA_URL = re.compile(
    r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII | re.IGNORECASE
)

#: The beginnings of PNG, JPEG, WEBP and GIF in base64.
_BARE = re.compile(r"(?:iVBORw0KGgo|/9j/|UklGR|R0lGOD)[A-Za-z0-9+/]{32,}={0,2}")


@dataclass(frozen=True, slots=True)
class Seen:
    """The outcome of decoding a picture."""

    mime: str  #: image/png, image/jpeg, image/webp or image/gif
    width: int
    height: int
    frames: int = field(default=1, kw_only=True)  #: of an animation, if they were asked for


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


def inspect(data: bytes, *, max_bytes: int) -> Picture:
    """Decode the picture in ``data``; its format is detected from the content.

    Raises:
        PictureError: it is over ``max_bytes`` or ``MAX_PIXELS``, broken, or of another format
            than PNG, JPEG, WEBP and GIF.
    """
    if len(data) > max_bytes:
        raise PictureError(_too_large(max_bytes))
    seen = look(BytesIO(data))
    return Picture(seen.mime, seen.width, seen.height, data)


def look(file: IO[bytes], *, frames: bool = False) -> Seen:
    """Decode the picture in ``file``; with ``frames``, all frames of an animation.

    Raises:
        PictureError: as ``inspect``; with ``dead_link`` if it is broken or not a picture, as after
            a truncated download.
    """
    if not file.seek(0, 2):
        raise PictureError("the picture is empty", dead_link=True)
    try:
        return _decoded(file, frames=frames)
    except PictureError:
        raise
    except UnidentifiedImageError:
        message = "this is not a PNG, JPEG, WEBP or GIF picture"
        raise PictureError(message, dead_link=True) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(_too_many_pixels()) from None
    except Exception as error:  # noqa: BLE001  # Pillow's readers raise whatever a broken file causes
        raise PictureError(f"the picture is broken: {error}", dead_link=True) from None


def ext_of(mime: str) -> str:
    """The file extension of this picture type, without a dot."""
    return "jpg" if mime == "image/jpeg" else mime.removeprefix("image/")


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


def fit(picture: Picture, max_bytes: int) -> Picture:
    """The picture in at most ``max_bytes``: unchanged, or a JPEG of the same dimensions.

    A mask still fits. Raises ``PictureError`` if even a JPEG of low quality is larger.
    """
    if len(picture.data) <= max_bytes:
        return picture
    with Image.open(BytesIO(picture.data), formats=_READABLE) as image:
        shown = image.convert("RGBA")
    page = Image.new("RGB", shown.size, "white")
    page.paste(shown, mask=shown)
    for quality in (92, 80, 60):
        file = BytesIO()
        page.save(file, "JPEG", quality=quality)
        if file.tell() <= max_bytes:
            return Picture("image/jpeg", *picture.size, file.getvalue())
    raise PictureError(_too_large(max_bytes))


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


def _too_large(max_bytes: int) -> str:
    return f"the picture has more than the allowed {max_bytes / 1024**2:.3g} MiB; make it smaller"


def _decoded(file: IO[bytes], *, frames: bool) -> Seen:
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureError(_too_many_pixels())
        mime = MIMES[image.format or ""]
        image.verify()
    # `verify` only compares checksums and leaves the image unusable: decoding opens it again.
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        image.load()
        count = _frames_of(image) if frames else 1
        if frames:
            if count * width * height > MAX_FRAME_PIXELS:
                raise PictureError(_too_many_pixels())
            for frame in ImageSequence.Iterator(image):
                frame.load()
    return Seen(mime, width, height, frames=count)


def _frames_of(image: Image.Image) -> int:
    """The frames of an animation. A phone's MPO only has other pictures behind its own."""
    return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)


def _too_many_pixels() -> str:
    return f"the picture has more than the allowed {MAX_PIXELS // 1_000_000} million pixels"
