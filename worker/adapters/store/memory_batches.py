"""The store in memory: batches."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from worker.adapters.store import Batch
from worker.adapters.store.memory_notifications import MemoryNotifications
from worker.adapters.store.places import place_of
from worker.domain.job import JSON, Job
from worker.domain.notifications import end_of_batch


class MemoryBatches(MemoryNotifications):
    """The part of ``worker.adapters.store.Store`` that is about batches."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._batches: dict[str, Batch] = {}
        self._bad: dict[str, list[JSON]] = defaultdict(list)
        self._whole: set[str] = set()  #: those whose file is taken in
        self._ends: Counter[str] = Counter()

    def open_batch(self, batch: Batch) -> Batch:
        with self._lock:
            known = self._batches.setdefault(batch.id, batch)
            if batch.budget is not None:
                known = replace(known, budget=batch.budget)
            self._batches[batch.id] = replace(known, notify=batch.notify or known.notify)
            self._whole.discard(batch.id)
            self._bad[batch.id] = []
            return self.batch(batch.id) or batch

    def close_batch(self, batch_id: str, now: float) -> None:
        with self._lock:
            self._whole.add(batch_id)
            self._end_batch(batch_id, now)

    def batch(self, batch_id: str) -> Batch | None:
        batch = self._batches.get(batch_id)
        if batch is None:
            return None
        jobs = [job for job in self._jobs.values() if job.spec.batch_id == batch_id]
        failures = (place_of(job).error for job in jobs)
        return replace(
            batch,
            rows=sum(job.id == job.spec.pipeline_id for job in jobs),
            bad=len(self._bad[batch_id]),
            counts=Counter(job.status.value for job in jobs),
            errors=Counter(filter(None, failures)),
        )

    def batches(self, limit: int) -> list[Batch]:
        newest = sorted(self._batches.values(), key=lambda b: (b.created_at, b.id), reverse=True)
        return [found for each in newest[:limit] if (found := self.batch(each.id))]

    def roots(self, batch_id: str, start: int, count: int) -> list[Job]:
        roots = [
            j
            for j in self._jobs.values()
            if j.spec.batch_id == batch_id and j.id == j.spec.pipeline_id
        ]
        return roots[start : start + count]

    def report_bad(self, batch_id: str, rows: Sequence[JSON]) -> None:
        self._bad[batch_id] += rows

    def bad_rows(self, batch_id: str, limit: int) -> list[JSON]:
        return self._bad[batch_id][:limit]

    def _end_batch(self, batch_id: str, now: float) -> None:
        """Told, if all of its jobs are over."""
        batch = self._batches.get(batch_id)
        if batch is None or batch.notify is None or batch_id not in self._whole:
            return
        if any(job.spec.batch_id == batch_id and not job.settled for job in self._jobs.values()):
            return
        self._ends[batch_id] += 1
        pattern = end_of_batch(batch_id, batch.notify)
        ended_at = round(now, 3)
        number = f"{pattern.id}-{self._ends[batch_id]}"
        self._tell(replace(pattern, id=number, created_at=ended_at, due_at=ended_at))
