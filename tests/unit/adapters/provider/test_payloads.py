"""Requests as the provider wants them."""

from typing import Any

import pytest

from tests.support import corpus
from worker.adapters.provider.payloads import Submission, address, build
from worker.domain.errors import PictureError
from worker.domain.job_spec import SUBMITTED_KINDS, Kind

PNG = "data:image/png;base64,iVBORw0KGgo="
JPEG = "data:image/jpeg;base64,/9j/4AA="
PICTURES = {"a.png": PNG, "b.jpg": JPEG}
HOOK = "https://me.example/webhooks/midjourney/token"


def submission(kind: Kind, request: dict[str, Any], **more: Any) -> Submission:
    return build(kind, request, state="token", notify_hook=HOOK, pictures=PICTURES, **more)


#: kind -> request, further arguments, path, body without state and notifyHook
CASES: dict[Kind, tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]] = {
    Kind.IMAGINE: (
        {"prompt": "a cat", "images": ["a.png", "b.jpg"], "bot_type": "NIJI_JOURNEY"},
        {},
        "/mj/submit/imagine",
        {"prompt": "a cat", "base64Array": [PNG, JPEG], "botType": "NIJI_JOURNEY"},
    ),
    Kind.ACTION: (
        {"job_id": "j", "button": "U1"},
        {"parent_task_id": "7", "custom_id": "MJ::JOB::upsample::1::h"},
        "/mj/submit/action",
        {"taskId": "7", "customId": "MJ::JOB::upsample::1::h"},
    ),
    Kind.BLEND: (
        {"images": ["a.png", "b.jpg"], "dimensions": "PORTRAIT", "bot_type": "MID_JOURNEY"},
        {},
        "/mj/submit/blend",
        {"base64Array": [PNG, JPEG], "dimensions": "PORTRAIT", "botType": "MID_JOURNEY"},
    ),
    Kind.DESCRIBE: ({"image": "b.jpg"}, {}, "/mj/submit/describe", {"base64": JPEG}),
    Kind.MODAL: (
        {"job_id": "j", "prompt": "a dog", "mask": "a.png"},
        {"parent_task_id": "7"},
        "/mj/submit/modal",
        {"taskId": "7", "prompt": "a dog", "maskBase64": PNG},
    ),
    Kind.SHORTEN: ({"prompt": "long"}, {}, "/mj/submit/shorten", {"prompt": "long"}),
    Kind.CHANGE: (
        {"task_id": "7", "action": "UPSCALE", "index": 3},
        {},
        "/mj/submit/change",
        {"taskId": "7", "action": "UPSCALE", "index": 3},
    ),
    Kind.EDITS: (
        {"prompt": "night", "image": "b.jpg", "mask": "a.png"},
        {},
        "/mj/submit/edits",
        {"prompt": "night", "image": JPEG, "maskBase64": PNG},
    ),
    Kind.RETEXTURE: (
        {"prompt": "gold", "image": "b.jpg"},
        {},
        "/mj/submit/retexture",
        {"prompt": "gold", "image": JPEG},
    ),
    Kind.VIDEO: (
        {
            "prompt": "it runs",
            "image": "b.jpg",
            "end_image": "a.png",
            "motion": "high",
            "loop": False,
            "video_type": "vid_1.1_i2v_720",
            "batch_size": 2,
        },
        {},
        "/mj/submit/video",
        {
            "prompt": "it runs",
            "image": JPEG,
            "endImage": PNG,
            "motion": "high",
            "loop": False,
            "videoType": "vid_1.1_i2v_720",
            "batchSize": 2,
        },
    ),
    Kind.SWAP_FACE: (
        {"source": "a.png", "target": "b.jpg"},
        {},
        "/mj/insight-face/swap",
        {"sourceBase64": PNG, "targetBase64": JPEG},
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_every_kind(kind: Kind) -> None:
    request, more, path, body = CASES[kind]
    found = submission(kind, request, **more)
    assert found.path == path
    assert found.body == body | {"state": "token", "notifyHook": HOOK}


def test_upload_is_answered_at_once_and_needs_no_state() -> None:
    found = submission(Kind.UPLOAD, {"images": ["a.png"]})
    assert found == Submission("/mj/submit/upload-discord-images", {"base64Array": [PNG]})


def test_every_kind_has_a_path() -> None:
    assert set(CASES) | {Kind.UPLOAD} == set(SUBMITTED_KINDS)


def test_a_longer_film() -> None:
    found = submission(Kind.VIDEO, {"job_id": "j", "index": 0}, parent_task_id="7")
    assert found.body == {
        "index": 0,
        "taskId": "7",
        "action": "extend",
        "state": "token",
        "notifyHook": HOOK,
    }


def test_a_reroll_has_an_index_for_gateways() -> None:
    body = submission(Kind.CHANGE, {"task_id": "7", "action": "REROLL"}).body
    assert body["index"] == 1


def test_a_blend_always_has_dimensions() -> None:
    assert submission(Kind.BLEND, {"images": ["a.png", "b.jpg"]}).body["dimensions"] == "SQUARE"


def test_what_is_not_given_is_left_out() -> None:
    request = {"prompt": "a cat", "bot_type": None, "images": [], "then": [{"press": "U1"}]}
    found = build(Kind.IMAGINE, request, state="token")
    assert found.body == {"prompt": "a cat", "state": "token"}


def test_ids_may_be_in_the_request() -> None:
    body = submission(Kind.ACTION, {"task_id": "7", "custom_id": "MJ::x"}).body
    assert (body["taskId"], body["customId"]) == ("7", "MJ::x")


def test_pictures_that_cannot_be_sent() -> None:
    with pytest.raises(PictureError):
        submission(Kind.DESCRIBE, {"image": "missing.png"})
    with pytest.raises(PictureError, match="PNG"):
        submission(Kind.MODAL, {"mask": "b.jpg"}, parent_task_id="7")


def test_pictures_and_the_hook_are_not_shown() -> None:
    shown = repr(submission(Kind.DESCRIBE, {"image": "a.png"}))
    assert PNG not in shown
    assert HOOK not in shown


@pytest.mark.parametrize("mode", ["fast", "relax", "turbo"])
def test_mode_in_the_path(mode: str) -> None:
    for dialect in ("auto", "trueai", "gateway", "crazyrouter"):
        found = submission(Kind.IMAGINE, {"prompt": "a"}, mode=mode, dialect=dialect)
        assert found.path == f"/mj-{mode}/mj/submit/imagine"
        assert found.body["prompt"] == "a"


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("a cat", "a cat --relax"),
        ("a cat --relax", "a cat --relax"),
        ("a cat --FAST --ar 1:1", "a cat --FAST --ar 1:1"),
        ("a cat--fast", "a cat--fast --relax"),
        ("a cat --faster", "a cat --faster --relax"),
    ],
)
def test_mode_in_the_prompt(prompt: str, sent: str) -> None:
    found = submission(Kind.IMAGINE, {"prompt": prompt}, mode="relax", dialect="novicezk")
    assert (found.path, found.body["prompt"]) == ("/mj/submit/imagine", sent)


def test_novicezk_has_no_mode_where_there_is_no_prompt_of_ours() -> None:
    request = {"task_id": "7", "action": "UPSCALE", "index": 1}
    found = submission(Kind.CHANGE, request, mode="relax", dialect="novicezk")
    assert found.path == "/mj/submit/change"
    assert "prompt" not in found.body


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://h", "/mj/submit/x", "https://h/mj/submit/x"),
        ("https://h/", "/mj/submit/x", "https://h/mj/submit/x"),
        ("https://h/mj", "/mj/submit/x", "https://h/mj/submit/x"),
        ("https://h/api/mj/", "/mj/submit/x", "https://h/api/mj/submit/x"),
        ("https://h/mj-relax", "/mj/submit/x", "https://h/mj-relax/mj/submit/x"),
        ("https://h/mj-relax", "/mj-fast/mj/submit/x", "https://h/mj-fast/mj/submit/x"),
        ("https://h/mj-relax/mj", "/mj-fast/mj/submit/x", "https://h/mj-fast/mj/submit/x"),
        ("https://h/mj-other", "/mj-fast/mj/x", "https://h/mj-other/mj-fast/mj/x"),
    ],
)
def test_address(base: str, path: str, url: str) -> None:
    assert address(base, path) == url


#: What other clients send and we do not: old endpoints, filters of accounts, other spellings.
NOT_OURS = {
    "_path",
    "accountFilter",
    "chooseSameChannel",
    "filter",
    "base64",
    "task_id",
    "noStorage",
}
OLD_PATHS = {"/mj/submit/simple-change", "/mj/trigger/submit"}


@pytest.mark.parametrize("name", corpus.names("client_requests"))
def test_the_keys_are_those_that_other_clients_send(name: str) -> None:
    sent = corpus.value("client_requests", name)
    if sent["_path"] in OLD_PATHS:
        return
    ours: dict[str, set[str]] = {}
    for kind, (request, more, path, _) in CASES.items():
        ours[path] = set(submission(kind, request, **more).body)
    film = submission(Kind.VIDEO, {"index": 0}, parent_task_id="7")
    ours[film.path] |= set(film.body)
    ours["/mj/submit/upload-discord-images"] = {"base64Array"}
    assert set(sent) - NOT_OURS <= ours[sent["_path"]]
