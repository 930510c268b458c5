"""The store in memory: batches."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from worker.job import JSON, Job
from worker.store import Batch
from worker.store.memory_base import MemoryBase
from worker.store.places import place_of


class MemoryBatches(MemoryBase):
    """The part of ``worker.store.Store`` that is about batches."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._batches: dict[str, Batch] = {}
        self._bad: dict[str, list[JSON]] = defaultdict(list)

    def open_batch(self, batch: Batch) -> Batch:
        with self._lock:
            known = self._batches.setdefault(batch.id, batch)
            if batch.budget is not None:
                self._batches[batch.id] = replace(known, budget=batch.budget)
            self._bad[batch.id] = []
            return self.batch(batch.id) or batch

    def batch(self, batch_id: str) -> Batch | None:
        batch = self._batches.get(batch_id)
        if batch is None:
            return None
        jobs = [job for job in self._jobs.values() if job.batch_id == batch_id]
        failures = (place_of(job).error for job in jobs)
        return replace(
            batch,
            rows=sum(job.id == job.pipeline_id for job in jobs),
            bad=len(self._bad[batch_id]),
            counts=Counter(job.status.value for job in jobs),
            errors=Counter(filter(None, failures)),
        )

    def batches(self, limit: int) -> list[Batch]:
        newest = sorted(self._batches.values(), key=lambda b: (b.created_at, b.id), reverse=True)
        return [found for each in newest[:limit] if (found := self.batch(each.id))]

    def roots(self, batch_id: str, start: int, count: int) -> list[Job]:
        roots = [j for j in self._jobs.values() if j.batch_id == batch_id and j.id == j.pipeline_id]
        return roots[start : start + count]

    def report_bad(self, batch_id: str, rows: Sequence[JSON]) -> None:
        self._bad[batch_id] += rows

    def bad_rows(self, batch_id: str, limit: int) -> list[JSON]:
        return self._bad[batch_id][:limit]
