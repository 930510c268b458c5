"""Messages that no Celery app sends for a task, as they reach a worker over each kind of broker."""

import base64
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import amqp
import redis
from kombu import Connection

#: Bytes of JSON in 65 KB of gzip, more than are taken.
_BOMB = 64 * 1024 * 1024
_TASK = {"task": "hookline.imagine", "id": "odd", "lang": "py"}
_JSON = {"content-type": "application/json", "content-encoding": "utf-8"}
_ARGS = '[[], {"promt": "poison"}, %s]'
_NO_EMBED = _ARGS % "{}"


def _headers_and_bodies() -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """By name: what an envelope that is right holds."""
    for body in ('"x"', "7", "null", "[]", "{}", "[[], {}]", "[5, {}, {}]", '[[], "x", {}]', "not"):
        yield f"the body {body}", _TASK, body
        yield f"the body {body} without headers", {}, body
    yield "a deep body", _TASK, "[" * 20_000 + "]" * 20_000
    yield "a deep argument", _TASK, _ARGS % '{"a":' + "[" * 900 + "]" * 900 + "}"
    links: tuple[Any, ...] = (5, [5], [{}], [{"task": 5}], [{"task": "x", "options": 5}], {"a": 1})
    for value in links:
        for name in ("callbacks", "errbacks", "chain", "chord"):
            yield f"{name} of {value}", _TASK, _ARGS % json.dumps({name: value})
    yield "an embed of text", _TASK, _ARGS % '"x"'
    odd: tuple[Any, ...] = (5, "x", [], ["a"], {"a": 1}, True, 1e300, None)
    for name in ("task", "id", "eta", "expires", "retries", "timelimit", "group", "root_id",
                 "parent_id", "shadow", "origin", "argsrepr", "ignore_result", "stamped_headers",
                 "stamps", "replaced_task_nesting", "compression", "lang"):  # fmt: skip
        for value in odd:
            yield f"{name} of {value}", {**_TASK, name: value}, _NO_EMBED
    yield "a deep id", {**_TASK, "id": json.loads("[" * 400 + "]" * 400)}, _NO_EMBED
    yield "a type that is none", _TASK, _ARGS % '{"__type__": "uuid", "__value__": {"x": 1}}'
    yield "an odd decimal", _TASK, _ARGS % '{"__type__": "decimal", "__value__": "x"}'
    for task in ("celery.chord_unlock", "celery.map", "celery.group", "shop.ok", "hookline.odd"):
        yield f"the task {task}", {**_TASK, "task": task}, _NO_EMBED
    for task in ("start", "ask", "store_assets", "ask_seeds", "choose", "notify", "read_ledger"):
        for args in ("[]", "[{}]", "[null]", '["x"]', "[[5]]", '["x", 5]', '["default", [{}]]'):
            yield (
                f"{task} with {args}",
                {**_TASK, "task": f"hookline.{task}"},
                f"[{args}, {{}}, {{}}]",
            )


def _envelope(headers: Any, body: str, **more: Any) -> dict[str, Any]:
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "headers": headers,
        "properties": {
            "body_encoding": "base64", "delivery_tag": "odd", "correlation_id": "odd",
            "delivery_info": {"exchange": "", "routing_key": "hookline"}, "priority": 0,
        },
        **_JSON,
        **more,
    }  # fmt: skip


def on_redis() -> dict[str, bytes]:
    """By name: what is pushed to a queue."""
    found = {
        name: json.dumps(_envelope(headers, body)).encode()
        for name, headers, body in _headers_and_bodies()
    }
    odd: tuple[Any, ...] = (None, 5, "x", [], {})
    raw = (
        "not json",
        '"x"',
        "7",
        "null",
        "[]",
        "{}",
        "",
        "\x00",
        "[" * 20_000,
        "{" + '"a":{' * 900,
    )
    found |= {f"raw {text[:12]!r}": text.encode() for text in raw}
    found["raw bytes"] = b"\xff\xfe\x00"
    found["a pickle"] = b"cos\nabort\n(tR."
    whole = _envelope(_TASK, _NO_EMBED)
    for part in ("body", "headers", "properties", "content-type", "content-encoding"):
        left = {name: value for name, value in whole.items() if name != part}
        found[f"without {part}"] = json.dumps(left).encode()
        for value in odd:
            found[f"{part} of {value}"] = json.dumps({**whole, part: value}).encode()
    for part in ("body_encoding", "delivery_tag", "delivery_info", "priority"):
        properties = {n: v for n, v in whole["properties"].items() if n != part}
        found[f"without {part}"] = json.dumps({**whole, "properties": properties}).encode()
        for value in (*odd, float("inf"), {"exchange": [], "routing_key": {}}):
            changed = {**whole, "properties": {**properties, part: value}}
            found[f"{part} of {value}"] = json.dumps(changed).encode()
    kombus = {"exchange": "", "routing_key": "hookline.unacked"}
    properties = {**whole["properties"], "delivery_info": kombus}
    found["to be restored into a key of kombu"] = json.dumps(
        {**whole, "properties": properties, "headers": {**_TASK, "task": "shop.ok"}}
    ).encode()
    bomb = base64.b64encode(zlib.compress(b" " * _BOMB, 9)).decode()
    headers = {**_TASK, "compression": "application/x-gzip"}
    found["a bomb"] = json.dumps({**_envelope(headers, ""), "body": bomb}).encode()
    found["giant"] = b'{"body": "' + b"x" * _BOMB
    return found


def push(url: str, queue: str, messages: Mapping[str, bytes]) -> None:
    """Put them into a queue of a Redis broker."""
    with redis.Redis.from_url(url) as client:
        pipe = client.pipeline(transaction=False)
        for number, message in enumerate(messages.values()):
            # Two with one tag would be one for kombu.
            pipe.lpush(
                queue, message.replace(b'"delivery_tag": "odd"', b'"delivery_tag": "%d"' % number)
            )
        pipe.execute()


def on_rabbitmq() -> dict[str, amqp.Message]:
    """By name: what is published to a queue."""
    found = {
        name: _amqp_message(body.encode(), headers) for name, headers, body in _headers_and_bodies()
    }
    found["raw"] = amqp.Message(b"\xff\xfe\x00")
    found["empty"] = amqp.Message(b"")
    found["a pickle"] = amqp.Message(
        b"cos\nabort\n(tR.",
        content_type="application/x-python-serialize",
        application_headers=_TASK,
    )
    for kind in ("text/plain", "x", "application/x-yaml", "application/data"):
        found[f"content type {kind}"] = amqp.Message(b"[]", content_type=kind)
    for encoding in ("utf-16", "odd", "binary", "idna"):
        found[f"content encoding {encoding}"] = amqp.Message(
            _NO_EMBED.encode(), content_type="application/json", content_encoding=encoding,
            application_headers=_TASK,
        )  # fmt: skip
    found["huge headers"] = _amqp_message(b"[]", {**_TASK, "x": "y" * 100_000})
    found["a bomb"] = _amqp_message(
        zlib.compress(b" " * _BOMB, 9), {**_TASK, "compression": "application/x-gzip"}
    )
    found["giant"] = _amqp_message(b" " * _BOMB, _TASK)
    for name, table in _odd_tables().items():
        found[name] = _with_table(table)
    return found


def _amqp_message(body: bytes, headers: Mapping[str, Any]) -> amqp.Message:
    return amqp.Message(
        body, content_type="application/json", content_encoding="utf-8",
        application_headers=dict(headers),
    )  # fmt: skip


def _odd_tables() -> dict[str, bytes]:
    """Header tables that RabbitMQ takes and py-amqp cannot read, each without its length."""
    deep = b""
    for _ in range(3000):
        deep = b"\x01aF" + struct.pack(">I", len(deep)) + deep
    return {
        "a short number, as Java sends one": b"\x01as\x7f\x7f",
        "text that is no UTF-8": b"\x01aS" + struct.pack(">I", 2) + b"\xff\xfe",
        "a date without end": b"\x01aT" + struct.pack(">Q", 2**63 - 1),
        "tables in tables": deep,
    }


def _with_table(table: bytes) -> amqp.Message:
    """A message whose header table is ``table``, byte for byte."""
    message = amqp.Message(b"[]")
    properties = struct.pack(">H", 0x2000) + struct.pack(">I", len(table)) + table
    message.__dict__["_serialize_properties"] = lambda: properties
    return message


def publish(url: str, queue: str, messages: Mapping[str, amqp.Message]) -> None:
    """Publish them to a queue of RabbitMQ."""
    with Connection(url) as connection:
        channel: Any = connection.default_channel
        for message in messages.values():
            channel.basic_publish(message, exchange="", routing_key=queue)
