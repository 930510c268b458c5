"""``python -m tests.chaos.attackers.poison``: pushes what is no message of ours into our queues."""

import argparse
import json
import time
from base64 import b64encode
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import redis

QUEUES = ("hookline", "hookline.wake", "hookline.files", "hookline.notify")
_TASKS = ("hookline.start", "hookline.store_assets", "hookline.notify", "hookline.imagine")

JSON = dict[str, Any]


def envelope(task: str = "hookline.start", **changes: Any) -> JSON:
    """A message as Celery sends it, but for ``changes``; a part that is ``...`` is left out."""
    body = b64encode(json.dumps([["default"], {}, {}]).encode()).decode()
    made = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": "poison", "root_id": "poison"},
        "properties": {
            "correlation_id": "poison",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "hookline"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": "poison",
        },
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def _sized(text: str) -> str:
    return b64encode(text.encode()).decode()


def _properties(**changes: Any) -> JSON:
    made = {**envelope()["properties"], **changes}
    return {name: value for name, value in made.items() if value is not ...}


def _body(value: Any) -> str:
    return json.dumps(envelope(body=_sized(json.dumps(value))))


#: By what is wrong with each. Given the task that it names, where it names one.
POISONS: dict[str, Callable[[str], str | bytes]] = {
    "not JSON": lambda _: "not json",
    "empty": lambda _: "",
    "no UTF-8": lambda _: b"\xff\xfe\x00poison",
    "a number": lambda _: "7",
    "null": lambda _: "null",
    "a list": lambda _: "[]",
    "an empty object": lambda _: "{}",
    "deep": lambda _: "[" * 100_000,
    "deep and whole": lambda _: '{"body":' + "[" * 5_000 + "]" * 5_000 + "}",
    "huge": lambda _: json.dumps(envelope(body="x" * 5_000_000)),
    "a huge number": lambda _: '{"body": ' + "9" * 5_000 + "}",
    "NaN": lambda _: '{"body": NaN, "headers": Infinity}',
    "no body": lambda task: json.dumps(envelope(task, body=...)),
    "body x": lambda _: json.dumps(envelope(body="x")),
    "body null": lambda _: json.dumps(envelope(body=None)),
    "body 7": lambda _: json.dumps(envelope(body=7)),
    "body an object": lambda _: json.dumps(envelope(body={"a": 1})),
    "content x": lambda _: _body("x"),
    "content 7": lambda _: _body(7),
    "content null": lambda _: _body(None),
    "content an object": lambda _: _body({"args": []}),
    "content two parts": lambda _: _body([[], {}]),
    "content four parts": lambda _: _body([[], {}, {}, {}]),
    "content wrong parts": lambda _: _body(["a", "b", "c"]),
    "content deep": lambda _: json.dumps(envelope(body=_sized("[" * 50_000 + "]" * 50_000))),
    "embed null": lambda _: _body([[], {}, None]),
    "a callback of theirs": lambda _: _body([[], {}, {"callbacks": [7], "errbacks": "x"}]),
    "a chain of nonsense": lambda _: _body([[], {}, {"chain": ["x"], "chord": 7}]),
    "arguments too many": lambda _: _body([["a", "b", "c", "d"], {"e": 1}, {}]),
    "arguments of other types": lambda _: _body([[{"a": [None]}], {}, {}]),
    "an account that is none": lambda _: _body([["\x00\n../../x"], {}, {}]),
    "no headers": lambda _: json.dumps(envelope(headers=...)),
    "headers null": lambda _: json.dumps(envelope(headers=None)),
    "headers a list": lambda _: json.dumps(envelope(headers=[1])),
    "no task": lambda _: json.dumps(envelope(headers={"id": "poison"})),
    "task null": lambda _: json.dumps(envelope(headers={"task": None, "id": None})),
    "task a list": lambda _: json.dumps(envelope(headers={"task": ["x"], "id": {}})),
    "an unknown task": lambda _: json.dumps(envelope("os.system")),
    "an old message": lambda _: json.dumps(
        envelope(headers={}, body=_sized('{"task": "hookline.start", "id": "a", "args": 7}'))
    ),
    "an ETA": lambda task: json.dumps(
        envelope(headers={"task": task, "id": "a", "eta": "soon", "expires": "never"})
    ),
    "an ETA far away": lambda task: json.dumps(
        envelope(headers={"task": task, "id": "a", "eta": "2999-01-01T00:00:00+00:00"})
    ),
    "an ETA without end": lambda task: json.dumps(
        envelope(headers={"task": task, "id": "a", "eta": 1e308})
    ),
    "retries": lambda task: json.dumps(
        envelope(headers={"task": task, "id": "a", "retries": "x", "timelimit": "y"})
    ),
    "a time limit": lambda task: json.dumps(
        envelope(headers={"task": task, "id": "a", "timelimit": [1e-9, -1]})
    ),
    "a group": lambda task: json.dumps(
        envelope(headers={"task": task, "id": "a", "group": {}, "reply_to": 7, "origin": []})
    ),
    "no properties": lambda _: json.dumps(envelope(properties=...)),
    "properties null": lambda _: json.dumps(envelope(properties=None)),
    "no delivery tag": lambda _: json.dumps(envelope(properties=_properties(delivery_tag=...))),
    "a tag that is a list": lambda _: json.dumps(
        envelope(properties=_properties(delivery_tag=[1]))
    ),
    "no delivery info": lambda _: json.dumps(envelope(properties=_properties(delivery_info=...))),
    "delivery info 7": lambda _: json.dumps(envelope(properties=_properties(delivery_info=7))),
    "priority x": lambda _: json.dumps(envelope(properties=_properties(priority="x"))),
    "an unknown encoding": lambda _: json.dumps(
        envelope(properties=_properties(body_encoding="rot13"))
    ),
    "broken base64": lambda _: json.dumps(envelope(body="!!!not base64!!!")),
    "base64 of noise": lambda _: json.dumps(envelope(body=b64encode(bytes(range(256))).decode())),
    "pickle": lambda _: json.dumps(
        {**envelope(body=_sized("cos\n.")), "content-type": "application/x-python-serialize"}
    ),
    "an unknown type": lambda _: json.dumps({**envelope(), "content-type": "text/poison"}),
    "type 7": lambda _: json.dumps({**envelope(), "content-type": 7, "content-encoding": []}),
    "another encoding": lambda _: json.dumps({**envelope(), "content-encoding": "utf-99"}),
    "compressed": lambda _: json.dumps(
        envelope(headers={"task": "hookline.start", "id": "a", "compression": "application/x-gzip"})
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="of the broker")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    kinds = [
        (queue, task, name) for name in POISONS for queue, task in zip(QUEUES, _TASKS, strict=True)
    ]
    began = time.monotonic()
    with redis.Redis.from_url(asked.url, socket_timeout=5) as broker:
        for number, (queue, task, name) in enumerate(islice(cycle(kinds), asked.count)):
            time.sleep(max(0.0, began + asked.seconds * number / asked.count - time.monotonic()))
            broker.lpush(queue, POISONS[name](task))
    print(json.dumps({"messages": asked.count, "kinds": len(POISONS)}), flush=True)


if __name__ == "__main__":
    main()
