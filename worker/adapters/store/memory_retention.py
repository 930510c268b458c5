"""The store in memory: what leaves it when its time is over."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from worker.adapters.store.memory_batches import MemoryBatches
from worker.adapters.store.places import tasks_of
from worker.domain.blob_refs import blobs_of
from worker.domain.job import Job, Status
from worker.domain.notifications import DeliveryState


class MemoryRetention(MemoryBatches):
    """The part of ``worker.adapters.store.Store`` that is about what leaves it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._finished: dict[str, float] = {}  #: pipeline -> when its last job ended
        self._pipelines: dict[str, list[str]] = {}
        self._tasks: dict[tuple[str, str], str] = {}
        self._forgotten: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()  #: jobs that left, by batch
        self._idle: dict[str, float] = {}

    def finished(self, status: Status, before: float, limit: int) -> list[str]:
        with self._lock:
            ended = sorted((at, root) for root, at in self._finished.items() if at <= before)
            return [root for _, root in ended if self._jobs[root].status is status][:limit]

    def forget(self, jobs: Sequence[Job], before: float, now: float) -> bool:
        with self._lock:
            root = jobs[0].spec.pipeline_id
            same = [self._jobs.get(job_id) for job_id in self._pipelines.get(root, ())] == [*jobs]
            runs = any(job.holds_slot for job in jobs)
            if not same or runs or self._finished.get(root, before + 1) > before:
                return False
            for job in jobs:
                self._forget(job, now)
            del self._pipelines[root], self._finished[root]
            if jobs[0].spec.batch_id:
                self._forget_batch(jobs[0].spec.batch_id, len(jobs))
            return True

    def forget_notifications(self, before: float, limit: int) -> int:
        with self._lock:
            over = sorted(
                (one.created_at, one.id)
                for one in self._notifications.values()
                if one.state is not DeliveryState.WAITING and one.created_at <= before
            )[:limit]
            for _, notification_id in over:
                del self._notifications[notification_id]
            return len(over)

    def ended(self) -> Mapping[str, int]:
        here = Counter(job.status.value for job in self._jobs.values())
        sums = here + self._forgotten
        return {status.value: sums[status.value] for status in Status if status.terminal}

    def forgotten_double_payments(self, account: str) -> int:
        return self._forgotten[f"double:{account}"]

    def note_input(self, ref: str, now: float) -> None:
        self._idle[ref] = now

    def needs_input(self, ref: str) -> bool:
        held = any(ref in blobs_of(job) for job in self._jobs.values())
        return held or ref in self._idle

    def take_idle_inputs(self, before: float, limit: int) -> list[str]:
        with self._lock:
            taken = [
                ref
                for _, ref in sorted((at, ref) for ref, at in self._idle.items() if at <= before)
            ]
            for ref in taken[:limit]:
                del self._idle[ref]
            held = set[str]().union(*map(blobs_of, self._jobs.values()))
            return [ref for ref in taken[:limit] if ref not in held]

    def _forget(self, job: Job, now: float) -> None:
        del self._jobs[job.id]
        self._forgotten[job.status.value] += 1
        self._forgotten[f"double:{job.account}"] += bool(job.double_payments)
        for task in tasks_of(job):
            if self._tasks.get(task) == job.id:
                del self._tasks[task]
        self._idle |= dict.fromkeys(blobs_of(job), now)

    def _forget_batch(self, batch_id: str, jobs: int) -> None:
        self._gone[batch_id] += jobs
        if not any(job.spec.batch_id == batch_id for job in self._jobs.values()):
            self._batches.pop(batch_id, None)
