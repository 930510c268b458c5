"""What a stored file is, told from its content."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.support.drawing import box, draw, film, grid, minimal_gif, png_of_size
from worker.adapters.decoding import images, media
from worker.adapters.decoding.values import Media
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import PictureError

WEBM = b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + bytes(99)


def seen(data: bytes, **limits: int) -> Media:
    return media.inspect(BytesIO(data), ImageLimits(**limits))


@pytest.mark.parametrize(
    ("data", "mime", "ext"),
    [
        (draw("PNG"), "image/png", "png"),
        (draw("JPEG"), "image/jpeg", "jpg"),
        (draw("WEBP"), "image/webp", "webp"),
        (draw("GIF"), "image/gif", "gif"),
        (film(), "video/mp4", "mp4"),
        (film(b"qt  "), "video/quicktime", "mov"),
        (box(b"wide", b"") + box(b"mdat", b"x") + box(b"moov", b"x"), "video/quicktime", "mov"),
        (WEBM, "video/webm", "webm"),
    ],
)
def test_the_content_tells_the_type(data: bytes, mime: str, ext: str) -> None:
    found = seen(data)
    assert (found.mime, found.ext) == (mime, ext)
    assert found.is_decoded is mime.startswith("image/")
    assert found.moves is mime.startswith("video/")


def moving(frames: int, form: str = "GIF", **how: Any) -> bytes:
    file = BytesIO()
    shots = [Image.effect_noise((64, 64), 90 + n) for n in range(frames)]
    shots[0].save(file, form, save_all=True, append_images=shots[1:], **how)
    return file.getvalue()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animated_picture_is_a_film(form: str) -> None:
    found = seen(moving(3, form))
    assert (found.mime, found.moves) == (f"image/{form.lower()}", True)
    assert (found.width, found.height) == (64, 64)
    assert not seen(moving(1, form)).moves


def test_a_still_webp_with_further_chunks_does_not_move() -> None:
    data = draw("WEBP", (8, 6), "RGBA", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    assert b"VP8X" in data
    assert not seen(data).moves


def test_the_other_pictures_of_a_phone_are_no_frames() -> None:
    file = BytesIO()
    shots = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    shots[0].save(file, "MPO", save_all=True, append_images=shots[1:])
    assert seen(file.getvalue()) == Media("image/jpeg", "jpg", 64, 64, moves=False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska" + bytes(99),
        draw("PNG", (99, 99))[:-9],
        draw("JPEG", (99, 99))[:-40],
        moving(5)[:-3000],
        film()[:-1],
        film()[:40],
        box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", b"x"),
        box(b"ftyp", b"isom" + bytes(4)) + b"\0\0\0\4moov",
    ],
)
def test_what_is_cut_off_or_no_file_of_ours_may_be_had_elsewhere(data: bytes) -> None:
    with pytest.raises(PictureError) as caught:
        seen(data)
    assert caught.value.dead_link


def test_a_film_may_tell_sizes_in_64_bits_and_end_where_the_file_does() -> None:
    large = b"\0\0\0\1mdat" + (16 + 5).to_bytes(8) + b"12345"
    open_end = b"\0\0\0\0mdat12345"
    start = box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", b"x")
    assert seen(start + large).mime == seen(start + open_end).mime == "video/mp4"


def test_a_picture_of_too_many_pixels_is_no_better_elsewhere() -> None:
    with pytest.raises(PictureError, match="million pixels") as caught:
        seen(png_of_size(10_000, 10_000))
    assert not caught.value.dead_link


def test_frames_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_FRAME_PIXELS", 4 * 64 * 64)
    assert seen(moving(4)).mime == "image/gif"
    with pytest.raises(PictureError, match="million pixels"):
        seen(moving(5))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_has_the_allowed_frames_at_most(form: str) -> None:
    assert seen(moving(4, form), frames=4).moves
    with pytest.raises(PictureError, match=r"4 frames \(HOOKLINE_MAX_IMAGE_FRAMES\)") as caught:
        seen(moving(5, form), frames=4)
    assert not caught.value.dead_link


def test_frames_beyond_the_allowed_ones_are_not_looked_at() -> None:
    head, frame = minimal_gif()
    with pytest.raises(PictureError, match="1000 frames"):
        seen(head + frame * 300_000)


def test_a_film_of_nothing_but_boxes_is_refused() -> None:
    data = film() + box(b"free", b"") * media.MAX_BOXES
    with pytest.raises(PictureError, match="10000 boxes") as caught:
        seen(data)
    assert not caught.value.dead_link


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "CMYK")])
def test_a_thumbnail_is_a_small_webp(form: str, mode: str) -> None:
    made = images.thumbnail(BytesIO(draw(form, (2048, 1024), mode)))
    assert (made.mime, made.width, made.height) == ("image/webp", 512, 256)
    with Image.open(BytesIO(made.data)) as image:
        image.load()
        assert image.size == (512, 256)


def test_a_small_picture_s_thumbnail_is_no_larger() -> None:
    assert images.thumbnail(BytesIO(draw("PNG", (20, 30)))).width == 20


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_s_thumbnail_is_its_first_frame(form: str) -> None:
    assert images.thumbnail(BytesIO(moving(3, form))).width == 64


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_tiles_are_the_four_pictures_in_the_grids_own_format(form: str) -> None:
    with Image.open(BytesIO(grid("red", "lime", "blue", "white", cell=(32, 16)))) as image:
        how = {"lossless": True} if form == "WEBP" else {}
        file = BytesIO()
        image.save(file, form, **how)
    made = list(images.tiles(file, f"image/{form.lower()}"))
    assert [tile.tile for tile in made] == [1, 2, 3, 4]
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    for tile, colour in zip(made, colours, strict=True):
        assert (tile.mime, tile.width, tile.height) == (f"image/{form.lower()}", 32, 16)
        with Image.open(BytesIO(tile.data)) as image:
            found = image.convert("RGB").getpixel((16, 8))
        assert isinstance(found, tuple)
        assert all(abs(a - b) < 6 for a, b in zip(found, colour, strict=True))


def test_the_same_picture_gives_the_same_bytes() -> None:
    data = draw("JPEG", (300, 200))
    assert images.thumbnail(BytesIO(data)) == images.thumbnail(BytesIO(data))
    assert list(images.tiles(BytesIO(data), "image/jpeg")) == list(
        images.tiles(BytesIO(data), "image/jpeg")
    )
