import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.drawing import draw
from tests.support.rawserver import http, says, serving
from worker.adapters.decoding.decoder import DECODER, Decoder
from worker.adapters.storage import inputs
from worker.adapters.storage.inputs import Options, ingest_press, ingest_request, keep, load
from worker.adapters.storage.storage import Storage
from worker.domain.account import Account
from worker.domain.assets.limits import ImageLimits
from worker.domain.errors import DecoderUnavailable, InvalidRequest, PictureError
from worker.domain.job_spec import Kind
from worker.domain.requests.requests import parse_press, parse_request

PNG, JPEG = draw(), draw("JPEG")


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"file://{tmp_path}/storage")


@pytest.fixture
def options(storage: Storage) -> Options:
    return {
        "storage": storage,
        "max_bytes": 100_000,
        "allow_paths": True,
        "allowed_hosts": {"127.0.0.1"},
        "decoder": DECODER,
    }


@pytest.fixture
def account() -> Account:
    return Account("main", "http://127.0.0.1", allowed_hosts=frozenset({"127.0.0.1"}))


@pytest.fixture
def on_disk(tmp_path: Path) -> Callable[[bytes], str]:
    def write(data: bytes) -> str:
        path = tmp_path / f"{len(data)}.png"
        path.write_bytes(data)
        return str(path)

    return write


def ingest(ref: str, options: Options) -> str:
    request, _ = ingest_request(Kind.DESCRIBE, {"image": ref}, (), **options)
    kept: str = request["image"]
    return kept


def test_what_is_at_hand_is_stored_under_its_content(
    options: Options, on_disk: Callable[[bytes], str]
) -> None:
    ref = ingest(data_url(PNG), options)
    assert ref.startswith("blob:")
    assert ref.endswith(".png")
    assert ingest(on_disk(PNG), options) == ref
    assert ingest(ref, options) == ref
    assert ingest(data_url(JPEG), options).endswith(".jpg"), "the content counts, not the MIME type"


@pytest.mark.parametrize("url", ["https://example.com/a.png", "http://127.0.0.1/a.png"])
def test_a_url_is_kept_and_not_fetched(options: Options, url: str) -> None:
    assert ingest(url, options) == url


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        ("http://example.com/a.png", "plain http"),
        ("https://10.0.0.1/a.png", "not a public address"),
        (base64.b64encode(PNG).decode(), "bare base64"),
        (data_url(b"text"), "not a PNG"),
        ("blob:" + "0" * 64 + ".png", "submit it again"),
        ("blob:x", "not a reference"),
        ("no/such/file.png", "there is no file no/such/file.png"),
        (".", "there is no file"),
        ("x" * 10_000, "cannot be read"),
        ("~nobody-of-this-name/x", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused(options: Options, ref: str, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem) as caught:
        ingest(ref, options)
    assert len(str(caught.value)) < 500


def test_a_path_is_refused_where_the_caller_is_elsewhere(
    options: Options, on_disk: Callable[[bytes], str]
) -> None:
    with pytest.raises(InvalidRequest, match="must be a data URL"):
        ingest(on_disk(PNG), {**options, "allow_paths": False})


def test_a_large_file_is_not_read_whole(options: Options, on_disk: Callable[[bytes], str]) -> None:
    with pytest.raises(InvalidRequest, match="MiB"):
        ingest(on_disk(b"x" * 200_000), options)


def take(data: dict[str, Any], options: Options) -> tuple[dict[str, Any], tuple[Any, ...]]:
    parsed = parse_request(data)
    return ingest_request(parsed.spec.kind, parsed.spec.request, parsed.spec.then, **options)


def test_all_pictures_of_a_request_are_taken_in(options: Options) -> None:
    mask = {"press": "Vary (Region)", "modal": {"prompt": "x", "mask": data_url(PNG)}}
    request, then = take(
        {
            "kind": "blend",
            "images": [data_url(PNG), "https://example.com/a.png"],
            "then": [{"press": "U1", "then": [mask]}, {"describe": True}],
        },
        options,
    )
    ref = ingest(data_url(PNG), options)
    assert request == {"images": [ref, "https://example.com/a.png"]}
    assert then == (
        {
            "press": "U1",
            "then": [{"press": "Vary (Region)", "modal": {"prompt": "x", "mask": ref}}],
        },
        {"describe": True},
    )


def test_every_bad_picture_is_named(options: Options) -> None:
    jpeg_mask = {"press": "a", "modal": {"mask": data_url(JPEG)}}
    with pytest.raises(InvalidRequest) as caught:
        take(
            {
                "kind": "blend",
                "images": ["https://example.com/a.png", "x.png", "http://x.test/a.png"],
                "then": [{"press": "b", "then": [jpeg_mask]}],
            },
            options,
        )
    assert [e.field for e in caught.value.errors] == [
        "images[1]",
        "images[2]",
        "then[0].then[0].modal.mask",
    ]


@pytest.mark.parametrize(
    ("image", "mask", "problem"),
    [
        (data_url(draw(size=(8, 8))), data_url(PNG), "same size"),
        (data_url(PNG), data_url(JPEG), "must be a PNG"),
        ("https://example.com/a.png", data_url(JPEG), "must be a PNG"),
    ],
)
def test_a_mask_must_fit_its_picture(options: Options, image: str, mask: str, problem: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        take({"kind": "edits", "prompt": "a hat", "image": image, "mask": mask}, options)
    assert [e.field for e in caught.value.errors] == ["mask"]
    assert problem in str(caught.value)


def test_a_mask_that_fits_is_taken_in(options: Options) -> None:
    both = {"image": data_url(PNG), "mask": data_url(PNG)}
    request, _ = take({"kind": "edits", "prompt": "a hat", **both}, options)
    assert request["image"] == request["mask"]
    request, _ = take({"kind": "modal", "task_id": "t", "mask": data_url(PNG)}, options)
    assert request["mask"].startswith("blob:")


def test_a_request_without_pictures_is_left_alone(options: Options) -> None:
    parsed = parse_request({"kind": "imagine", "prompt": "a cat"})
    assert ingest_request(Kind.IMAGINE, parsed.spec.request, parsed.spec.then, **options) == (
        {"prompt": "a cat"},
        (),
    )


def test_a_press_names_its_masks(options: Options) -> None:
    inner = {"press": "x", "modal": {"mask": data_url(PNG)}}
    press = parse_press({"button": "U1", "modal": {"mask": data_url(PNG)}, "then": [inner]})
    kept = ingest_press(press, **options)
    assert kept.modal is not None
    assert kept.modal["mask"] == kept.then[0]["modal"]["mask"] == ingest(data_url(PNG), options)
    bad = parse_press({"button": "U1", "modal": {"mask": data_url(JPEG)}, "then": [inner]})
    with pytest.raises(InvalidRequest, match=r"^modal\.mask: a mask must be a PNG"):
        ingest_press(bad, **options)
    assert ingest_press(parse_press({"button": "U1"}), **options).modal is None


def test_a_reference_is_loaded_when_submitted(
    options: Options, storage: Storage, account: Account
) -> None:
    ref = ingest(data_url(PNG), options)
    assert load(ref, storage=storage, account=account, decoder=DECODER).data == PNG
    with serving(says(http(PNG))) as (port, _):
        url = f"http://127.0.0.1:{port}/a.png"
        assert load(url, storage=storage, account=account, decoder=DECODER, mask=True).data == PNG
    with (
        serving(says(http(b"<html>"))) as (port, _),
        pytest.raises(PictureError, match="not a PNG"),
    ):
        load(f"http://127.0.0.1:{port}/a.png", storage=storage, account=account, decoder=DECODER)
    with pytest.raises(PictureError, match="must be a PNG"):
        load(
            ingest(data_url(JPEG), options),
            storage=storage,
            account=account,
            decoder=DECODER,
            mask=True,
        )


def test_what_a_url_holds_is_kept_by_its_content_like_any_other_picture(
    options: Options, storage: Storage, account: Account
) -> None:
    ref = ingest(data_url(PNG), options)
    assert keep(ref, storage=storage, account=account, decoder=DECODER) == ref, "it is kept already"
    with serving(says(http(PNG))) as (port, _):
        url = f"http://127.0.0.1:{port}/a.png"
        assert keep(url, storage=storage, account=account, decoder=DECODER) == ref
        elsewhere = Account("other", "http://127.0.0.1")
        with pytest.raises(PictureError, match="plain http"):
            keep(url, storage=storage, account=elsewhere, decoder=DECODER)
    with (
        serving(says(http(b"<html>"))) as (port, _),
        pytest.raises(PictureError, match="not a PNG"),
    ):
        keep(f"http://127.0.0.1:{port}/a.png", storage=storage, account=account, decoder=DECODER)


def test_an_account_s_limit_is_met_by_a_jpeg_but_never_for_a_mask(
    options: Options, storage: Storage
) -> None:
    large = data_url(draw(size=(300, 300), compress_level=0))
    ref = ingest(large, {**options, "max_bytes": 10**6})
    small = Account("main", "http://127.0.0.1", max_picture_bytes=10_000)
    picture = load(ref, storage=storage, account=small, decoder=DECODER)
    assert (picture.mime, picture.size) == ("image/jpeg", (300, 300))
    with pytest.raises(PictureError, match="make it smaller"):
        load(ref, storage=storage, account=small, decoder=DECODER, mask=True)


def test_the_pictures_of_one_request_are_limited_together(options: Options) -> None:
    options["decoder"] = Decoder(ImageLimits(pixels=48 * 48))
    images = [data_url(draw(size=(48, 48), color=n)) for n in range(inputs.LARGEST_OF_A_REQUEST)]
    take({"kind": "imagine", "prompt": "a cat", "images": images}, options)
    more = [data_url(draw(size=(48, 48), color=n)) for n in range(100, 103)]
    with pytest.raises(InvalidRequest) as caught:
        take({"kind": "imagine", "prompt": "a cat", "images": [*images, *more]}, options)
    assert [e.field for e in caught.value.errors] == ["images[9]", "images[10]"]
    assert "submit fewer at once" in str(caught.value)


def test_only_a_request_with_pictures_needs_the_decoder(options: Options) -> None:
    options["decoder"] = decoder = Decoder(callers=1)
    with decoder.admitted():
        take({"kind": "imagine", "prompt": "a cat"}, options)
        take({"kind": "imagine", "prompt": "a cat", "images": ["https://a.example/1.png"]}, options)
        with pytest.raises(DecoderUnavailable, match="too many"):
            take({"kind": "describe", "image": data_url(PNG)}, options)
    take({"kind": "describe", "image": data_url(PNG)}, options)
    with pytest.raises(InvalidRequest):
        take({"kind": "describe", "image": data_url(b"no picture")}, options)
    with decoder.admitted():
        pass
