"""What each kind of event costs: trips to Redis, bytes there and back, and Python's time."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any

from redis.connection import AbstractConnection

from config.logs import configure_logging
from tests.bench.rows import Row
from tests.bench.seeds import Seeds
from tests.bench.stage import Stage
from worker.domain.events import Disposition, Replied
from worker.domain.job import Job
from worker.domain.provider_reports import Outcome, Verdict
from worker.sandbox.models import IN_PROGRESS, SUCCESS

_FOLLOW_UPS = [{"press": name} for name in ("U1", "U2", "U3", "U4")]
#: Of each kind, before those that count.
_WARM_UP = 10
#: Tasks that are taken together.
_TOGETHER = 8
_ACCOUNT = "default"


@dataclass(slots=True)
class _Counted:
    trips: int = 0


def trips(stage: Stage, samples: int) -> list[Row]:
    """Each kind of event, one after another in this process."""
    stage.clear()
    cost = _Cost(stage, samples)
    seeds = Seeds(stage.services, stage.provider.url)
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        configure_logging("json", "info")
        return [*_callbacks(cost, seeds), *_starts(cost, stage, seeds)]


class _Cost:
    """Counts and times what is done."""

    def __init__(self, stage: Stage, samples: int) -> None:
        self._redis = stage.redis
        self.samples = samples

    def row(self, what: str, prepared: Sequence[Any], act: Callable[[Any], object]) -> Row:
        """Act on each of ``prepared``; the first are for warming up."""
        for each in prepared[:_WARM_UP]:
            act(each)
        timed, spent = prepared[_WARM_UP:], []
        before, began = self._bytes(), 0.0
        gc.collect()
        with _counting() as counted:
            for each in timed:
                began = thread_time()
                act(each)
                spent.append(thread_time() - began)
        both_ways = self._bytes() - before
        count = len(timed)
        note = f"{counted.trips / count:.1f} trips, {both_ways / count:,.0f} bytes there and back"
        return Row(what, "µs", median(spent) * 1e6, note=note)

    def _bytes(self) -> int:
        """All bytes that Redis has got and sent so far."""
        stats = self._redis.info("stats")
        return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])


@contextmanager
def _counting() -> Iterator[_Counted]:
    """Count what this process sends to any Redis; a pipeline is one trip."""
    counted, send = _Counted(), AbstractConnection.send_packed_command

    def count(self: AbstractConnection, *args: Any, **kwargs: Any) -> Any:
        counted.trips += 1
        return send(self, *args, **kwargs)  # type: ignore[no-untyped-call]

    AbstractConnection.send_packed_command = count  # type: ignore[method-assign]
    try:
        yield counted
    finally:
        AbstractConnection.send_packed_command = send  # type: ignore[method-assign]


def _callbacks(cost: _Cost, seeds: Seeds) -> Iterator[Row]:
    receiver, count = seeds.services.receiver, cost.samples + _WARM_UP

    def receive(callback: tuple[Job, str, str]) -> Disposition:
        job, status, progress = callback
        return receiver.receive(seeds.token(job), seeds.task(job, status, progress))

    jobs = [seeds.submitted() for _ in range(count)]
    parents = [seeds.submitted(_FOLLOW_UPS) for _ in range(count)]
    begun = [(job, IN_PROGRESS, "15%") for job in jobs]
    yield cost.row("callback of progress", begun, receive)
    yield cost.row("callback that says nothing new", begun, receive)
    ends = [(job, SUCCESS, "100%") for job in parents]
    yield cost.row("callback of a success, four follow-ups made", ends, receive)


def _starts(cost: _Cost, stage: Stage, seeds: Seeds) -> Iterator[Row]:
    """The follow-ups that the successes left; taking some at a time shares the trips."""
    submitter, orchestrator = stage.services.starter.submitter, stage.services.orchestrator
    taken = []

    def take(limit: int) -> None:
        taken.extend(submitter.take(_ACCOUNT, limit)[0])

    count = cost.samples + _WARM_UP
    yield cost.row("taking one job, with the intent to submit it", [1] * count, take)
    several = [_TOGETHER] * (_WARM_UP + cost.samples // _TOGETHER)
    yield cost.row(f"taking {_TOGETHER} jobs together", several, take)
    replies = [
        (each.job, Replied(each.job.attempt, Verdict(Outcome.ACCEPTED, task_id=f"t{number}")))
        for number, each in enumerate(taken)
    ]
    yield cost.row("recording a reply", replies[:count], lambda one: orchestrator.record(*one))
