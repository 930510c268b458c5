"""What history and metrics add to a callback, beside all that the callback costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import process_time
from typing import Any

from tests.bench.receiving import cpu_per_callback
from tests.bench.rows import Row
from tests.bench.seeds import STORY, Seeds
from tests.bench.stage import Stage
from worker.services import orchestrator

#: What the orchestrator calls for them, and what it would have without them.
_PARTS: dict[str, Any] = {
    "entries_of": lambda *_: (),
    "counts_of": lambda *_: {},
    "unchanged": lambda *_: {},
}


def recording(stage: Stage, jobs: int, rounds: int) -> Row:
    """Rounds with them and without in turn, in this process; the whole, of the web process."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    with stage.running("web") as targets:
        whole = median(cpu_per_callback(stage, seeds, targets["web"], jobs) for _ in range(rounds))
    _story(stage, seeds, jobs)  # what is loaded once is not counted
    added = []
    for _ in range(rounds):
        with _left_out():
            without = _story(stage, seeds, jobs)
        added.append(_story(stage, seeds, jobs) - without)
    return Row(
        what="CPU of history and metrics per callback; floor: all of the callback",
        unit="ms",
        ours=median(added),
        floor=whole,
        ratio=median(added) / whole,
        note=f"{', '.join(f'{each * 1000:.0f}' for each in sorted(added))} µs in the rounds",
    ).below_ratio(0.05)


def _story(stage: Stage, seeds: Seeds, jobs: int) -> float:
    """CPU of this process and Redis for each callback about new jobs, in ms."""
    taken = [seeds.submitted() for _ in range(jobs)]
    calls = [_read(seeds.callback(job, *step)) for step in STORY for job in taken]
    receive, server = stage.services.receiver.receive, stage.redis
    before = process_time() + _cpu_s(server.info("cpu"))
    for token, body in calls:
        receive(token, body)
    spent = process_time() + _cpu_s(server.info("cpu")) - before
    return spent * 1000 / len(calls)


def _read(request: bytes) -> tuple[str, Any]:
    """The token in the path, and the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    return head.split()[1].decode().rpartition("/")[2], json.loads(body)


def _cpu_s(used: dict[str, Any]) -> float:
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])


@contextmanager
def _left_out() -> Iterator[None]:
    kept = {name: getattr(orchestrator, name) for name in _PARTS}
    for name, nothing in _PARTS.items():
        setattr(orchestrator, name, nothing)
    try:
        yield
    finally:
        for name, part in kept.items():
            setattr(orchestrator, name, part)
