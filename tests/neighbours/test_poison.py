"""Messages that are no task of ours: a worker logs, counts and drops them, and works on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from tests.neighbours import poison, servers
from tests.neighbours.apps import Hookline
from tests.neighbours.conftest import Seen
from tests.support.processes import wait_for
from worker.adapters.messaging.names import QUEUES
from worker.adapters.store import Filter
from worker.adapters.store.store import Store
from worker.domain.job import Job, Status

#: What Celery and kombu log of a worker that lost its consumer, or its mind.
_TROUBLE = ("Unrecoverable", "Connection to broker lost", "Frequent restarts", "outside body")
#: Where messages that a worker took from Redis are kept until it acknowledges them.
_UNACKED = "hookline.unacked"


@dataclass
class Broker:
    """A broker with poison for a queue."""

    name: str
    url: str
    version: str
    kinds: dict[str, Any]
    #: By queue: messages that wait, or were delivered and are not acknowledged.
    held: Callable[[], dict[str, int]]

    def send(self, queue: str, kinds: dict[str, Any]) -> None:
        (poison.push if self.name == "Redis" else poison.publish)(self.url, queue, kinds)

    def empty(self) -> bool:
        held = self.held()
        return not any(held.get(queue) for queue in (*QUEUES.values(), _UNACKED))


@pytest.fixture(params=["Redis", "RabbitMQ"])
def broker(request: pytest.FixtureRequest, plain_redis: servers.RedisServer, store: str) -> Broker:
    assert store
    if request.param == "Redis":
        url = plain_redis.url(db=1)
        return Broker("Redis", url, plain_redis.version, poison.on_redis(), partial(_on_redis, url))
    server: servers.RabbitMQ = request.getfixturevalue("rabbitmq")
    host = uuid4().hex
    held = partial(server.held, host)
    return Broker("RabbitMQ", server.virtual_host(host), server.version, poison.on_rabbitmq(), held)


def _on_redis(url: str) -> dict[str, int]:
    with redis.Redis.from_url(url) as client:
        waiting = {queue: int(client.llen(queue)) for queue in QUEUES.values()}
        return {**waiting, _UNACKED: int(client.hlen(_UNACKED))}


def test_poison_is_logged_counted_and_gone(
    tmp_path: Path, broker: Broker, store: str, seen: Seen
) -> None:
    hookline = Hookline(tmp_path, store, broker.url)
    with hookline.working() as log, redis.Redis.from_url(store) as client:
        jobs = Store(client)
        [worker] = jobs.workers.present(0)
        for queue in QUEUES.values():
            broker.send(queue, broker.kinds)
            wait_for(broker.empty, f"{queue} is empty", 120)
        poison_free(log)
        if broker.name == "RabbitMQ":
            assert "broker.unreadable_properties" in log.read_text()
        assert jobs.workers.present(0)[0].place == worker.place
        assert jobs.refusals.count(0) > len(broker.kinds)
    seen(
        case=f"{len(broker.kinds)} kinds of message that are no task in each of our queues: not "
        "JSON, no body, deep nesting, a bomb, odd headers and properties, a pickle",
        server=broker.version,
        result="logged, listed by `hookline refused` and acknowledged; the worker goes on",
    )


def poison_free(log: Path) -> None:
    lines = log.read_text().splitlines()
    assert [line for line in lines if any(trouble in line for trouble in _TROUBLE)] == []


def test_a_batch_goes_on_beside_a_thousand(
    tmp_path: Path, broker: Broker, store: str, seen: Seen
) -> None:
    hookline = Hookline(tmp_path, store, broker.url)
    (tmp_path / "rows.csv").write_text("prompt\n" + "".join(f"a fox {n}\n" for n in range(8)))
    small = [kind for name, kind in broker.kinds.items() if name not in ("giant", "a bomb")]
    many = {str(number): kind for number, kind in zip(range(250), cycle(small), strict=False)}
    with hookline.up("--port", "0"), redis.Redis.from_url(store) as client:
        jobs = Store(client)
        [worker] = jobs.workers.present(0)
        started = hookline.run("batch", "rows.csv")
        assert started.returncode == 0, started.stderr
        for queue in QUEUES.values():
            broker.send(queue, many)
        wait_for(lambda: len(ended(jobs)) == 8, "the batch", 120)
        wait_for(broker.empty, "the queues are empty", 120)
        assert {job.status for job in ended(jobs)} == {Status.SUCCEEDED}
        assert {job.attempt for job in ended(jobs)} == {1}
        assert [one.place for one in jobs.workers.present(0)] == [worker.place]
    seen(
        case="250 of them in each of our four queues, while a batch of 8 rows runs",
        server=broker.version,
        result="the batch ends, each row paid once; the same worker throughout",
    )


def ended(jobs: Store) -> list[Job]:
    return [job for job in jobs.jobs.page(Filter(), 50).jobs if job.status.terminal]
