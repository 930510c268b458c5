"""F22: weeks of jobs, under a clock that is set. What is over leaves, and the sums stay."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.chaos.redis_server import RedisServer
from tests.chaos.scenario import Row, Run, Scenario
from tests.support.jobs import NOW
from tests.support.ports import free_port
from tests.support.web import NoWakeups
from worker.adapters.storage.storage import Storage
from worker.adapters.store.connection import connect
from worker.adapters.store.store import Store
from worker.domain.account import Account
from worker.domain.events import AssetsSettled, Event, Observed, Posting, Replied, Started
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.money import amount
from worker.domain.notifications import DEFAULT_TOPICS, delivered
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import AssetsStatus, Button, JobError, Result
from worker.services.enqueue import Enqueuer
from worker.services.orchestrator import Orchestrator
from worker.services.retention import Retention

_DAY = 86_400.0
_PRICE = amount(2)
_BUTTONS = tuple(
    Button(f"MJ::JOB::{what}::{n}::4f2c", f"{what[0].upper()}{n}")
    for what in ("upsample", "variation")
    for n in range(1, 5)
)
_HOOK = Notify(DEFAULT_TOPICS, url="https://app.example/hook")


@dataclass(slots=True)
class _Days:
    """One machine's life: whatever happens in it happens at ``now``."""

    store: Store
    orchestrator: Orchestrator
    enqueuer: Enqueuer
    retention: Retention
    now: float = NOW
    pipelines: int = 0

    def pass_one(self, pipelines: int) -> None:
        """A day with so many pipelines: mostly a picture and its upscale, some failures."""
        for _ in range(pipelines):
            self.now += _DAY / pipelines
            self._pipeline()
            self._deliver()
            if self.pipelines % 50 == 0:
                self.retention.tidy()
        self.retention.tidy()

    def _pipeline(self) -> None:
        self.pipelines += 1
        number = self.pipelines
        asked = {"kind": "imagine", "prompt": f"a lighthouse, {number}", "then": [{"press": "U1"}]}
        job, _ = self.enqueuer.submit(asked)
        if number % 10 == 0:
            self._lead(job, TaskStatus.FAILED)
            return
        self._lead(job, TaskStatus.SUCCEEDED)
        pipeline = self.store.jobs.pipeline(job.id)
        for child in pipeline.jobs[1:] if pipeline else ():
            self._lead(child, TaskStatus.SUCCEEDED)

    def _lead(self, job: Job, end: TaskStatus) -> None:
        for event in _life(job, end):
            job = self.orchestrator.record(job, event).job

    def _deliver(self) -> None:
        for one in self.store.outbox.claim(self.now, 100, 60.0):
            self.store.outbox.settle(delivered(one, self.now, "200"), self.now)


def _life(job: Job, end: TaskStatus) -> Iterator[Event]:
    task_id, url = f"17000{job.id[:16]}", f"https://cdn.example/attachments/{job.id}.png"
    yield Started("default", _PRICE)
    yield Posting(1)
    yield Replied(1, Verdict(Outcome.ACCEPTED, task_id=task_id))
    yield Observed(Snapshot(task_id, TaskStatus.IN_PROGRESS, progress=40))
    if end is TaskStatus.FAILED:
        yield Observed(Snapshot(task_id, end, error=JobError("failed", "The task failed.")))
        return
    result = Result(image_url=url, prompt="a lighthouse --v 7", buttons=_BUTTONS)
    yield Observed(Snapshot(task_id, end, result=result))
    yield AssetsSettled((f"{job.spec.pipeline_id}/{job.id}-0.png",), AssetsStatus.STORED)


def many_days(run: Run) -> Row:
    """Redis' memory is flat once the first jobs leave; what they cost and were is still known."""
    began = time.monotonic()
    days, kept, pipelines = run.pick((6, 3, 40), (40, 30, 2000))
    server = RedisServer(run.folder / "redis", free_port(), "of-this-run-only", "everysec")
    server.start()
    client = connect(server.url())
    try:
        life = _begin(run, Store(client), kept * _DAY)
        memory: list[int] = []
        for day in range(days):
            life.pass_one(pipelines)
            memory.append(_used(client))
            run.tell(f"day {day + 1} of {days}, {memory[-1] / 2**20:.1f} MiB")
        problems = tuple(_problems(life, memory[kept], memory[-1]))
        jobs = sum(life.store.jobs.ended().values())
    finally:
        client.close()
        server.terminate()
    steady, last = (size / 2**20 for size in (memory[kept], memory[-1]))
    figures = (
        f"{pipelines:,} pipelines a day, kept for {kept} days: {steady:.1f} MiB on day {kept + 1},"
        f" {last:.1f} MiB on day {days}"
    )
    return Row(jobs=jobs, seconds=time.monotonic() - began, problems=problems, figures=figures)


def _begin(run: Run, store: Store, keep_s: float) -> _Days:
    accounts = {"default": Account("default", "http://127.0.0.1:9", notify=_HOOK)}
    storage = Storage(f"file://{run.folder}/output")

    life: _Days | None = None

    def clock() -> float:
        return life.now if life else NOW

    orchestrator = Orchestrator(store, NoWakeups(), accounts, hooked=True, clock=clock)
    keep = {status: keep_s for status in Status if status.terminal}
    life = _Days(
        store,
        orchestrator,
        Enqueuer(orchestrator, storage),
        Retention(store, storage, keep, clock),
    )
    return life


def _used(client: Any) -> int:
    """Bytes of data: what the allocator keeps beside is the machine's."""
    return int(client.info("memory")["used_memory"])


def _problems(life: _Days, steady: int, last: int) -> Iterator[str]:
    if abs(last - steady) > steady / 10:
        yield f"{steady} bytes when the first jobs left, {last} in the end"
    failures = life.pipelines // 10
    expected = {"succeeded": 2 * (life.pipelines - failures), "failed": failures}
    ended = {status: count for status, count in life.store.jobs.ended().items() if count}
    if ended != expected:
        yield f"{ended} are counted, {expected} ended"
    [money] = life.store.accounts.money(["account:default"])
    if money.get("spent") != sum(expected.values()) * _PRICE:
        yield f"{money} was spent by {expected}"


SCENARIOS = (Scenario("F22", "weeks of jobs, most of them gone", many_days),)
