"""What waiting for replicas adds to a commit."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.chaos.redis_server import RedisServer
from tests.chaos.waiting import wait_for
from tests.support.jobs import a_job, capacity
from tests.support.ports import free_port
from worker.adapters.store.connection import connect
from worker.adapters.store.store import Store

_PASSWORD = "of-this-run"
_REPLICAS = 2


@dataclass(frozen=True, slots=True)
class Waited:
    """A commit that waits for so many replicas."""

    replicas: int
    ms: float  #: the median
    ratio: float  #: to that without any


def waiting(folder: Path, commits: int) -> list[Waited]:
    """So many commits for 0, 1 and 2 replicas, by turns."""
    with ExitStack() as running:
        url = _servers(folder, running)
        with connect(url) as client:
            wait_for(lambda: client.wait(_REPLICAS, 100) == _REPLICAS, "the replicas", 60)
            stores = [Store(client, replicas=n) for n in range(_REPLICAS + 1)]
            _measure(stores, 20)
            medians = [median(seconds) for seconds in _measure(stores, commits)]
    return [Waited(n, took * 1000, took / medians[0]) for n, took in enumerate(medians)]


def _servers(folder: Path, running: ExitStack) -> str:
    """A primary and its replicas, each of which syncs every write; the primary's address."""
    ports = [free_port() for _ in range(_REPLICAS + 1)]
    for n, port in enumerate(ports):
        lines = [f"masterauth {_PASSWORD}", "repl-diskless-sync-delay 0"]
        if n:
            lines.append(f"replicaof 127.0.0.1 {ports[0]}")
        server = RedisServer(folder / str(n), port, _PASSWORD, "always", lines)
        running.callback(server.end)
        server.start()
    return f"redis://:{_PASSWORD}@127.0.0.1:{ports[0]}/0"


def _measure(stores: list[Store], commits: int) -> list[list[float]]:
    """Seconds of each commit, by the number of replicas."""
    spent: list[list[float]] = [[] for _ in stores]
    for _ in range(commits):
        for store, seconds in zip(stores, spent, strict=True):
            job = a_job()
            began = time.perf_counter()
            store.jobs.commit(job, capacity=capacity())
            seconds.append(time.perf_counter() - began)
    return spent
