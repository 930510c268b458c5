"""Looks on while a scenario runs: what is over must stay as it is."""

from random import Random
from threading import Event, Thread
from types import TracebackType
from typing import Self

from redis import RedisError

from tests.chaos.indexes import newest
from tests.chaos.system import System
from worker.domain.errors import StoreUnavailable
from worker.domain.job import Job, Status

_LOOK_EVERY_S = 0.5
_SAMPLE = 40
_ENDS = tuple(status for status in Status if status.terminal)

#: What must not change any more.
_End = tuple[Status, str | None, float | None]


class Observer:
    """Remembers a sample of the jobs that are over and looks at them again and again."""

    def __init__(self, stage: System, rng: Random) -> None:
        self.problems: list[str] = []
        self.looks = 0
        self._stage = stage
        self._rng = rng
        self._ends: dict[str, _End] = {}
        self._versions: dict[str, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="observer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def compare(self, jobs: dict[str, Job]) -> None:
        """Hold ``jobs`` against what was seen of them before."""
        for job_id, before in self._ends.items():
            now = _end(jobs[job_id]) if job_id in jobs else None
            if now != before:
                self.problems.append(f"{job_id} was over as {before} and is now {now or 'gone'}")

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except (RedisError, StoreUnavailable):
                continue  # killed, and back soon
            self.looks += 1

    def _look(self) -> None:
        for status in _ENDS:
            ids = newest(self._stage.redis, status, _SAMPLE)
            for job in self._stage.services.store.jobs.get_many(ids):
                if job.status.terminal:
                    self._ends.setdefault(job.id, _end(job))
        self._look_at_versions()
        known = self._rng.sample(sorted(self._ends), min(_SAMPLE, len(self._ends)))
        jobs = {job.id: job for job in self._stage.services.store.jobs.get_many(known)}
        for job_id in known:
            now = _end(jobs[job_id]) if job_id in jobs else None
            if now != self._ends[job_id]:
                self.problems.append(
                    f"{job_id} was over as {self._ends[job_id]} and became {now or 'gone'}"
                )
                del self._ends[job_id]

    def _look_at_versions(self) -> None:
        """What was once acknowledged, a callback for one, is still there after a restart."""
        for job in self._stage.services.store.jobs.get_many(
            newest(self._stage.redis, None, _SAMPLE)
        ):
            before = self._versions.get(job.id, 0)
            if job.version < before:
                self.problems.append(
                    f"{job.id} was at version {before} and is at {job.version} now"
                )
            self._versions[job.id] = job.version


def _end(job: Job) -> _End:
    return job.status, job.task_id, job.finished_at
