"""Pictures drawn from the prompt alone: the same prompt and seed give the same pixels.

A `Recipe` says how to draw a picture and how large it will be; nothing is drawn until it is
requested, so that a load test pays for no pixels. Follow-ups are recipes over their parent's
recipe: an upscale really is that quadrant, a blend really mixes its inputs.
"""

import colorsys
import inspect
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial, wraps
from typing import Any, ParamSpec

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from worker.sandbox.rng import seeded_rng

Size = tuple[int, int]
P = ParamSpec("P")

#: Edge of a square grid; each of its four cells has half of it.
EDGE = 1024
DIMENSIONS = {"PORTRAIT": (2, 3), "SQUARE": (1, 1), "LANDSCAPE": (3, 2)}
_NOTHING: Size = (0, 0)


@dataclass(frozen=True, eq=False)
class Recipe:
    """How to draw one picture. A size of (0, 0): an upload that is not a picture."""

    size: Size
    draw: Callable[[], Image.Image]
    made: tuple[str, tuple[Any, ...]] = ("", ())  #: the function in ``MAKERS``, its arguments

    @property
    def readable(self) -> bool:
        """Whether there is a picture to draw."""
        return self.size != _NOTHING


@lru_cache(maxsize=8)
def picture_of(recipe: Recipe) -> Image.Image:
    """The drawn picture; shared, so never change it in place."""
    return recipe.draw()


def png_of(recipe: Recipe) -> bytes:
    """The picture as a PNG file."""
    return _encoded(picture_of(recipe), "PNG", compress_level=1)


def preview_of(recipe: Recipe, percent: int) -> bytes:
    """The blurred picture that some providers show while a task runs."""
    small = picture_of(recipe).resize(_scaled(recipe.size, 0.25))
    blurred = small.filter(ImageFilter.GaussianBlur((100 - percent) / 10))
    return _encoded(blurred, "PNG", compress_level=1)


def gif_of(recipe: Recipe) -> bytes:
    """A short video that zooms into the picture."""
    base = picture_of(recipe)
    width, height = base.size
    size = _scaled(base.size, 256 / max(base.size))
    insets = [0.04 * step for step in range(6)]
    boxes = [(i * width, i * height, width * (1 - i), height * (1 - i)) for i in insets]
    first, *others = [base.resize(size, box=box) for box in boxes]
    return _encoded(first, "GIF", save_all=True, append_images=others, duration=120)


# --- recipes -------------------------------------------------------------------------------------

#: The functions that make recipes, by name.
MAKERS: dict[str, Callable[..., Recipe]] = {}


def _kept(make: Callable[P, Recipe]) -> Callable[P, Recipe]:
    """A function that makes recipes which say how they are made again."""
    signature = inspect.signature(make)

    @wraps(make)
    def noted(*args: P.args, **kwargs: P.kwargs) -> Recipe:
        bound = signature.bind(*args, **kwargs)
        return replace(make(*args, **kwargs), made=(make.__name__, tuple(bound.arguments.values())))

    MAKERS[make.__name__] = noted
    return noted


@_kept
def grid(prompt: str, seed: str) -> Recipe:
    """Four pictures of a prompt, two by two."""
    ratio = re.search(r"--ar\s+(\d+):(\d+)", prompt)
    wide, high = map(int, ratio.groups()) if ratio else (1, 1)
    size = max(1, wide) * EDGE, max(1, high) * EDGE
    return _four(size, lambda i, cell: _scene(prompt, f"{seed}/{i}", cell))


@_kept
def given(data: bytes) -> Recipe:
    """An uploaded picture; only its header is read now."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            size = image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return Recipe(_NOTHING, lambda: Image.new("RGB", (1, 1)))
    return Recipe(size, partial(_decode, data))


@_kept
def cell_of(parent: Recipe, index: int) -> Recipe:
    """One quadrant of a grid at its own size, as the base of a variation."""
    width, height = parent.size[0] // 2, parent.size[1] // 2
    left, top = (index - 1) % 2 * width, (index - 1) // 2 * height
    box = (left, top, left + width, top + height)
    return Recipe((width, height), lambda: picture_of(parent).crop(box))


@_kept
def enlarged(parent: Recipe, creative: bool = False) -> Recipe:  # noqa: FBT001, FBT002  # as it is kept
    """An upscale: twice the edge; the creative one also sharpens."""
    size = _scaled(parent.size, 2)

    def draw() -> Image.Image:
        image = picture_of(parent).resize(size, Image.Resampling.BICUBIC)
        return image.filter(ImageFilter.SHARPEN) if creative else image

    return Recipe(size, draw)


@_kept
def quadrant(parent: Recipe, index: int) -> Recipe:
    """Upscale 1-4 of a grid: that quadrant at twice its size."""
    return enlarged(cell_of(parent, index))


@_kept
def variation(parent: Recipe, prompt: str, seed: str, strength: float) -> Recipe:
    """Four pictures like the parent; the greater the strength (0-1), the less alike."""

    def tile(i: int, cell: Size) -> Image.Image:
        other = _scene(prompt, f"{seed}/{i}", cell)
        return Image.blend(picture_of(parent).resize(cell), other, strength)

    return _four(parent.size, tile)


@_kept
def repainted(parent: Recipe, mask: bytes, prompt: str, seed: str) -> Recipe:
    """Vary (Region): what is white in the mask is redrawn, the rest stays."""

    def tile(i: int, cell: Size) -> Image.Image:
        white = _decode(mask).convert("L").resize(cell)
        new = _scene(prompt, f"{seed}/{i}", cell)
        return Image.composite(new, picture_of(parent).resize(cell), white)

    return _four(parent.size, tile)


@_kept
def zoomed(parent: Recipe, factor: float, prompt: str, seed: str) -> Recipe:
    """The picture in the middle of a canvas `factor` times as large."""
    return _placed(parent, _scaled(parent.size, factor), None, prompt, seed)


@_kept
def squared(parent: Recipe, prompt: str, seed: str) -> Recipe:
    """The picture in the middle of a square canvas."""
    return _placed(parent, (max(parent.size), max(parent.size)), None, prompt, seed)


@_kept
def panned(parent: Recipe, direction: str, prompt: str, seed: str) -> Recipe:
    """The canvas extended by half on one side."""
    width, height = parent.size
    more = (width // 2, 0) if direction in ("left", "right") else (0, height // 2)
    at = more if direction in ("left", "up") else (0, 0)
    return _placed(parent, (width + more[0], height + more[1]), at, prompt, seed)


@_kept
def blended(parents: tuple[Recipe, ...], dimensions: str) -> Recipe:
    """Four mixtures of the given pictures, each closest to another of them."""
    wide, high = DIMENSIONS[dimensions]

    def tile(i: int, cell: Size) -> Image.Image:
        images = [ImageOps.fit(picture_of(parent), cell) for parent in parents]
        mixed = images.pop(i % len(images))
        for image in images:
            mixed = Image.blend(mixed, image, 1 / (len(images) + 2))
        return mixed

    return _four((wide * EDGE, high * EDGE), tile)


@_kept
def swapped(source: Recipe, target: Recipe) -> Recipe:
    """The middle of one picture, in an oval on top of the other."""

    def draw() -> Image.Image:
        base = picture_of(target).copy()
        size = _scaled(target.size, 0.4)
        oval = Image.new("L", size)
        ImageDraw.Draw(oval).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=255)
        face = ImageOps.fit(picture_of(source), size)
        base.paste(face, _middle(base.size, size), oval)
        return base

    return Recipe(target.size, draw)


# --- drawing -------------------------------------------------------------------------------------


def _scene(prompt: str, seed: str, size: Size) -> Image.Image:
    """A gradient sky, translucent discs and the prompt's words."""
    rng = seeded_rng(prompt, seed)
    hue = rng.random()
    sky = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))).resize(size)
    image = ImageOps.colorize(sky, _colour(hue, 0.75, 0.3), _colour(hue + 0.12, 0.45, 1.0))
    discs = ImageDraw.Draw(image, "RGBA")
    for _ in range(9):
        radius = rng.randint(size[0] // 20, size[0] // 4)
        centre = rng.randint(0, size[0]), rng.randint(0, size[1])
        fill = (*_colour(hue + rng.choice((0.05, 0.3, 0.5)), 0.6, 0.95), rng.randint(50, 130))
        discs.circle(centre, radius, fill=fill)
    words = re.sub(r"--\w+\s+\S+", "", prompt).strip().encode("ascii", "replace").decode()
    if words:
        font = ImageFont.load_default(max(10, size[1] // 24))
        spot = (size[0] // 20, size[1] - size[1] // 9)
        ImageDraw.Draw(image).text(spot, words[:40], fill="white", font=font)
    return image


def _placed(parent: Recipe, canvas: Size, at: Size | None, prompt: str, seed: str) -> Recipe:
    """The picture on a larger canvas, whose rest is drawn new; `at` None: in the middle."""
    left, top = at or _middle(canvas, parent.size)

    def tile(i: int, cell: Size) -> Image.Image:
        scale = cell[0] / canvas[0]
        image = _scene(prompt, f"{seed}/{i}", cell)
        spot = (round(left * scale), round(top * scale))
        image.paste(picture_of(parent).resize(_scaled(parent.size, scale)), spot)
        return image

    return _four(canvas, tile)


def _four(proportions: Size, tile: Callable[[int, Size], Image.Image]) -> Recipe:
    """A grid of four cells with these proportions; `tile(i, size)` draws one of them."""
    # A cell has a quarter of a square grid's area, even edges, and is at most 1:4.
    ratio = min(4.0, max(0.25, proportions[0] / proportions[1]))
    edge = EDGE / 2 * ratio**0.5
    width, height = round(edge / 2) * 2, round(edge / ratio / 2) * 2

    def draw() -> Image.Image:
        image = Image.new("RGB", (2 * width, 2 * height))
        for i in range(4):
            image.paste(tile(i, (width, height)), (i % 2 * width, i // 2 * height))
        return image

    return Recipe((2 * width, 2 * height), draw)


def _decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _scaled(size: Size, factor: float) -> Size:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _middle(outer: Size, inner: Size) -> Size:
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
