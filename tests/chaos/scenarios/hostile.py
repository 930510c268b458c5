"""F10: hostile requests to the real web process. None may crash it, bloat it or change a job."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import redis

from tests.bench import procfs
from tests.chaos.fuzzing import CLOSED, Fuzzer, Victims
from tests.chaos.hammering import Outcome, Silent, hammer
from tests.chaos.leaks import leaks
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage, stage
from tests.support.jobs import capacity, in_status
from worker.domain.job import Job, Status

_CONNECTIONS = 8
_MAX_GROWTH_MIB = 50.0
_MAX_P99_S = 0.1
#: So many inputs before the memory is measured first, with numbers that the run does not use.
_WARM_UP, _WARM_UP_FROM = 500, 1 << 32
#: So many inputs between two looks at the memory.
_LOOK_EVERY = 10_000
#: What the provider's ways are learnt from, that the receiver is there, what was said and counted:
#: no job is in them.
_NO_JOBS = (
    b"hookline:account:", b"hookline:receiving", b"hookline:audit", b"hookline:inbox:",
    b"hookline:metrics",
)  # fmt: skip


def hostile(run: Run) -> Row:
    """Mutilated payloads, false and foreign tokens, lies about the size, noise."""
    setup = Setup(workers=0)
    if run.without:
        orders = ("--orders", str(run.folder / "orders"), "--without", ",".join(run.without))
        setup = replace(setup, web=("tests.chaos.broken", "web", *orders))
    victims = Victims(run.seed)
    with stage(run.folder / "stage", setup) as running:
        for job in _jobs(victims):
            running.services.store.jobs.commit(job, capacity=capacity(1000))
        before = _records(running)
        row = _attacked(run, running, Fuzzer(run.seed, victims))
        problems = [*row.problems, *_changes(before, _records(running)), *leaks(running)]
    return replace(row, jobs=len(victims.running + victims.finished), problems=tuple(problems))


def _attacked(run: Run, running: Stage, fuzzer: Fuzzer) -> Row:
    number, web = run.pick(10_000, 1_000_000), _Web(running)
    web.hammer(fuzzer, _WARM_UP_FROM, _WARM_UP, run)
    web.begin()
    began = time.monotonic()
    try:
        outcome = web.hammer(fuzzer, 0, number, run)
    except (Silent, OSError) as error:
        web.look()
        return Row(faults=number, problems=(f"it went silent: {error}", *web.problems()))
    seconds = time.monotonic() - began
    web.look()
    p99 = outcome.quantile(0.99)
    slow = [f"p99 is {p99 * 1000:.0f} ms"] if p99 > _MAX_P99_S else []
    note = (
        f"{number / seconds:.0f} inputs/s, p99 {p99 * 1000:.1f} ms, "
        f"memory {web.growth_mib:+.1f} MiB"
    )
    problems = (*_wrong_answers(outcome, run.seed), *slow, *web.problems())
    return Row(faults=number, seconds=seconds, problems=problems, note=note)


class _Web:
    """The process that is attacked."""

    def __init__(self, running: Stage) -> None:
        self._running = running
        self._port = int(running.web_url.rpartition(":")[2])
        self._processes = self._session()
        self._first = self._most = 0.0

    def hammer(self, fuzzer: Fuzzer, first: int, number: int, run: Run) -> Outcome:
        """Send ``number`` inputs. Raises ``Silent``."""
        began = time.monotonic()

        def look(outcome: Outcome) -> None:
            sent = len(outcome.latencies)
            if sent % _LOOK_EVERY == 0:
                self.look()
                run.tell(f"{sent} inputs, {sent / (time.monotonic() - began):.0f}/s")

        inputs = map(fuzzer.make, range(first, first + number))
        return hammer(self._port, inputs, connections=_CONNECTIONS, look=look)

    def begin(self) -> None:
        """The memory is compared with that of now."""
        self._first = self._most = self._memory()

    def look(self) -> None:
        """Measure."""
        self._most = max(self._most, self._memory())

    @property
    def growth_mib(self) -> float:
        """How much more memory than at the beginning it ever used when it was looked at."""
        return self._most - self._first

    def problems(self) -> Iterator[str]:
        """What is wrong with it."""
        if self.growth_mib > _MAX_GROWTH_MIB:
            yield f"it grew by {self.growth_mib:.0f} MiB"
        if self._session() != self._processes:
            yield "one of its processes died"
        if not self._running.web_ready():
            yield "it does not answer any more"

    def _session(self) -> set[int]:
        pid = self._running.pid("web")
        return set(procfs.session(pid)) if pid and procfs.AVAILABLE else set()

    def _memory(self) -> float:
        return procfs.memory(self._session()).pss


def _jobs(victims: Victims) -> Iterator[Job]:
    for status, ids in (
        (Status.IN_PROGRESS, victims.running),
        (Status.SUCCEEDED, victims.finished),
    ):
        for job_id in ids:
            job = in_status(status, id=job_id)
            # Nobody has to look at it, and no news of its progress is news.
            yield replace(job, task_id=victims.task_id(job_id), progress=100)


def _records(running: Stage) -> dict[bytes, Any]:
    """All jobs and where they stand, byte by byte."""
    keys = running.redis.scan_iter(match="hookline:*", count=1000)
    return {key: _value(running.redis, key) for key in keys if not key.startswith(_NO_JOBS)}


def _value(client: "redis.Redis", key: bytes) -> Any:
    match client.type(key):
        case b"hash":
            return client.hgetall(key)
        case b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        case b"set":
            return client.smembers(key)
        case _:
            return client.lrange(key, 0, -1)


def _changes(before: Mapping[bytes, Any], after: Mapping[bytes, Any]) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            made = "changed" if key in before else "was made"
            yield f"{key.decode()} {made if key in after else 'is gone'}"


def _wrong_answers(outcome: Outcome, seed: int) -> Iterator[str]:
    if outcome.failures > len(outcome.failed):
        yield f"{outcome.failures} wrong answers in all, such as:"
    for made, status in outcome.failed:
        given = "no answer" if status == CLOSED else str(status)
        yield (
            f"{given} instead of {sorted(made.allowed)} to {made.sort}: "
            f"{sys.executable} -m tests.chaos.fuzzing {seed} {made.number}"
        )


SCENARIOS = (Scenario("F10", "hostile requests", hostile, alone=True),)
