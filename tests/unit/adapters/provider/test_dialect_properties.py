"""What holds for every answer: nothing raises, and what does not matter changes nothing."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import corpus
from worker.adapters.provider import wire
from worker.adapters.provider.dialect import guess_dialect
from worker.adapters.provider.replies import read_reply, read_seed
from worker.adapters.provider.snapshots import read_fetch, read_task, read_tasks
from worker.adapters.provider.wire import read_json
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, TaskStatus

#: Words and keys that the code looks for, so that random JSON meets its branches.
WORDS = [
    "1", "21", "22", "24", "SUCCESS", "FAILURE", "MODAL", "DESCRIBE", "SHORTEN", "65%", "-1",
    "window confirm", "queue is full", "1️⃣ a 2️⃣ b", "## Shortened prompts\n1. a\n2. b",
    "upstream_error", "a,b", "https://a/b.png", "\ud800", "true",
]  # fmt: skip
KEYS = [
    "code", "description", "result", "properties", "error", "message", "type", "success", "id",
    "action", "status", "progress", "state", "imageUrl", "imageUrls", "videoUrl", "videoUrls",
    "url", "buttons", "customId", "emoji", "label", "name", "failReason", "prompt", "promptEn",
    "finalPrompt", "remix", "bannedWord", "submitTime", "output", "seed",
]  # fmt: skip

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(st.characters(), max_size=8)
)
keys = st.sampled_from(KEYS) | st.text(max_size=4)
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)
objects = st.dictionaries(st.sampled_from(KEYS), json_values, max_size=10)
statuses = st.sampled_from([0, 200, 204, 302, 400, 401, 404, 429, 500, 503]) | st.integers()
kinds = st.sampled_from(Kind)


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"result": [value]}
    return value


@given(json_values | objects, statuses)
def test_any_json_is_read(value: Any, status: int) -> None:
    seen = [read_task(value), *read_tasks(value), *read_tasks([value, value])]
    if fetched := read_fetch(status, value):
        seen.append(fetched)
    for snapshot in seen:
        assert snapshot.status in TaskStatus
        assert snapshot.progress is None or 0 <= snapshot.progress <= 100
    assert (read_seed(status, value).seed is None) != (read_seed(status, value).error is None)
    assert guess_dialect(value) in (None, "novicezk", "trueai", "gateway", "crazyrouter")


@given(kinds, statuses, objects | json_values)
def test_any_json_reply_has_a_verdict(kind: Kind, status: int, value: Any) -> None:
    verdict = read_reply(kind, status, json.dumps(value).encode())
    assert (verdict.error is None) == (
        verdict.outcome in (Outcome.ACCEPTED, Outcome.NEEDS_MODAL, Outcome.EXISTS, Outcome.DONE)
    )
    if verdict.outcome in (Outcome.ACCEPTED, Outcome.NEEDS_MODAL, Outcome.EXISTS):
        assert verdict.task_id


@given(kinds, statuses, st.binary(max_size=200))
def test_any_bytes_have_a_verdict(kind: Kind, status: int, body: bytes) -> None:
    assert read_reply(kind, status, body).outcome in Outcome
    assert read_task(read_json(body)).status in TaskStatus


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"result":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"code":1,"result":' + b"9" * 10_000 + b"}",
        b'{"code":' + b"9" * 4000 + b',"result":"1"}',
        b'{"code":1e999,"result":NaN}',
        b"\xef\xbb\xbf",
        b"\x00",
        b'"\\ud800"',
        b"<html" * 50_000,
        b"<title " * 5_000,
    ],
)
def test_hostile_bytes(body: bytes) -> None:
    for status in (200, 400, 500):
        assert read_reply(Kind.IMAGINE, status, body).outcome is not Outcome.ACCEPTED


def test_deep_values_and_huge_numbers_in_every_place() -> None:
    nested = deep(50_000)
    for key in KEYS:
        for value in (nested, 10**5000, -(10**5000)):
            body = {"id": "1", "status": "SUCCESS", "submitTime": 1, key: value}
            assert read_task(body).status in TaskStatus
            assert read_fetch(400, body) is not None
            assert guess_dialect(body) in (None, "novicezk", "trueai", "gateway", "crazyrouter")
            assert isinstance(read_seed(200, body).seed, str | None)
    unnested(nested)


def unnested(value: Any) -> None:
    """Take it apart from the outside, or its end would recurse as deep as it is."""
    while isinstance(value, dict):
        value = value["result"].pop()


@pytest.mark.parametrize("said", ["\n" * 100_000, "[" * 100_000, "1️⃣" * 30_000, "#" * 100_000])
def test_long_texts_are_read_in_no_time(said: str) -> None:
    for action in ("DESCRIBE", "SHORTEN", "IMAGINE"):
        text = f"Shortened prompts\n{said}x"
        task = {"status": "SUCCESS", "action": action, "promptEn": text, "progress": said}
        assert read_task(task).status is TaskStatus.SUCCEEDED


tasks = st.sampled_from(corpus.names("callbacks"))
replies = st.sampled_from([n for n in corpus.names("submit_responses") if n != "074"])
extras = st.dictionaries(st.text(max_size=6).map(lambda key: f"x_{key}"), json_values, max_size=4)


@settings(max_examples=60)
@given(tasks, extras, st.randoms(use_true_random=False))
def test_more_keys_in_another_order_say_the_same_of_a_task(
    name: str, extra: dict[str, Any], chance: random.Random
) -> None:
    body = corpus.value("callbacks", name)
    mixed = shuffled(body | extra, chance)
    assert read_task(mixed) == read_task(body)
    assert guess_dialect(mixed) == guess_dialect(body)


@settings(max_examples=60)
@given(replies, st.randoms(use_true_random=False), kinds, statuses)
def test_more_keys_in_another_order_say_the_same_in_a_reply(
    name: str, chance: random.Random, kind: Kind, status: int
) -> None:
    body = corpus.value("submit_responses", name)
    mixed = shuffled(body | {"x_more": [1], "timestamp": 7}, chance)
    expected = read_reply(kind, status, json.dumps(body).encode())
    assert read_reply(kind, status, json.dumps(mixed).encode()) == expected


def shuffled(body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    pairs = list(body.items())
    chance.shuffle(pairs)
    return dict(pairs)


@pytest.mark.parametrize("name", corpus.names("callbacks"))
def test_absent_null_and_empty_are_the_same_in_a_task(name: str) -> None:
    body = corpus.value("callbacks", name)
    fields = ["state", "failReason", "imageUrl", "progress", "promptEn", "prompt", "videoUrl"]
    for key in fields:
        absent = {k: v for k, v in body.items() if k != key}
        assert read_task(absent | {key: None}) == read_task(absent)
        assert read_task(absent | {key: ""}) == read_task(absent)
    for key in ("buttons", "properties", "imageUrls", "videoUrls"):
        absent = {k: v for k, v in body.items() if k != key}
        assert read_task(absent | {key: None}) == read_task(absent)


@pytest.mark.parametrize("name", [n for n in corpus.names("submit_responses") if n != "074"])
def test_absent_null_and_empty_are_the_same_in_a_reply(name: str) -> None:
    body = corpus.value("submit_responses", name)
    for kind in (Kind.IMAGINE, Kind.ACTION, Kind.UPLOAD):
        for key in ("result", "properties", "description", "type"):
            absent = {k: v for k, v in body.items() if k != key}
            expected = read_reply(kind, 200, json.dumps(absent).encode())
            for nothing in (None, ""):
                said = json.dumps(absent | {key: nothing}).encode()
                assert read_reply(kind, 200, said) == expected


@given(json_values)
def test_looking_never_raises(value: Any) -> None:
    found = wire.text(value)
    assert found is None or found.encode() == found.strip().encode() != b""
    wire.whole(value)
    wire.words_of(value)
    assert wire.mapping(value) is not None
    assert wire.items(value) is not None
