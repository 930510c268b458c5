"""``python -m tests.scale``: what a commit costs Redis, and what waiting for replicas adds."""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.redis_server import RedisServer
from tests.chaos.waiting import wait_for
from tests.support.jobs import a_job, capacity
from tests.support.ports import free_port
from worker.adapters.store.connection import connect
from worker.adapters.store.store import Store

_PASSWORD = "of-this-run"
_REPLICAS = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--commits", type=int, default=400, help="for each number of replicas")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="scale-") as folder, ExitStack() as running:
        url = _servers(Path(folder), running)
        with connect(url) as client:
            wait_for(lambda: client.wait(_REPLICAS, 100) == _REPLICAS, "the replicas", 60)
            stores = [Store(client, replicas=n) for n in range(_REPLICAS + 1)]
            _measure(client, stores, 20)
            spent, cpu_us = _measure(client, stores, options.commits)
    for replicas, seconds in enumerate(spent):
        took, more = median(seconds) * 1000, median(seconds) / median(spent[0])
        print(f"{replicas} replicas: {took:.2f} ms a commit, {more:.2f} times 0")
    print(f"the primary: {cpu_us:.0f} us of CPU a commit")
    return 0


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


def _measure(client: Any, stores: list[Store], commits: int) -> tuple[list[list[float]], float]:
    """Seconds of each commit by the number of replicas, in turn; and the primary's CPU for one."""
    spent: list[list[float]] = [[] for _ in stores]
    before = _cpu(client)
    for _ in range(commits):
        for store, seconds in zip(stores, spent, strict=True):
            job = a_job()
            began = time.perf_counter()
            store.jobs.commit(job, capacity=capacity())
            seconds.append(time.perf_counter() - began)
    return spent, (_cpu(client) - before) / (commits * len(stores)) * 1e6


def _cpu(client: Any) -> float:
    found = client.info("cpu")
    return float(found["used_cpu_user"] + found["used_cpu_sys"])


if __name__ == "__main__":
    sys.exit(main())
