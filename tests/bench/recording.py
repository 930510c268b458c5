"""What history and metrics add to a callback, beside all that the callback costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import process_time
from typing import Any

from config.logs import configure_logging
from tests.bench.receiving import cpu_per_callback
from tests.bench.rows import Row
from tests.bench.seeds import STORY, Seeds
from tests.bench.stage import Stage
from worker.services import orchestrator

#: Jobs of one turn.
_JOBS = 8
#: What the orchestrator calls for them, and what it would have without them.
_PARTS: dict[str, Any] = {
    "entries_of": lambda *_: (),
    "counts_of": lambda *_: {},
    "unchanged": lambda *_: {},
}


def recording(stage: Stage, jobs: int, pairs: int) -> Row:
    """Short turns with them and without, in this process; the whole, of the web process.

    The cheapest turns are compared: what others do on the machine only ever adds.
    """
    stage.clear()
    configure_logging("json", "warning")
    seeds = Seeds(stage.services, stage.provider.url)
    with stage.running("web") as targets:
        whole = median(cpu_per_callback(stage, seeds, targets["web"], jobs) for _ in range(3))
    _story(stage, seeds)  # what is loaded once is not counted
    with_, without = [], []
    for _ in range(pairs):
        with _left_out():
            without.append(_story(stage, seeds))
        with_.append(_story(stage, seeds))
    added = min(with_) - min(without)
    return Row(
        what="CPU of history and metrics per callback; floor: all of the callback",
        unit="ms",
        ours=added,
        floor=whole,
        ratio=added / whole,
        note=f"{pairs} pairs in this process: {min(with_):.2f} ms with them, {min(without):.2f} "
        "without",
    ).below_ratio(0.05)


def _story(stage: Stage, seeds: Seeds) -> float:
    """CPU of this process and Redis for each callback about a few new jobs, in ms."""
    taken = [seeds.submitted() for _ in range(_JOBS)]
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
