"""What Pillow makes of pictures, sound and not."""

import os
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.drawing import draw, png_of_size, png_with
from worker.adapters.decoding import images
from worker.adapters.decoding.values import Seen, ext_of
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import PictureError

LIMITS = ImageLimits(pixels=50_000_000)
MIB = 1024 * 1024


def look(data: bytes) -> Seen:
    return images.look(BytesIO(data), LIMITS)


@pytest.mark.parametrize(
    ("form", "mime", "ext"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
        ("MPO", "image/jpeg", "jpg"),
    ],
)
def test_a_picture_is_known_by_its_content(form: str, mime: str, ext: str) -> None:
    seen = look(draw(form))
    assert (seen.mime, ext_of(seen.mime), seen.width, seen.height) == (mime, ext, 8, 6)


def test_a_phone_s_double_picture_is_a_jpeg() -> None:
    second = Image.new("RGB", (8, 6))
    data = draw("MPO", save_all=True, append_images=[second])
    assert look(data).mime == "image/jpeg"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG", id="svg"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "not a PNG", id="only a beginning"),
        pytest.param(draw("BMP"), "not a PNG", id="bmp"),
        pytest.param(draw("TIFF"), "not a PNG", id="tiff"),
        pytest.param(draw(size=(64, 64))[:-30], "broken", id="cut png"),
        pytest.param(draw("JPEG", size=(64, 64))[:-30], "broken", id="cut jpeg"),
        pytest.param(draw().replace(b"IDATx", b"IDATy"), "broken", id="wrong checksum"),
        pytest.param(png_of_size(8000, 7000), "50 million pixels", id="large"),
        pytest.param(png_of_size(10_000, 10_000), "50 million pixels", id="a bomb's warning"),
        pytest.param(png_of_size(100_000, 100_000), "50 million pixels", id="a bomb"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_sound_picture_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(PictureError, match=problem) as caught:
        look(data)
    assert not caught.value.retryable


def test_a_bomb_is_refused_where_warnings_are_errors() -> None:
    with pytest.raises(PictureError, match="million pixels"):
        look(png_of_size(10_000, 10_000))


@given(st.binary(), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.integers(0, 200))
def test_any_bytes_are_a_picture_or_an_error(noise: bytes, form: str, keep: int) -> None:
    with suppress(PictureError):
        seen = look(draw(form)[:keep] + noise)
        assert min(seen.width, seen.height) > 0
        assert seen.mime in {"image/png", "image/jpeg", "image/webp", "image/gif"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png_with(b"zTXt", b"k\0\0" + zlib.compress(bytes(64 * MIB))), id="text"),
        pytest.param(
            png_with(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(64 * MIB))), id="more text"
        ),
        pytest.param(png_with(b"iCCP", b"k\0\0" + zlib.compress(bytes(64 * MIB))), id="colours"),
    ],
)
def test_what_a_chunk_unpacks_to_is_not_taken(data: bytes) -> None:
    with pytest.raises(PictureError, match="broken"):
        look(data)


def test_a_large_picture_is_made_to_fit_without_changing_its_size() -> None:
    file = BytesIO()
    Image.frombytes("RGBA", (200, 200), os.urandom(200 * 200 * 4)).save(file, "PNG")
    most = file.tell() // 2
    small = images.fit(file, most)
    assert len(small.data) <= most
    assert look(small.data) == Seen("image/jpeg", 200, 200)
    assert (small.mime, small.ext, small.width, small.height) == ("image/jpeg", "jpg", 200, 200)
    with pytest.raises(PictureError, match="make it smaller"):
        images.fit(file, 1000)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "I;16"])
def test_every_kind_of_picture_can_be_made_to_fit(mode: str) -> None:
    assert images.fit(BytesIO(draw("PNG", (64, 64), mode)), MIB).width == 64
