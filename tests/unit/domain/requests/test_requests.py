import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_spec import SUBMITTED_KINDS, Kind, Notify
from worker.domain.requests.fields import picture_fields
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Pictured
from worker.domain.requests.requests import PressRequest, parse_press, parse_request, parse_resolve
from worker.domain.requests.steps import parse_then_shorthand
from worker.domain.result import Keep

PNG = "data:image/png;base64,iVBORw0KGgo="
IMAGINE = {"kind": "imagine", "prompt": "a cat"}


def errors_of(parse: Any, data: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse(data)
    found = [(e.field, e.message) for e in caught.value.errors]
    assert len(found) == len(set(found)), "each problem is told once"
    return dict(found)


def nested(depth: int) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"press": "U1"}]
    for _ in range(depth - 1):
        steps = [{"press": "V1", "then": steps}]
    return steps


@pytest.mark.parametrize(
    "request_",
    [
        {"kind": "imagine", "prompt": "a cat", "images": [PNG], "bot_type": "NIJI_JOURNEY"},
        {"kind": "blend", "images": ["a.png", "b.png"], "dimensions": "SQUARE"},
        {"kind": "describe", "image": "https://example.com/a.png"},
        {"kind": "action", "job_id": "j", "button": "U1"},
        {"kind": "action", "task_id": "t", "custom_id": "MJ::JOB::upsample::1::x"},
        {"kind": "modal", "job_id": "j", "prompt": "more"},
        {"kind": "modal", "task_id": "t", "mask": "mask.png"},
        {"kind": "shorten", "prompt": "a very long prompt", "bot_type": "MID_JOURNEY"},
        {"kind": "change", "task_id": "t", "action": "UPSCALE", "index": 4},
        {"kind": "change", "job_id": "j", "action": "REROLL"},
        {"kind": "edits", "prompt": "a hat", "image": PNG, "mask": PNG},
        {"kind": "retexture", "prompt": "of wood", "image": PNG},
        {"kind": "video", "prompt": "it runs", "image": PNG, "end_image": PNG, "motion": "high",
         "loop": False, "video_type": "vid_1.1_i2v_720", "batch_size": 2},
        {"kind": "video", "job_id": "j", "index": 0},
        {"kind": "video", "prompt": "on", "task_id": "t", "index": 3},
        {"kind": "swap_face", "source": PNG, "target": PNG},
        {"kind": "upload", "images": [PNG]},
    ],
)  # fmt: skip
def test_each_kind_takes_its_fields_as_they_came(request_: dict[str, Any]) -> None:
    parsed = parse_request(request_)
    assert {"kind": parsed.spec.kind, **parsed.spec.request} == request_


def test_every_kind_has_a_model() -> None:
    assert set(MODELS) == set(SUBMITTED_KINDS)


def test_what_is_left_out_has_its_default() -> None:
    parsed = parse_request(IMAGINE)
    assert parsed.spec.then == ()
    assert parsed.spec.metadata == {}
    assert (
        parsed.spec.options.priority,
        parsed.spec.options.mode,
        parsed.spec.options.deadline_s,
    ) == (5, None, 3600)
    assert (parsed.account, parsed.spec.options.notify) == (None, None)


def test_null_counts_as_left_out() -> None:
    nothing = dict.fromkeys(
        [
            "images",
            "then",
            "account",
            "priority",
            "tenant",
            "mode",
            "deadline_s",
            "retry",
            "seed",
            "metadata",
            "notify",
            "assets",
        ]
    )
    assert parse_request({**IMAGINE, **nothing}) == parse_request(IMAGINE)
    assert errors_of(parse_request, {"kind": "imagine", "prompt": None, "promt": None}).keys() == {
        "prompt",
        "promt",
    }


@pytest.mark.parametrize("kind", SUBMITTED_KINDS)
def test_a_seed_may_be_asked_for_of_kinds_that_end_with_a_picture(kind: Kind) -> None:
    pictured = kind in {
        Kind.IMAGINE, Kind.BLEND, Kind.ACTION, Kind.MODAL, Kind.CHANGE, Kind.EDITS, Kind.RETEXTURE
    }  # fmt: skip
    found = errors_of(parse_request, {"kind": kind.value, "seed": True}).get("seed", "")
    assert found == "" if pictured else "is not a field" in found


def test_the_wish_for_a_seed_is_no_part_of_what_is_sent() -> None:
    parsed = parse_request({**IMAGINE, "seed": True})
    assert (parsed.spec.options.seed, "seed" in parsed.spec.request) == (True, False)
    assert not parse_request({**IMAGINE, "seed": False}).spec.options.seed


_WINDOW_ANSWER = {"kind": "modal", "job_id": "a", "prompt": "x"}
#: A value for each option of a job; the test below fails for an option that is not here.
_OPTIONS: dict[str, Any] = {
    "then": [{"press": "U1"}],
    "priority": 7,
    "tenant": "shop",
    "mode": "fast",
    "deadline_s": 600,
    "retry": {"attempts": 2},
    "metadata": {"order": 1},
    "notify": {"url": "https://a.example/hook"},
    "assets": "off",
    "seed": True,
}


@pytest.mark.parametrize("name", sorted(Pictured.model_fields.keys() - {"account"}))
def test_no_option_is_dropped_from_the_answer_to_a_window(name: str) -> None:
    errors = errors_of(parse_request, {**_WINDOW_ANSWER, name: _OPTIONS[name]})
    assert "keeps its own" in errors[name]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("off", Keep("off")),
        ("grid", Keep("grid")),
        ("all", Keep()),
        ({}, Keep()),
        ({"tiles": True}, Keep("all", tiles=True)),
        ({"files": "grid", "tiles": True}, Keep("grid", tiles=True)),
    ],
)
def test_what_of_the_result_is_stored(given: Any, kept: Keep) -> None:
    assert parse_request({**IMAGINE, "assets": given}).spec.options.keep == kept


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ("some", {"assets.files": "must be off, grid or all"}),
        (True, {"assets": "must be off, grid or all, or an object of `files` and `tiles`"}),
        (
            {"tile": True},
            {
                "assets.tile": "is not a field of `assets`; did you mean `tiles`? "
                "choose from files, tiles"
            },
        ),
        ({"tiles": "yes"}, {"assets.tiles": "must be true or false"}),
    ],
)
def test_a_wrong_wish_for_files_is_named(given: Any, errors: dict[str, str]) -> None:
    assert errors_of(parse_request, {**IMAGINE, "assets": given}) == errors


def test_common_fields_are_kept() -> None:
    metadata = {"order": 7, "price": 1.5, "nested": {"ü": [None, True]}}
    parsed = parse_request(
        {
            **IMAGINE,
            "then": [{"press": " U1 ", "then": [{"describe": True, "then": []}], "modal": None}],
            "priority": 9, "mode": "relax", "deadline_s": 60, "metadata": metadata,
            "account": "main",
            "notify": {"celery_task": "shop.ready", "queue": "shop"},
        }
    )  # fmt: skip
    assert parsed.spec.then == ({"press": "U1", "then": [{"describe": True}]},)
    assert (
        parsed.spec.options.priority,
        parsed.spec.options.mode,
        parsed.spec.options.deadline_s,
    ) == (9, "relax", 60)
    assert parsed.spec.metadata == metadata
    assert parsed.account == "main"
    assert parsed.spec.options.notify == Notify(
        ("pipeline.finished",), celery_task="shop.ready", queue="shop"
    )


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        ([], "request", "an object"),
        ({}, "kind", "is required: one of imagine"),
        ({"kind": None}, "kind", "is required"),
        ({"kind": 3}, "kind", "choose from imagine"),
        ({"kind": "imagin"}, "kind", "did you mean `imagine`?"),
        ({"kind": "imagine"}, "prompt", "is required"),
        ({"kind": "imagine", "prompt": " \n"}, "prompt", "empty"),
        ({"kind": "imagine", "prompt": 5}, "prompt", "a string"),
        ({"kind": "imagine", "prompt": "x" * 6001}, "prompt", "at most 6000 characters, not 6001"),
        ({"kind": "imagine", "prompt": "a\x00b"}, "prompt", "control characters"),
        ({"kind": "imagine", "prompt": "a\ud800b"}, "prompt", "Unicode"),
        ({**IMAGINE, "images": PNG}, "images", "a list"),
        ({**IMAGINE, "images": [PNG, 5]}, "images[1]", "a string"),
        ({**IMAGINE, "images": [PNG] * 21}, "images", "at most 20"),
        ({**IMAGINE, "images": ["a\nb"]}, "images[0]", "line breaks"),
        ({**IMAGINE, "promt": "x"}, "promt", "not a field of imagine; did you mean `prompt`?"),
        ({**IMAGINE, "dimensions": "SQUARE"}, "dimensions", "not a field of imagine"),
        ({**IMAGINE, "bot_type": "niji"}, "bot_type", "MID_JOURNEY or NIJI_JOURNEY"),
        ({**IMAGINE, "priority": True}, "priority", "whole number"),
        ({**IMAGINE, "priority": "5"}, "priority", "whole number"),
        ({**IMAGINE, "priority": 10}, "priority", "from 0 to 9"),
        ({**IMAGINE, "priority": math.nan}, "priority", "whole number"),
        ({**IMAGINE, "deadline_s": 59}, "deadline_s", "from 60 to 86400"),
        ({**IMAGINE, "deadline_s": 10**5000}, "deadline_s", "from 60 to 86400"),
        ({**IMAGINE, "mode": "slow"}, "mode", "fast, relax or turbo"),
        ({**IMAGINE, "account": ""}, "account", "empty"),
        ({**IMAGINE, "metadata": []}, "metadata", "an object"),
        ({**IMAGINE, "metadata": {"x": math.inf}}, "metadata", "finite"),
        ({**IMAGINE, "metadata": {"x": 10**5000}}, "metadata", "plain JSON"),
        ({**IMAGINE, "metadata": {"x": "\udc00"}}, "metadata", "Unicode"),
        ({**IMAGINE, "metadata": {"x": "y" * 4096}}, "metadata", "at most 4096 bytes"),
        ({**IMAGINE, "metadata": {"x": json.loads("[" * 50 + "]" * 50)}}, "metadata", "deeper"),
        ({**IMAGINE, "notify": "https://x.example"}, "notify", "an object"),
        ({**IMAGINE, "notify": {}}, "notify.celery_task", "`celery_task` or `url`"),
        ({**IMAGINE, "notify": {"url": "ftp://x.example"}}, "notify.url", "http"),
        ({**IMAGINE, "notify": {"url": "https:///x"}}, "notify.url", "http"),
        ({**IMAGINE, "notify": {"url": "https://[x/"}}, "notify.url", "URL"),
        ({**IMAGINE, "notify": {"url": "https://a:b@x.example"}}, "notify.url", "password"),
        ({**IMAGINE, "notify": {"url": "https://x.io", "queue": "q"}}, "notify.queue", "belongs"),
        ({**IMAGINE, "notify": {"url": "http://x.io", "celery_task": "t"}}, "notify.url", "combin"),
        ({"kind": "blend", "images": [PNG]}, "images", "2 to 5 items, not 1"),
        ({"kind": "blend", "images": [PNG] * 6}, "images", "2 to 5 items, not 6"),
        ({"kind": "blend", "images": [PNG] * 2, "dimensions": "square"}, "dimensions", "SQUARE"),
        ({"kind": "upload", "images": []}, "images", "1 to 20"),
        ({"kind": "action", "button": "U1"}, "job_id", "`job_id` or `task_id`"),
        ({"kind": "action", "job_id": "a", "task_id": "b", "button": "U1"}, "task_id", "combined"),
        ({"kind": "action", "job_id": "a"}, "button", "`button` or `custom_id`"),
        ({"kind": "action", "job_id": "a", "button": "U", "custom_id": "x"}, "custom_id", "combin"),
        ({"kind": "modal", "job_id": "a"}, "prompt", "`prompt` or `mask`"),
        ({"kind": "modal", "job_id": "a", "prompt": "x", "then": []}, "then", "keeps its own"),
        ({"kind": "change", "job_id": "a", "action": "UPSCALE"}, "index", "1 to 4"),
        ({"kind": "change", "job_id": "a", "action": "VARIATION", "index": 5}, "index", "1 to 4"),
        ({"kind": "change", "job_id": "a", "action": "upscale", "index": 1}, "action", "UPSCALE"),
        ({"kind": "change", "job_id": "a", "action": ["UPSCALE"]}, "action", "UPSCALE"),
        ({**IMAGINE, "seed": "yes"}, "seed", "true or false"),
        ({**IMAGINE, "seed": 5}, "seed", "true or false"),
        ({"kind": "video", "prompt": "x"}, "image", "extend"),
        ({"kind": "video", "image": PNG}, "prompt", "extend"),
        ({"kind": "video", "prompt": "x", "image": PNG, "index": 1}, "index", "only for extending"),
        ({"kind": "video", "job_id": "a"}, "index", "0 to 3"),
        ({"kind": "video", "job_id": "a", "index": 4}, "index", "from 0 to 3"),
        ({"kind": "video", "job_id": "a", "index": 1, "batch_size": True}, "batch_size", "whole"),
        ({"kind": "video", "job_id": "a", "index": 1, "batch_size": 3}, "batch_size", "1, 2, 4"),
        ({"kind": "video", "job_id": "a", "index": 1, "loop": 1}, "loop", "true or false"),
        ({"kind": "video", "job_id": "a", "index": 1, "video_type": "hd"}, "video_type", "i2v_720"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_with_what_is_allowed(data: Any, field: str, message: str) -> None:
    found = errors_of(parse_request, data)
    assert list(found) == [field]
    assert message in found[field]


@pytest.mark.parametrize(
    ("then", "field", "message"),
    [
        ({"press": "U1"}, "then", "a list"),
        ([{}], "then[0].press", "`press` or `imagine` or `describe`"),
        (["U1"], "then[0]", "an object"),
        (
            [{"press": "U1"}, {"press": "U2", "describe": True}],
            "then[1].describe",
            "cannot be combined with `press`",
        ),
        ([{"press": ""}], "then[0].press", "empty"),
        ([{"pres": "U1", "press": "U1"}], "then[0].pres", "did you mean `press`?"),
        ([{"press": "U1", "modal": {}}], "then[0].modal.prompt", "`prompt` or `mask`"),
        ([{"press": "U1", "modal": {"mask": 1}}], "then[0].modal.mask", "a string"),
        ([{"describe": True, "modal": {"prompt": "x"}}], "then[0].modal", "belongs to a `press`"),
        ([{"describe": False}], "then[0].describe", "true"),
        ([{"describe": 1}], "then[0].describe", "true or false"),
        ([{"imagine": "{prompts}"}], "then[0].imagine", "{prompts[0]}"),
        ([{"press": "U1", "then": [{"imagine": "{x.y}"}]}], "then[0].then[0].imagine", "{x.y}"),
        ([{"press": "U1"}] * 51, "then", "at most 50 items"),
        ([{"press": "U1", "then": [{"press": "U1"}] * 50}] * 10, "then", "at most 500"),
        (nested(21), "then", "at most 20"),
    ],
)
def test_a_bad_step_is_named_by_its_path(then: Any, field: str, message: str) -> None:
    found = errors_of(parse_request, {**IMAGINE, "then": then})
    assert list(found) == [field]
    assert message in found[field]


def test_steps_may_be_as_deep_as_the_bound() -> None:
    assert list(parse_request({**IMAGINE, "then": nested(20)}).spec.then) == nested(20)


def test_a_step_that_contains_itself_is_too_deep() -> None:
    step: dict[str, Any] = {"press": "U1"}
    step["then"] = [step]
    assert "too deep" in errors_of(parse_request, {**IMAGINE, "then": [step]})["then"]


def test_all_problems_are_told_at_once() -> None:
    found = errors_of(
        parse_request,
        {
            "kind": "action", "buton": "U1", "priority": 11, "metadata": 3, "notify": {"queue": 1},
            "then": [{"press": True, "x": 1, "then": [{}]}, {"describe": True, "imagine": "{"}],
        },
    )  # fmt: skip
    assert set(found) == {
        "job_id", "button", "buton", "priority", "metadata", "notify.queue", "notify.celery_task",
        "then[0].press", "then[0].x", "then[0].then[0].press", "then[1].describe",
        "then[1].imagine",
    }  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
field_names = st.sampled_from(
    sorted(
        {name for model in MODELS.values() for name in model.model_fields} | {"press", "describe"}
    )
)
step_like = st.dictionaries(
    st.sampled_from(["press", "modal", "imagine", "describe", "blend", "choose", "then"]),
    json_values | st.lists(st.text(min_size=1)),
    max_size=3,
)
requests = st.builds(
    lambda kind, fields, then: {"kind": kind, "then": then, **fields},
    st.sampled_from([*Kind, "x", None, 1]),
    st.dictionaries(field_names, json_values | st.lists(st.text(min_size=1)), max_size=6),
    st.lists(step_like, max_size=3),
)


def problems_of(parse: Any, data: Any) -> tuple[FieldError, ...]:
    try:
        parse(data)
    except InvalidRequest as error:
        return error.errors
    return ()


@given(json_values | requests)
def test_any_json_is_a_request_or_an_invalid_one(data: Any) -> None:
    problems = problems_of(parse_request, data)
    assert all(each.field.encode() and each.message.encode() for each in problems)
    if not problems:
        parsed = parse_request(data)
        again = {"kind": parsed.spec.kind, **parsed.spec.request, "then": list(parsed.spec.then)}
        if parsed.spec.kind is not Kind.MODAL:  # which has no `then` beside a `job_id`
            assert parse_request(again).spec.request == parsed.spec.request, (
                "the normal form is stable"
            )


@given(json_values | step_like, st.sampled_from([parse_press, parse_resolve]))
def test_any_json_at_the_other_doors(data: Any, parse: Any) -> None:
    problems = problems_of(parse, data)
    assert all(each.field.encode() and each.message.encode() for each in problems)


def test_a_press_is_also_a_step() -> None:
    body = {"button": "Vary (Region)", "modal": {"mask": "m.png"}, "then": [{"press": "U1"}]}
    parsed = parse_press(body)
    assert parsed == PressRequest("Vary (Region)", {"mask": "m.png"}, ({"press": "U1"},))
    assert parsed.step == {
        "press": "Vary (Region)",
        "modal": {"mask": "m.png"},
        "then": [{"press": "U1"}],
    }
    assert parse_press({"button": "U1"}).step == {"press": "U1"}
    assert set(errors_of(parse_press, {"butto": "U1", "modal": {"x": 1}})) == {
        "button", "butto", "modal.x", "modal.prompt",
    }  # fmt: skip


def test_a_resolution_names_its_task_only_when_accepted() -> None:
    assert parse_resolve({"outcome": "accepted", "task_id": "t"}).task_id == "t"
    assert parse_resolve({"outcome": "resubmit"}).outcome == "resubmit"
    assert list(errors_of(parse_resolve, {"outcome": "accepted"})) == ["task_id"]
    assert list(errors_of(parse_resolve, {"outcome": "failed", "task_id": "t"})) == ["task_id"]
    assert "resubmit, failed or accepted" in errors_of(parse_resolve, {"outcome": "x"})["outcome"]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("U1", [{"press": "U1"}]),
        ("U1,U2", [{"press": "U1"}, {"press": "U2"}]),
        (" U1 , U* ", [{"press": "U1"}, {"press": "U*"}]),
        ("V2>U1", [{"press": "V2", "then": [{"press": "U1"}]}]),
        (
            "Vary (Strong)>V1 > U*,U3",
            [
                {"press": "Vary (Strong)", "then": [{"press": "V1", "then": [{"press": "U*"}]}]},
                {"press": "U3"},
            ],
        ),
        ('[{"imagine": "{prompts[0]}"}]', [{"imagine": "{prompts[0]}"}]),
        (" []", []),
    ],
)
def test_the_shorthand_gives_steps(text: str, steps: Any) -> None:
    assert parse_then_shorthand(text) == steps


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "then"),
        ("U1,,U2", "then"),
        ("V2>", "then"),
        (">U1", "then"),
        ("[", "then"),
        ("{}", "then"),
        ("[" * 100_000, "then"),
        ("[" + "9" * 5000 + "]", "then"),
        ('[{"press": "U1", "then": [{"pres": "U1"}]}]', "then[0].then[0].press"),
        (">".join(["V1"] * 21), "then"),
        ("U\x001", "then[0].press"),
    ],
)
def test_a_wrong_shorthand_is_an_invalid_request(text: str, field: str) -> None:
    assert field in errors_of(parse_then_shorthand, text)


def test_picture_fields_are_fields_of_their_kind() -> None:
    for kind, model in MODELS.items():
        own = {f.name for f in picture_fields(kind)}
        looks = {"image", "images", "end_image", "mask", "source", "target"}
        assert own == looks & model.model_fields.keys()
    assert [f.name for f in picture_fields(Kind.EDITS) if f.mask] == ["mask"]
    assert [f.name for f in picture_fields(Kind.BLEND) if f.many] == ["images"]
