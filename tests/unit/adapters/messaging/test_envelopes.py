"""Which messages are a task, and which kombu can read."""

import json
import struct
from types import SimpleNamespace
from typing import Any

import amqp
import kombu
import pytest
from amqp import spec
from kombu import compression
from kombu.transport.virtual import Channel
from kombu.utils.json import loads

from tests.neighbours import poison
from worker.adapters.messaging import transports
from worker.adapters.messaging.envelopes import (
    MAX_BODY,
    destinations_of,
    problem_of,
    readable,
)

HEADERS = {"task": "hookline.imagine", "id": "m1"}
BODY: list[Any] = [[], {"prompt": "a cat"}, {"callbacks": None, "chain": [{"task": "shop.made"}]}]


def message(headers: Any, body: Any) -> kombu.Message:
    return kombu.Message(
        body=json.dumps(body).encode(),  # type: ignore[arg-type]
        content_type="application/json",
        content_encoding="utf-8",
        headers=headers,
        accept={"application/json"},
    )


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (HEADERS, BODY),
        (HEADERS, [[1], {}, None]),
        (HEADERS, {"args": [], "kwargs": {}}),
        ({**HEADERS, "id": 7, "retries": 3, "timelimit": [None, 1.5], "x": {"own": 1}}, BODY),
        (
            {},
            {**HEADERS, "args": [], "kwargs": {"prompt": "a cat"}, "callbacks": None, "utc": True},
        ),
    ],
)
def test_a_task_is_a_task(headers: Any, body: Any) -> None:
    assert problem_of(message(headers, body)) is None


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        (HEADERS, 7, "is not one that Celery sends"),
        (HEADERS, ["args", {}, {}], "its args is wrong"),
        (HEADERS, [[], {}], "is not one"),
        (HEADERS, [[], {}, {"callbacks": [5]}], "its callbacks is wrong"),
        (HEADERS, [[], {}, {"is_eager": True}], "its is_eager is wrong"),
        ({**HEADERS, "is_eager": True}, BODY, "its is_eager is wrong"),
        ({**HEADERS, "callbacks": 5}, BODY, "its callbacks is wrong"),
        ({**HEADERS, "retries": "x"}, BODY, "its retries is wrong"),
        ({**HEADERS, "stamped_headers": ["routing_key"]}, BODY, "its stamped_headers is wrong"),
        ({}, {"task": "hookline.imagine"}, "its id is wrong"),
        ({}, "x", "is not one"),
        (HEADERS, " " * MAX_BODY, "has more than 32 MiB"),
    ],
)
def test_what_is_none_says_why(headers: Any, body: Any, words: str) -> None:
    assert words in (problem_of(message(headers, body)) or "")


QUEUE = {"exchange": "", "routing_key": "hookline"}
ENVELOPE = {
    "body": "W10=",
    "headers": {},
    "content-type": "application/json",
    "content-encoding": "utf-8",
    "properties": {"body_encoding": "base64", "delivery_tag": "t", "delivery_info": QUEUE},
}


def test_what_can_be_read_is_not_touched() -> None:
    item = json.dumps(ENVELOPE).encode()
    assert readable(item, "hookline") is item


def test_where_it_is_given_back_to_is_where_it_came_from() -> None:
    kombus = {"exchange": "", "routing_key": "hookline.unacked"}
    properties = {**ENVELOPE["properties"], "delivery_info": kombus}  # type: ignore[dict-item]
    item = json.dumps({**ENVELOPE, "properties": properties}).encode()
    assert json.loads(readable(item, "hookline")) == ENVELOPE


def test_kombu_can_read_what_is_left_of_anything() -> None:
    channel = object.__new__(Channel)
    for kind, item in poison.on_redis().items():
        read = Channel.Message(loads(readable(item, "hookline")), channel=channel)
        assert read.delivery_tag, kind
        assert read.delivery_info == QUEUE, kind
        assert isinstance(read.headers, dict), kind


@pytest.mark.parametrize("name", ["gzip", "zlib", "bzip2", "lzma", "xz"])
def test_no_more_is_unpacked_than_a_message_may_have(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "MAX_BODY", 5000)
    transports.bound_decompression()
    for size in (0, 1000, 5000):
        packed, kind = compression.compress(b" " * size, name)
        assert len(compression.decompress(packed, kind)) == size
    bomb, kind = compression.compress(b" " * 5001, name)
    with pytest.raises(ValueError, match="too large"):
        compression.decompress(bomb, kind)
    packed, kind = compression.compress(b"a cat", name)
    with pytest.raises(ValueError, match="cut off"):
        compression.decompress(packed[:-9], kind)


def test_other_compressions_are_unknown() -> None:
    compression.register(bytes, bytes, "application/x-odd")
    transports.bound_decompression()
    with pytest.raises(ValueError, match="not known here"):
        compression.decompress(b"", "application/x-odd")


def test_properties_that_cannot_be_read_are_left_out() -> None:
    for kind, sent in poison.on_rabbitmq().items():
        found: list[amqp.Message] = []
        connection = SimpleNamespace(bytes_recv=0)
        on_frame = transports.tolerant(connection, lambda *got: found.append(got[-1]))  # noqa: B023
        properties: bytes = getattr(sent, "_serialize_properties")()  # noqa: B009
        on_frame((1, 1, struct.pack(">HH", *spec.Basic.Deliver)))
        on_frame((2, 1, struct.pack(">HxxQ", spec.Basic.CLASS_ID, 0) + properties))
        assert isinstance(found[0].properties, dict), kind


def test_queues_are_found_at_any_depth() -> None:
    inner = {"task": "a", "options": {"queue": "deep", "exchange": "there"}}
    link = {"task": "b", "kwargs": {"tasks": [inner]}, "options": {"routing_key": "key"}}
    assert sorted(destinations_of([[link], None, 5])) == ["deep", "key", "there"]
    assert list(destinations_of([{"options": {"queue": "of no task"}}])) == []
