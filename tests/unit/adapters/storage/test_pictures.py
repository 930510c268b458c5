import base64

import pytest

from tests.support.drawing import draw
from worker.adapters.decoding.decoder import DECODER
from worker.adapters.storage.pictures import (
    check_mask,
    from_data_url,
    inspect,
    is_bare_base64,
    to_data_url,
)
from worker.domain.errors import PictureError

MIB = 1024 * 1024


def test_a_picture_may_have_just_the_allowed_bytes() -> None:
    data = draw()
    assert inspect(data, max_bytes=len(data), decoder=DECODER).data == data
    with pytest.raises(PictureError, match="MiB"):
        inspect(data, max_bytes=len(data) - 1, decoder=DECODER)


def test_a_mask_is_a_png_of_the_picture_s_size() -> None:
    mask = inspect(draw(mode="L"), max_bytes=MIB, decoder=DECODER)
    check_mask(mask, (8, 6))
    check_mask(mask, None)
    with pytest.raises(PictureError, match="8x6 pixels, its picture 6x8"):
        check_mask(mask, (6, 8))
    with pytest.raises(PictureError, match="must be a PNG, this is image/jpeg"):
        check_mask(inspect(draw("JPEG"), max_bytes=MIB, decoder=DECODER), (8, 6))


def test_a_large_picture_is_made_to_fit_without_changing_its_size() -> None:
    data = draw(size=(300, 300), compress_level=0)
    assert inspect(data, max_bytes=MIB, decoder=DECODER, fit_bytes=len(data)).data == data
    small = inspect(data, max_bytes=MIB, decoder=DECODER, fit_bytes=len(data) - 1)
    assert len(small.data) < len(data)
    assert inspect(small.data, max_bytes=MIB, decoder=DECODER) == small
    assert (small.mime, small.suffix, small.size) == ("image/jpeg", ".jpg", (300, 300))
    with pytest.raises(PictureError, match="make it smaller"):
        inspect(data, max_bytes=MIB, decoder=DECODER, fit_bytes=1000)


def test_a_data_url_goes_there_and_back() -> None:
    picture = inspect(draw("WEBP"), max_bytes=MIB, decoder=DECODER)
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
