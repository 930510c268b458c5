"""PURE. Decodes pictures with Pillow. Runs in decoding processes only: see ``decoder``."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import IO, Any

from PIL import (  # the plugins are named, because else Pillow loads all that it has
    GifImagePlugin,
    Image,
    ImageSequence,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from worker.adapters.decoding.values import Drawn, Seen, ext_of, too_large
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import PictureError

#: All frames of an animation together.
MAX_FRAME_PIXELS = 1_000_000_000
#: The longest side of a thumbnail, in pixels.
THUMBNAIL = 512

#: MIME types by Pillow's names. A phone's MPO is a JPEG with data appended.
_MIMES = {
    PngImagePlugin.PngImageFile.format: "image/png",
    JpegImagePlugin.JpegImageFile.format: "image/jpeg",
    MpoImagePlugin.MpoImageFile.format: "image/jpeg",
    WebPImagePlugin.WebPImageFile.format: "image/webp",
    GifImagePlugin.GifImageFile.format: "image/gif",
}
_READABLE = ("PNG", "JPEG", "WEBP", "GIF")

#: The format of tiles by the grid's type, with options that give the same bytes each time.
_TILES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "image/png": ("PNG", {}),
    "image/jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "image/webp": ("WEBP", {"lossless": True}),
    "image/gif": ("PNG", {}),
}


def look(file: IO[bytes], limits: ImageLimits, *, frames: bool = False) -> Seen:
    """Decode the picture in ``file``; with ``frames``, all frames of an animation.

    Its format is detected from the content.

    Raises:
        PictureError: it is over the limits, broken, or of another format than PNG, JPEG, WEBP and
            GIF; with ``dead_link`` if it is broken or not a picture, as after a truncated download.
        MemoryError: the process may not use what decoding it takes.
    """
    if not file.seek(0, 2):
        raise PictureError("the picture is empty", dead_link=True)
    try:
        return _decoded(file, limits, frames=frames)
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError:
        message = "this is not a PNG, JPEG, WEBP or GIF picture"
        raise PictureError(message, dead_link=True) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(_too_many_pixels(limits)) from None
    except Exception as error:  # noqa: BLE001  # Pillow's readers raise whatever a broken file causes
        raise PictureError(f"the picture is broken: {error}", dead_link=True) from None


def fit(file: IO[bytes], max_bytes: int) -> Drawn:
    """The picture as a JPEG of the same dimensions in at most ``max_bytes``.

    Raises ``PictureError`` if even one of low quality is larger.
    """
    page = _on_white(file)
    for quality in (92, 80, 60):
        data = BytesIO()
        page.save(data, "JPEG", quality=quality)
        if data.tell() <= max_bytes:
            return Drawn("image/jpeg", "jpg", *page.size, data.getvalue())
    raise PictureError(too_large(max_bytes))


def thumbnail(file: IO[bytes]) -> Drawn:
    """A small WebP of the picture, or of an animation's first frame."""
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        image.draft("RGB", (THUMBNAIL, THUMBNAIL))
        shown = _as(image, "RGBA" if image.has_transparency_data else "RGB")
    shown.thumbnail((THUMBNAIL, THUMBNAIL))
    data = BytesIO()
    shown.save(data, "WEBP", quality=80)
    return Drawn("image/webp", "webp", *shown.size, data.getvalue(), colour=_average(shown))


def tiles(file: IO[bytes], mime: str) -> Iterator[Drawn]:
    """The four pictures of a grid, in the order of U1 to U4."""
    form, how = _TILES[mime]
    made_as = _MIMES[form]
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        width, height = image.width // 2, image.height // 2
        for number in range(1, 5):
            left, top = (number - 1) % 2 * width, (number - 1) // 2 * height
            data = BytesIO()
            image.crop((left, top, left + width, top + height)).save(data, form, **how)
            yield Drawn(made_as, ext_of(made_as), width, height, data.getvalue(), number)


def _decoded(file: IO[bytes], limits: ImageLimits, *, frames: bool) -> Seen:
    mime = _verified(file, limits)
    # `verify` only compares checksums and leaves the image unusable: decoding opens it again.
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        image.load()
        count = _frames_of(image, limits) if frames else 1
        return Seen(mime, image.width, image.height, frames=count)


def _verified(file: IO[bytes], limits: ImageLimits) -> str:
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        if image.width * image.height > limits.pixels:
            raise PictureError(_too_many_pixels(limits))
        image.verify()
        return _MIMES[image.format or ""]


def _frames_of(image: Image.Image, limits: ImageLimits) -> int:
    """Decode the frames of an animation and count them.

    A phone's MPO only has other pictures behind its own.
    """
    if image.format == "MPO":
        return 1
    if image.format != "GIF":  # which has no count: Pillow would go through the whole file for it
        _check_frames(getattr(image, "n_frames", 1), image.size, limits)
    count = 0
    for frame in ImageSequence.Iterator(image):
        count += 1
        _check_frames(count, frame.size, limits)
        frame.load()
    return count


def _check_frames(count: int, size: tuple[int, int], limits: ImageLimits) -> None:
    if count > limits.frames:
        raise PictureError(
            f"the picture has more than the allowed {limits.frames} frames "
            "(HOOKLINE_MAX_IMAGE_FRAMES)"
        )
    if count > 1 and count * size[0] * size[1] > MAX_FRAME_PIXELS:
        raise PictureError(
            f"the picture's frames have more than {MAX_FRAME_PIXELS // 1_000_000} million pixels"
        )


def _on_white(file: IO[bytes]) -> Image.Image:
    file.seek(0)
    with Image.open(file, formats=_READABLE) as image:
        if not image.has_transparency_data:
            return _as(image, "RGB")
        shown = _as(image, "RGBA")
    page = Image.new("RGB", shown.size, "white")
    page.paste(shown, mask=shown)
    return page


def _average(image: Image.Image) -> str:
    """The average colour as ``rrggbb``; what shows through counts as white."""
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image if image.mode == "RGBA" else None)
    # ``reduce`` averages whole boxes, so one of the picture's size gives one pixel.
    return page.reduce(page.size).tobytes().hex()


def _as(image: Image.Image, mode: str) -> Image.Image:
    """The picture in this mode; unlike ``convert``, no second copy if that is its own."""
    image.load()
    return image if image.mode == mode else image.convert(mode)


def _too_many_pixels(limits: ImageLimits) -> str:
    return (
        f"the picture has more than the allowed {limits.pixels // 1_000_000} million pixels "
        "(HOOKLINE_MAX_IMAGE_PIXELS)"
    )
