import io

import pytest
from PIL import Image, ImageChops, ImageStat

from worker.sandbox import pictures, texts
from worker.sandbox.pictures import Recipe

GRID = pictures.grid("a red fox", "1")


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def png(size: tuple[int, int], colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def test_the_same_prompt_and_seed_draw_the_same_file() -> None:
    assert pictures.png_of(GRID) == pictures.png_of(pictures.grid("a red fox", "1"))
    assert pictures.png_of(GRID) != pictures.png_of(pictures.grid("a red fox", "2"))


@pytest.mark.parametrize("index", [1, 2, 3, 4])
def test_an_upscale_is_that_quadrant_larger(index: int) -> None:
    upscale = pictures.picture_of(pictures.quadrant(GRID, index))
    left, top = (index - 1) % 2 * 512, (index - 1) // 2 * 512
    quadrant = pictures.picture_of(GRID).crop((left, top, left + 512, top + 512))
    assert upscale.size == (1024, 1024)
    assert difference(upscale.resize((512, 512)), quadrant) < 2
    others = [pictures.picture_of(pictures.quadrant(GRID, i)) for i in range(1, 5) if i != index]
    assert min(difference(upscale, other) for other in others) > 10


SINGLE = pictures.quadrant(GRID, 1)
WIDE = pictures.quadrant(pictures.grid("a fox --ar 16:9", "1"), 1)
RECIPES = {
    "wide grid": pictures.grid("a fox --ar 16:9", "1"),
    "variation": pictures.variation(pictures.cell_of(GRID, 2), "a red fox", "2", 0.3),
    "enlarged": pictures.enlarged(SINGLE, creative=True),
    "zoomed": pictures.zoomed(SINGLE, 2, "a red fox", "2"),
    "panned": pictures.panned(SINGLE, "left", "a red fox", "2"),
    "squared": pictures.squared(WIDE, "a red fox", "2"),
    "blended": pictures.blended((SINGLE, WIDE), "PORTRAIT"),
    "swapped": pictures.swapped(SINGLE, WIDE),
    "repainted": pictures.repainted(SINGLE, png((1024, 1024), "black"), "a hat", "2"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_draws_a_file_of_the_size_it_promised(name: str) -> None:
    with Image.open(io.BytesIO(pictures.png_of(RECIPES[name]))) as image:
        assert image.format == "PNG"
        assert image.size == RECIPES[name].size


@pytest.mark.parametrize(
    ("name", "wider"), [("wide grid", True), ("panned", True), ("blended", False)]
)
def test_proportions_follow_the_request(name: str, wider: bool) -> None:
    width, height = RECIPES[name].size
    assert (width > height) is wider


def test_zoom_keeps_the_picture_in_the_middle() -> None:
    cell = pictures.picture_of(RECIPES["zoomed"]).crop((128, 128, 384, 384))
    assert difference(cell, pictures.picture_of(SINGLE).resize((256, 256))) < 2


def test_vary_region_repaints_the_white_part_only() -> None:
    mask = Image.new("L", (1024, 1024))
    mask.paste(255, (0, 0, 512, 1024))
    out = io.BytesIO()
    mask.save(out, "PNG")
    tile = pictures.picture_of(pictures.repainted(SINGLE, out.getvalue(), "a hat", "2"))
    tile, base = tile.crop((0, 0, 512, 512)), pictures.picture_of(SINGLE).resize((512, 512))
    assert difference(tile.crop((260, 0, 512, 512)), base.crop((260, 0, 512, 512))) < 1
    assert difference(tile.crop((0, 0, 250, 512)), base.crop((0, 0, 250, 512))) > 10


def test_a_blend_really_mixes_what_was_handed_in() -> None:
    red, blue = pictures.given(png((64, 64), "red")), pictures.given(png((64, 64), "blue"))
    red_part, _, blue_part = pictures.picture_of(pictures.blended((red, blue), "SQUARE")).split()
    assert ImageStat.Stat(red_part).mean[0] > 60
    assert ImageStat.Stat(blue_part).mean[0] > 60


def test_what_is_no_picture_is_seen_without_drawing() -> None:
    assert not pictures.given(b"no picture").readable
    assert pictures.given(png((3, 5), "red")).size == (3, 5)


def test_previews_and_films_decode() -> None:
    small = Recipe((64, 64), lambda: Image.new("RGB", (64, 64), "green"))
    with Image.open(io.BytesIO(pictures.preview_of(small, 31))) as preview:
        preview.load()
    with Image.open(io.BytesIO(pictures.gif_of(GRID))) as film:
        assert film.format == "GIF"
        assert getattr(film, "n_frames", 1) > 1


@pytest.mark.parametrize("form", [texts.numbered, texts.unnumbered])
def test_describe_prompts_come_back_clean(form: object) -> None:
    assert callable(form)
    prompts = texts.described("x")
    assert len(prompts) == 4
    assert texts.prompts_in(form(prompts)) == prompts


def test_shorten_has_the_two_headings_and_five_ever_shorter_prompts() -> None:
    text = texts.shortened("an old tower by the sea, gouache, fog, dusk, gulls, far away")
    heading, _, prompts = text.partition("## Shortened prompts\n")
    assert heading.startswith("## Important tokens\n**an**")
    found = texts.prompts_in(prompts)
    assert [len(prompt) for prompt in found] == sorted((len(p) for p in found), reverse=True)
    assert len(found) == 5
