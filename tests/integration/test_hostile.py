"""Malformed bodies and false tokens at each door: never a 5xx, no job changes, and no look-up is
made for a stranger.

The chaos suite does the same to the real web process, a million times.
"""

import io
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.openapi import checked
from tests.support.stores import OwnStore
from tests.support.web import AUTH, Web
from webhooks.api.jobs import MAX_BYTES as API_MAX_BYTES
from worker.adapters.store import Filter
from worker.adapters.tokens import Tokens
from worker.bootstrap import HOOK_PATH
from worker.domain.job import Job

BODIES = 3_000

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
    return checked(Web(tmp_path))


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
    changed = other[:-9] + ("x" if other[-9] != "x" else "y") + other[-8:]
    forged = [changed, "junk", "j.1.2.3", running.id, "%00", "a" * 5000]
    rng = random.Random(7)
    statuses = count(lambda b: post(web, f"{HOOK_PATH}/{rng.choice(forged)}", b), 1, 2000)
    assert set(statuses) == {401}, statuses
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


def test_a_stranger_costs_no_look_up_and_learns_nothing(tmp_path: Path) -> None:
    store = OwnStore()
    web = checked(Web(tmp_path, store))
    job = web.running()
    right = web.services.tokens.for_job(job.id, 1)
    forger = Tokens(["somebody else's secret"])
    false = [
        "x",
        job.id,
        right[:-1],
        right[:37] + ("x" if right[37] != "x" else "y") + right[38:],
        right.upper(),
        right.replace(".1.", ".2."),
        forger.for_job(job.id, 1),  # of a job that is there
        forger.for_job("0" * 32, 1),  # and of one that is not
        forger.for_account("default"),
        "a" * 5000,
    ]
    lie = {"id": "t1", "status": "FAILURE", "failReason": "no"}
    store.line.asked = 0
    answers = [web.client.post(f"{HOOK_PATH}/{token}", json=lie) for token in false]
    answers += [web.client.post(f"{HOOK_PATH}/{token}", data=b"no JSON") for token in false]
    assert {(a.status_code, a.data, tuple(a.headers)) for a in answers} == {
        (401, answers[0].data, tuple(answers[0].headers))
    }
    assert store.line.asked == 0
    assert web.client.post(f"{HOOK_PATH}/{right}", json={}).status_code == 200
    assert store.line.asked > 0, "so it would have been noticed"
    assert web.job(job.id) == job


def test_a_caller_without_the_token_costs_no_look_up(tmp_path: Path) -> None:
    store = OwnStore()
    web = checked(Web(tmp_path, store))
    job = web.running()
    store.line.asked = 0
    wrong = {"Authorization": AUTH["Authorization"] + "x"}
    for path in ("jobs", f"jobs/{job.id}", f"jobs/{job.id}/cancel", f"pipelines/{job.id}", "x"):
        for method in ("GET", "POST"):
            for headers in ({}, wrong):
                answer = web.client.open(f"/v1/{path}", method=method, headers=headers)
                assert answer.status_code == 401, path
    assert store.line.asked == 0


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCEL", "MODAL", "IN_PROGRESS"])
def test_a_state_counts_only_for_its_own_job(web: Web, running: Job, status: str) -> None:
    other = web.running(task_id="t2")
    tokens = web.services.tokens
    told = {"id": "t1", "status": status, "progress": "99%", "state": tokens.for_job(other.id, 1)}
    assert web.client.post(web.hook(running), json=told).status_code == 401
    assert web.client.post(web.hook(running), json={**told, "id": "t2"}).status_code == 401
    # One hook for an account: what is said is about the state's job, so not about this task.
    account = f"{HOOK_PATH}/{tokens.for_account('default')}"
    answer = web.client.post(account, json=told)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "foreign"})
    gone = {**told, "state": tokens.for_job("0" * 32, 1)}
    assert web.client.post(account, json=gone).status_code == 404
    assert (web.job(running.id), web.job(other.id)) == (running, other)


DOORS = ["receiver", "jobs", "press", "resolve"]


def door(web: Web, name: str, job: Job) -> tuple[str, dict[str, str]]:
    if name == "receiver":
        return web.hook(job), {}
    return ("/v1/jobs" if name == "jobs" else f"/v1/jobs/{job.id}/{name}"), AUTH


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"7",
        b"null",
        b'"x"',
        b"[]",
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b"\xff\xfe{}",
        b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 1_000_000,
        b'{"a": "' + b"x" * 100 + b"\x00" + b'"}',
    ],
)
def test_no_door_takes_what_is_no_json_object(
    web: Web, running: Job, name: str, body: bytes
) -> None:
    path, headers = door(web, name, running)
    assert post(web, path, body, **headers) == 400
    assert web.job(running.id) == running


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt": "\\ud800", "kind": "imagine"}',
        b'{"button": "\\udc00\\ud800", "\\ud800": 1}',
        b'{"outcome": "accepted", "task_id": "\\ud800"}',
        b'{"id": "\\ud800", "status": "IN_PROGRESS", "progress": "\\udfff"}',
        b'{"kind": "imagine", "prompt": "a", "metadata": {"\\ud800": 1}}',
        b'{"kind": "imagine", "prompt": ["a"], "then": {"press": 1}, "priority": 1e400}',
        b'{"button": {}, "then": 7, "modal": []}',
        b'{"outcome": true, "task_id": 7}',
        b'{"id": {"a": 1}, "status": ["SUCCESS"], "imageUrl": [[]], "buttons": 7, "state": {}}',
    ],
)
def test_no_door_stores_half_a_character_or_a_wrong_type(
    web: Web, running: Job, name: str, body: bytes
) -> None:
    path, headers = door(web, name, running)
    assert post(web, path, body, **headers) in ({200, 400} if name == "receiver" else {400, 409})
    assert web.job(running.id) == running
    assert len(web.store.jobs.page(Filter(), 9).jobs) == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("filling", [b" ", b"[],", b'{"a":1},', b"9", b"\xff"])
def test_bodies_of_10_mb_are_refused(web: Web, running: Job, filling: bytes, chunked: bool) -> None:
    body = b"[" + filling * (10_000_000 // len(filling))
    assert send_large(web, *door(web, "receiver", running), body, chunked) == 413
    assert send_large(web, *door(web, "jobs", running), body, chunked) == 400
    assert web.job(running.id) == running


@pytest.mark.parametrize("chunked", [False, True])
def test_the_api_reads_32_mib_and_no_more(web: Web, running: Job, chunked: bool) -> None:
    whole = b'{"kind": "imagine", "prompt": "a cat"' + b" " * (API_MAX_BYTES - 38) + b"}"
    assert len(whole) == API_MAX_BYTES
    assert send_large(web, "/v1/jobs", AUTH, whole, chunked) == 202
    assert send_large(web, "/v1/jobs", AUTH, whole + b" ", chunked) == 413


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("filling", [b"[],", b"0,", b'{"a":{}},', b"[[[["])
def test_many_small_values_are_refused_before_they_take_memory(
    web: Web, running: Job, name: str, filling: bytes
) -> None:
    body = b'{"a": [' + filling * (1_000_000 // len(filling)) + b"0]}"
    path, headers = door(web, name, running)
    tracemalloc.start()
    try:
        assert post(web, path, body, **headers) == 400
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000
    assert web.job(running.id) == running


def send_large(web: Web, path: str, headers: dict[str, str], body: bytes, chunked: bool) -> int:
    """As it comes from the server; in chunks its length is not told."""
    environ: dict[str, Any] = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    if chunked:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    else:
        environ["CONTENT_LENGTH"] = str(len(body))
    return web.client.post(path, headers=headers, environ_overrides=environ).status_code
