import base64
import os
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.drawing import draw, png_of_size
from worker.adapters.storage.pictures import (
    check_mask,
    fit,
    from_data_url,
    inspect,
    is_bare_base64,
    to_data_url,
)
from worker.domain.errors import PictureError

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("form", "mime", "suffix"),
    [
        ("PNG", "image/png", ".png"),
        ("JPEG", "image/jpeg", ".jpg"),
        ("WEBP", "image/webp", ".webp"),
        ("GIF", "image/gif", ".gif"),
        ("MPO", "image/jpeg", ".jpg"),
    ],
)
def test_a_picture_is_known_by_its_content(form: str, mime: str, suffix: str) -> None:
    picture = inspect(draw(form), max_bytes=MIB)
    assert (picture.mime, picture.suffix, picture.size) == (mime, suffix, (8, 6))


def test_a_phone_s_double_picture_is_a_jpeg() -> None:
    second = Image.new("RGB", (8, 6))
    data = draw("MPO", save_all=True, append_images=[second])
    assert inspect(data, max_bytes=MIB).mime == "image/jpeg"


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
        inspect(data, max_bytes=MIB)
    assert not caught.value.retryable


def test_a_bomb_is_refused_where_warnings_are_errors() -> None:
    with pytest.raises(PictureError, match="million pixels"):
        inspect(png_of_size(10_000, 10_000), max_bytes=MIB)


def test_a_picture_may_have_just_the_allowed_bytes() -> None:
    data = draw()
    assert inspect(data, max_bytes=len(data)).data == data
    with pytest.raises(PictureError, match="MiB"):
        inspect(data, max_bytes=len(data) - 1)


@given(st.binary(), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.integers(0, 200))
def test_any_bytes_are_a_picture_or_an_error(noise: bytes, form: str, keep: int) -> None:
    with suppress(PictureError):
        picture = inspect(draw(form)[:keep] + noise, max_bytes=MIB)
        assert min(picture.size) > 0
        assert picture.mime in {"image/png", "image/jpeg", "image/webp", "image/gif"}


def test_a_mask_is_a_png_of_the_picture_s_size() -> None:
    mask = inspect(draw(mode="L"), max_bytes=MIB)
    check_mask(mask, (8, 6))
    check_mask(mask, None)
    with pytest.raises(PictureError, match="8x6 pixels, its picture 6x8"):
        check_mask(mask, (6, 8))
    with pytest.raises(PictureError, match="must be a PNG, this is image/jpeg"):
        check_mask(inspect(draw("JPEG"), max_bytes=MIB), (8, 6))


def test_a_large_picture_is_made_to_fit_without_changing_its_size() -> None:
    noise = Image.frombytes("RGBA", (200, 200), os.urandom(200 * 200 * 4))
    large = inspect(draw("PNG"), max_bytes=MIB)
    assert fit(large, MIB) is large
    file = BytesIO()
    noise.save(file, "PNG")
    large = inspect(file.getvalue(), max_bytes=MIB)
    small = fit(large, len(large.data) // 2)
    assert len(small.data) <= len(large.data) // 2
    assert inspect(small.data, max_bytes=MIB) == small
    assert (small.mime, small.size) == ("image/jpeg", large.size)
    with pytest.raises(PictureError, match="make it smaller"):
        fit(large, 1000)


def test_a_data_url_goes_there_and_back() -> None:
    picture = inspect(draw("WEBP"), max_bytes=MIB)
    url = to_data_url(picture)
    assert url.startswith("data:image/webp;base64,")
    assert from_data_url(url) == picture.data
    assert from_data_url(url.replace("image/webp", "image/png;name=x.png")) == picture.data


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("data:image/png,abc", "must look like"),
        ("data:;base64,abcd", "must look like"),
        ("data:image/png;base64", "must look like"),
        ("data:image/png;base64,abc", "wrong or cut off"),
        ("data:image/png;base64,ab\ncd", "wrong or cut off"),
        ("data:image/png;base64,ab-_", "wrong or cut off"),
        ("data:image/png;base64,äöüß", "wrong or cut off"),
        (base64.b64encode(draw()).decode(), "write data:image/png;base64, before it"),
    ],
)
def test_a_wrong_data_url_says_what_is_wrong(url: str, problem: str) -> None:
    with pytest.raises(PictureError, match=problem):
        from_data_url(url)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_bare_base64_is_recognised(form: str) -> None:
    assert is_bare_base64(base64.b64encode(draw(form, size=(64, 64))).decode())
    assert not is_bare_base64("/9j/a.png")
    assert not is_bare_base64("pictures/a")
