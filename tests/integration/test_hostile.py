"""Ten thousand malformed bodies to each door: never a 5xx, and no job changes."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.web import AUTH, Web
from worker.bootstrap import HOOK_PATH
from worker.job import Job

BODIES = 10_000

#: Words of the protocol and of our API, so that mutations reach behind the first check.
WORDS = [
    "id", "status", "SUCCESS", "FAILURE", "MODAL", "progress", "100%", "state", "imageUrl",
    "buttons", "customId", "properties", "finalPrompt", "failReason", "action", "DESCRIBE",
    "kind", "imagine", "prompt", "then", "press", "U1", "modal", "mask", "priority", "deadline_s",
    "metadata", "images", "blend", "data:image/png;base64,xxx", "notify",
]  # fmt: skip


def scalars(rng: random.Random) -> Any:
    odd = [None, True, False, 0, -1, 2**70, 1e308, 0.1, "", "\u0000", "é\ud83d", "x" * 9000]
    return rng.choice([*odd, *rng.sample(WORDS, 6)])


def values(rng: random.Random, depth: int = 0) -> Any:
    roll = rng.random()
    if depth > 4 or roll < 0.4:
        return scalars(rng)
    if roll < 0.6:
        return [values(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(WORDS): values(rng, depth + 1) for _ in range(rng.randrange(6))}


def broken(rng: random.Random) -> bytes:
    """Something that is no JSON, or JSON that hurts."""
    whole = json.dumps(values(rng)).encode("utf-8", "surrogatepass")
    return rng.choice(
        [
            whole[: rng.randrange(len(whole) + 1)],
            bytes(rng.randrange(256) for _ in range(rng.randrange(200))),
            b"[" * 5000 + b"]" * 5000,
            b'{"a":' * 3000 + b"1" + b"}" * 3000,
            b'{"id": NaN, "status": Infinity}',
            b'{"id": ' + b"9" * 6000 + b"}",
            b'{"id": 1e999, "id": "x", "id": {}}',
            b"\xff\xfe" + whole,
            whole.replace(b'"', b"'"),
            b"\xef\xbb\xbf" + whole,
        ]
    )


def bodies(seed: int, number: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    for _ in range(number):
        if rng.random() < 0.4:
            yield broken(rng)
        else:
            yield json.dumps(values(rng)).encode("utf-8", "surrogatepass")


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


@pytest.fixture
def running(web: Web) -> Job:
    return web.running()


def post(web: Web, path: str, body: bytes, **headers: str) -> int:
    return web.client.post(path, data=body, headers=headers).status_code


def count(posts: Callable[[bytes], int], seed: int, number: int = BODIES) -> dict[int, int]:
    statuses: dict[int, int] = {}
    for body in bodies(seed, number):
        status = posts(body)
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


def test_the_receiver_withstands_strangers(web: Web, running: Job) -> None:
    other = web.services.tokens.for_job("0" * 32, 1)
    forged = [other[:-1] + "x", "junk", "j.1.2.3", running.id, "%00", "a" * 5000]
    rng = random.Random(7)
    statuses = count(lambda b: post(web, f"{HOOK_PATH}/{rng.choice(forged)}", b), 1, 2000)
    assert set(statuses) <= {401, 404}, statuses
    assert web.job(running.id) == running


def test_the_receiver_withstands_nonsense_under_a_valid_token(web: Web, running: Job) -> None:
    statuses = count(lambda b: post(web, web.hook(running), without_end(b)), 2)
    assert set(statuses) <= {200, 400}, statuses
    assert statuses[400] > BODIES / 4
    assert web.job(running.id) == running


def without_end(body: bytes) -> bytes:
    """With a true token even a lie is believed, so take out the words that would be one."""
    for word in (b"SUCCESS", b"FAILURE", b"MODAL", b"progress"):
        body = body.replace(word, b"NOT_START")
    return body


def test_the_api_withstands_nonsense(web: Web, running: Job) -> None:
    rng = random.Random(9)
    paths = [
        "jobs",
        f"jobs/{running.id}/press",
        f"jobs/{running.id}/resolve",
        f"jobs/{'f' * 32}/press",
        "nowhere",
    ]
    statuses = count(lambda b: post(web, f"/v1/{rng.choice(paths)}", b, **AUTH), 3)
    assert set(statuses) <= {400, 404, 409, 422}, statuses
    assert web.job(running.id) == running
    unauthorized = count(lambda b: post(web, f"/v1/{rng.choice(paths)}", b), 4, 2000)
    assert set(unauthorized) <= {401}, unauthorized
