"""Real pictures, drawn from the prompt alone: the same prompt and seed give the same pixels.

A `Recipe` says how to draw a picture and how large it will be; nothing is drawn until somebody
asks for it, so that a load test pays for no pixel. Follow-ups are recipes over their parent's
recipe: an upscale really is that quadrant, a blend really mixes what was handed in.
"""

from __future__ import annotations

import colorsys
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont, ImageOps

from worker.sandbox.chance import chance

Size = tuple[int, int]
Colour = tuple[int, int, int]

#: Edge of a square grid; each of its four cells has half of it.
EDGE = 1024
DIMENSIONS = {"PORTRAIT": "2:3", "SQUARE": "1:1", "LANDSCAPE": "3:2"}
_NOTHING: Size = (0, 0)


@dataclass(frozen=True, eq=False)
class Recipe:
    """How to draw one picture. A size of (0, 0) means: handed in, but not a picture."""

    size: Size
    draw: Callable[[], Image.Image]

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
    """A short film that moves into the picture."""
    base = picture_of(recipe)
    size = _scaled(recipe.size, 256 / max(recipe.size))
    frames = []
    for step in range(6):
        inset = 0.04 * step
        box = (inset * base.width, inset * base.height, *_far_corner(base.size, inset))
        frames.append(base.resize(size, box=box))
    return _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=120)


# --- recipes -------------------------------------------------------------------------------------


def grid(prompt: str, seed: str, ratio: str | None = None) -> Recipe:
    """Four pictures of a prompt, two by two."""
    cell = _cell_size(ratio or _ratio_in(prompt))
    return _four(cell, lambda i: _scene(prompt, f"{seed}/{i}", cell))


def given(data: bytes) -> Recipe:
    """A picture that was handed in; only its header is read now."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            size = image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return Recipe(_NOTHING, lambda: Image.new("RGB", (1, 1)))
    return Recipe(size, partial(_decode, data))


def quadrant(parent: Recipe, index: int) -> Recipe:
    """Upscale 1-4 of a grid: that quadrant at twice its size."""
    return Recipe(_cell(parent, index).size, lambda: _double(_crop(parent, index)))


def enlarged(parent: Recipe, *, creative: bool) -> Recipe:
    """The second upscale: twice the edge; the creative one sharpens besides."""

    def draw() -> Image.Image:
        image = _double(picture_of(parent))
        return image.filter(ImageFilter.SHARPEN) if creative else image

    return Recipe(_scaled(parent.size, 2), draw)


def variation(parent: Recipe, prompt: str, seed: str, strength: float) -> Recipe:
    """Four relatives of a picture, the further from it the greater the strength."""
    cell = _fitted(parent.size)

    def tile(i: int) -> Image.Image:
        other = _scene(prompt, f"{seed}/{i}", cell)
        return Image.blend(picture_of(parent).resize(cell), other, strength)

    return _four(cell, tile)


def cell_of(parent: Recipe, index: int) -> Recipe:
    """One quadrant of a grid at its own size, as the base of a variation."""
    cell = _cell(parent, index)
    return Recipe(_halved(parent.size), cell.draw)


def repainted(parent: Recipe, mask: bytes, prompt: str, seed: str) -> Recipe:
    """Vary (Region): what is white in the mask is drawn anew, the rest stays."""
    cell = _fitted(parent.size)

    def tile(i: int) -> Image.Image:
        white = _decode(mask).convert("L").resize(cell)
        new = _scene(prompt, f"{seed}/{i}", cell)
        return Image.composite(new, picture_of(parent).resize(cell), white)

    return _four(cell, tile)


def placed(parent: Recipe, canvas: Size, at: Size, prompt: str, seed: str) -> Recipe:
    """Zoom, pan and square: the picture on a larger canvas, whose rest is drawn anew."""
    cell = _fitted(canvas)
    scale = cell[0] / canvas[0]

    def tile(i: int) -> Image.Image:
        image = _scene(prompt, f"{seed}/{i}", cell)
        spot = (round(at[0] * scale), round(at[1] * scale))
        image.paste(picture_of(parent).resize(_scaled(parent.size, scale)), spot)
        return image

    return _four(cell, tile)


def zoomed(parent: Recipe, factor: float, prompt: str, seed: str) -> Recipe:
    """The picture in the middle of a canvas `factor` times as large."""
    canvas = _scaled(parent.size, factor)
    return placed(parent, canvas, _middle(canvas, parent.size), prompt, seed)


def squared(parent: Recipe, prompt: str, seed: str) -> Recipe:
    """The picture in the middle of a square canvas."""
    canvas = (max(parent.size), max(parent.size))
    return placed(parent, canvas, _middle(canvas, parent.size), prompt, seed)


def panned(parent: Recipe, direction: str, prompt: str, seed: str) -> Recipe:
    """The canvas half as large again on one side."""
    width, height = parent.size
    more = (width // 2, 0) if direction in ("left", "right") else (0, height // 2)
    canvas = (width + more[0], height + more[1])
    at = more if direction in ("left", "up") else (0, 0)
    return placed(parent, canvas, at, prompt, seed)


def blended(parents: tuple[Recipe, ...], dimensions: str) -> Recipe:
    """Four mixtures of the given pictures, each leaning towards another of them."""
    cell = _cell_size(DIMENSIONS[dimensions])

    def tile(i: int) -> Image.Image:
        images = [ImageOps.fit(picture_of(parent), cell) for parent in parents]
        mixed = images[i % len(images)]
        for n, image in enumerate(images):
            if n != i % len(images):
                mixed = Image.blend(mixed, image, 1 / (len(images) + 1))
        return mixed

    return _four(cell, tile)


def swapped(source: Recipe, target: Recipe) -> Recipe:
    """The middle of one picture in an oval upon the other."""

    def draw() -> Image.Image:
        base = picture_of(target).copy()
        face_size = _scaled(target.size, 0.4)
        oval = Image.new("L", face_size)
        ImageDraw.Draw(oval).ellipse((0, 0, face_size[0] - 1, face_size[1] - 1), fill=255)
        face = ImageOps.fit(picture_of(source), face_size)
        base.paste(face, _middle(base.size, face_size), oval)
        return base

    return Recipe(target.size, draw)


# --- drawing -------------------------------------------------------------------------------------


def _scene(prompt: str, seed: str, size: Size) -> Image.Image:
    """A gradient sky, translucent discs and the prompt's words."""
    dice = chance(prompt, seed)
    hue = dice.random()
    sky = Image.linear_gradient("L").rotate(dice.choice((0, 90, 180, 270))).resize(size)
    image = ImageOps.colorize(sky, _colour(hue, 0.75, 0.3), _colour(hue + 0.12, 0.45, 1.0))
    discs = ImageDraw.Draw(image, "RGBA")
    for _ in range(9):
        radius = dice.randint(size[0] // 20, size[0] // 4)
        x, y = dice.randint(0, size[0]), dice.randint(0, size[1])
        fill = (*_colour(hue + dice.choice((0.05, 0.3, 0.5)), 0.6, 0.95), dice.randint(50, 130))
        discs.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    _caption(image, prompt)
    return image


def _caption(image: Image.Image, prompt: str) -> None:
    words = re.sub(r"--\w+\s+\S+", "", prompt).strip().encode("ascii", "replace").decode()
    if words:
        font = ImageFont.load_default(max(10, image.height // 24))
        spot = (image.width // 20, image.height - image.height // 9)
        ImageDraw.Draw(image).text(spot, words[:40], fill=ImageColor.getrgb("white"), font=font)


def _four(cell: Size, tile: Callable[[int], Image.Image]) -> Recipe:
    def draw() -> Image.Image:
        image = Image.new("RGB", (2 * cell[0], 2 * cell[1]))
        for i in range(4):
            image.paste(tile(i), (i % 2 * cell[0], i // 2 * cell[1]))
        return image

    return Recipe((2 * cell[0], 2 * cell[1]), draw)


def _cell(parent: Recipe, index: int) -> Recipe:
    half = _halved(parent.size)
    return Recipe((2 * half[0], 2 * half[1]), lambda: _crop(parent, index))


def _crop(parent: Recipe, index: int) -> Image.Image:
    width, height = _halved(parent.size)
    left, top = (index - 1) % 2 * width, (index - 1) // 2 * height
    return picture_of(parent).crop((left, top, left + width, top + height))


def _decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _double(image: Image.Image) -> Image.Image:
    return image.resize(_scaled(image.size, 2), Image.Resampling.BICUBIC)


def _encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _ratio_in(prompt: str) -> str:
    found = re.search(r"--ar\s+(\d+:\d+)", prompt)
    return found.group(1) if found else "1:1"


def _cell_size(ratio: str) -> Size:
    wide, high = (max(1, int(part)) for part in ratio.split(":"))
    return _fitted((wide * EDGE, high * EDGE))


def _fitted(size: Size) -> Size:
    """A cell of these proportions and half a grid's area, even edges, at most 1:4."""
    ratio = min(4.0, max(0.25, size[0] / size[1]))
    width = EDGE / 2 * ratio**0.5
    return round(width / 2) * 2, round(width / ratio / 2) * 2


def _scaled(size: Size, factor: float) -> Size:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _halved(size: Size) -> Size:
    return size[0] // 2, size[1] // 2


def _middle(outer: Size, inner: Size) -> Size:
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2


def _far_corner(size: Size, inset: float) -> tuple[float, float]:
    return size[0] * (1 - inset), size[1] * (1 - inset)
