"""Ten thousand malformed bodies to each door: never a 5xx, and no job changes."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.settings import load_settings
from tests.support.flow import Flow
from tests.support.jobs import a_job
from webhooks.app import create_app
from worker.bootstrap import HOOK_PATH
from worker.job import Attempt, Status
from worker.store.memory import MemoryStore

BODIES = 10_000
TOKEN = "a-token-for-this-test-only"

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


class Doors:
    """The web app over a store whose jobs must not change."""

    def __init__(self, folder: Path) -> None:
        env = {
            "HOOKLINE_PROVIDER_URL": "http://127.0.0.1:9",
            "HOOKLINE_API_TOKEN": TOKEN,
            "HOOKLINE_STATE_DIR": str(folder / "state"),
            "HOOKLINE_REDIS_URL": "redis://127.0.0.1:9/0",
        }
        self.store = MemoryStore()
        flow = Flow("http://127.0.0.1:9", folder / "output", None, store=self.store)
        self.services: Any = flow
        self.tokens = flow.tokens
        self.running = a_job(
            status=Status.SUBMITTED, task_id="t1", attempts=(Attempt(1, 1.0),), due_at=2e9
        )
        self.store.commit(self.running, max_running=3)
        self.before = self.store.get(self.running.id)
        app = create_app(load_settings(env, None), self.services)
        self.client: FlaskClient = app.test_client()

    def post(self, path: str, body: bytes, **headers: str) -> int:
        return self.client.post(path, data=body, headers=headers).status_code


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    doors = Doors(tmp_path)
    yield doors
    doors.services.wakeups.close()


def count(posts: Callable[[bytes], int], seed: int, number: int = BODIES) -> dict[int, int]:
    statuses: dict[int, int] = {}
    for body in bodies(seed, number):
        status = posts(body)
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


def test_the_receiver_withstands_strangers(doors: Doors) -> None:
    other = doors.tokens.for_job("0" * 32, 1)
    forged = [other[:-1] + "x", "junk", "j.1.2.3", doors.running.id, "%00", "a" * 5000]
    rng = random.Random(7)
    statuses = count(lambda b: doors.post(f"{HOOK_PATH}/{rng.choice(forged)}", b), 1, 2000)
    assert set(statuses) <= {401, 404}, statuses
    assert doors.store.get(doors.running.id) == doors.before


def test_the_receiver_withstands_nonsense_under_a_valid_token(doors: Doors) -> None:
    token = doors.tokens.for_job(doors.running.id, 1)
    statuses = count(lambda b: doors.post(f"{HOOK_PATH}/{token}", without_end(b)), 2)
    assert set(statuses) <= {200, 400}, statuses
    assert statuses[400] > BODIES / 4
    assert doors.store.get(doors.running.id) == doors.before


def without_end(body: bytes) -> bytes:
    """With a true token even a lie is believed, so take out the words that would be one."""
    for word in (b"SUCCESS", b"FAILURE", b"MODAL", b"progress"):
        body = body.replace(word, b"NOT_START")
    return body


def test_the_api_withstands_nonsense(doors: Doors) -> None:
    rng = random.Random(9)
    paths = [
        "jobs",
        f"jobs/{doors.running.id}/press",
        f"jobs/{doors.running.id}/resolve",
        f"jobs/{'f' * 32}/press",
        "nowhere",
    ]
    auth = {"Authorization": f"Bearer {TOKEN}"}
    statuses = count(lambda b: doors.post(f"/v1/{rng.choice(paths)}", b, **auth), 3)
    assert set(statuses) <= {400, 404, 409, 422}, statuses
    assert doors.store.get(doors.running.id) == doors.before
    unauthorized = count(lambda b: doors.post(f"/v1/{rng.choice(paths)}", b), 4, 2000)
    assert set(unauthorized) <= {401}, unauthorized
