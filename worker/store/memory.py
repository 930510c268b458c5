"""The job store in this process's memory, of the same promises: for tests of what stands on it."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import RLock
from time import monotonic

from worker.errors import StaleVersion
from worker.habits import Delivery, Heard, News
from worker.job import Job
from worker.store import ABSENCE_S, Filter, Load, NoFreeSlot, Page, Pipeline
from worker.store.places import place_of, read_cursor, ready_score, write_cursor


class MemoryStore:
    """``worker.store.Store`` without Redis. ``clock`` (seconds) times ``once``."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = RLock()
        self._jobs: dict[str, Job] = {}
        self._due: dict[str, float] = {}
        self._ready: dict[str, set[str]] = defaultdict(set)
        self._running: dict[str, set[str]] = defaultdict(set)
        self._guards: dict[tuple[str, str], str] = {}
        self._parked: dict[tuple[str, str], deque[str]] = defaultdict(deque)
        self._tasks: dict[tuple[str, str], str] = {}
        self._pipelines: dict[str, list[str]] = defaultdict(list)
        self._deliveries: dict[str, Delivery] = defaultdict(Delivery)
        self._once: dict[str, float] = {}
        self._receiving = (0.0, float("-inf"))  #: since when, and until when at least

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        return [self._jobs[i] for i in job_ids if i in self._jobs]

    def commit(
        self,
        job: Job,
        children: Sequence[Job] = (),
        *,
        max_running: int,
        news: News | None = None,
    ) -> int:
        with self._lock:
            stored = self._jobs.get(job.id)
            if (stored.version if stored else 0) != job.version:
                raise StaleVersion
            running = self._running[job.account]
            if place_of(job).starts and job.id not in running and len(running) >= max_running:
                raise NoFreeSlot
            openings = self._write(job)
            for child in children:
                if child.id not in self._jobs:
                    openings += self._write(child)
            if news:
                self._note(job.account, news)
            return min(openings, self.startable(job.account, max_running))

    def next_ready(self, account: str, max_running: int) -> Job | None:
        with self._lock:
            if not self.startable(account, max_running):
                return None
            return min(
                self.get_many(list(self._ready[account])), key=lambda j: (ready_score(j), j.id)
            )

    def startable(self, account: str, max_running: int) -> int:
        load = self.load(account)
        return max(0, min(max_running - load.running, load.ready))

    def load(self, account: str) -> Load:
        return Load(len(self._running[account]), len(self._ready[account]))

    def claim_due(self, now: float, limit: int, lease_s: float) -> list[Job]:
        with self._lock:
            due = sorted((at, job_id) for job_id, at in self._due.items() if at <= now)[:limit]
            self._due.update((job_id, now + lease_s) for _, job_id in due)
            return self.get_many([job_id for _, job_id in due])

    def reschedule(self, job_id: str, due_at: float) -> None:
        with self._lock:
            if job_id in self._due:
                self._due[job_id] = due_at

    def find_task(self, account: str, task_id: str) -> str | None:
        return self._tasks.get((account, task_id))

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        jobs = self.get_many(self._pipelines.get(pipeline_id, []))
        return (
            Pipeline(pipeline_id, Counter(j.status.value for j in jobs), tuple(jobs))
            if jobs
            else None
        )

    def list_jobs(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        top = read_cursor(cursor) if cursor else (float("inf"), "")
        older = sorted(((j.created_at, j.id) for j in self._jobs.values()), reverse=True)
        jobs = self.get_many([job_id for at, job_id in older if (at, job_id) < top])
        found = [job for job in jobs if wanted.matches(job)]
        more = len(found) > limit
        return Page(tuple(found[:limit]), write_cursor(found[limit - 1]) if more else None)

    def delivery(self, account: str) -> Delivery:
        since, until = self._receiving
        there = since if self._clock() < until else None
        return replace(self._deliveries[account], receiving_since=there)

    def receiving(self, now: float, *, anew: bool = False) -> None:
        since, until = self._receiving
        if anew or self._clock() >= until:
            since = now
        self._receiving = (since, self._clock() + ABSENCE_S)

    def learn_dialect(self, account: str, dialect: str) -> None:
        self._deliveries[account] = replace(self._deliveries[account], dialect=dialect)

    def once(self, name: str, seconds: float) -> bool:
        with self._lock:
            now = self._clock()
            if self._once.get(name, now) > now:
                return False
            self._once[name] = now + seconds
            return True

    def ping(self) -> None:
        return None

    def _write(self, job: Job) -> int:
        """Store one job and move it to its place; how many jobs became startable by it."""
        place, openings = place_of(job), 0
        if job.id not in self._jobs:
            self._pipelines[job.pipeline_id].append(job.id)
        self._jobs[job.id] = replace(job, version=job.version + 1)
        if job.task_id:
            self._tasks[job.account, job.task_id] = job.id
        self._due.pop(job.id, None)
        if place.due_at is not None:
            self._due[job.id] = place.due_at
        if place.ready:
            openings += self._enqueue(job, place.guard)
        else:
            self._ready[job.account].discard(job.id)
        if place.holds_slot:
            self._running[job.account].add(job.id)
            if place.guard:
                self._guards.setdefault((job.account, place.guard), job.id)
        elif job.id in self._running[job.account]:
            self._running[job.account].remove(job.id)
            openings += 1
        if place.over and place.guard:
            openings += self._release(job, place.guard)
        return openings

    def _enqueue(self, job: Job, guard: str) -> int:
        slot = (job.account, guard)
        if guard and self._guards.setdefault(slot, job.id) != job.id:
            if job.id not in self._parked[slot]:
                self._parked[slot].append(job.id)
            return 0
        added = job.id not in self._ready[job.account]
        self._ready[job.account].add(job.id)
        return int(added)

    def _release(self, job: Job, guard: str) -> int:
        slot = (job.account, guard)
        if self._guards.get(slot) != job.id:
            if job.id in self._parked[slot]:
                self._parked[slot].remove(job.id)
            return 0
        del self._guards[slot]
        if not self._parked[slot]:
            return 0
        return self._enqueue(self._jobs[self._parked[slot].popleft()], guard)

    def _note(self, account: str, news: News) -> None:
        known = self._deliveries[account]
        if news.how is Heard.ASKED:
            known = replace(known, silent=known.silent + 1, asked=known.asked + 1)
            self._deliveries[account] = known
            return
        count = known.by_sort.get(news.sort, 0) + 1
        self._deliveries[account] = replace(
            known,
            callbacks=known.callbacks + 1,
            with_state=known.with_state + (news.how is Heard.CALLBACK_WITH_STATE),
            told=known.told + news.ended,
            silent=0,
            by_sort={**known.by_sort, news.sort: count},
            called_back_at=round(news.at, 3),
        )
        if news.lag_s is not None:
            self._learn_lag(account, news.lag_s)

    def _learn_lag(self, account: str, seconds: float) -> None:
        known = self._deliveries[account]
        first = known.lag_s is None
        mean = seconds if known.lag_s is None else known.lag_s
        deviation = seconds / 2 if first else known.lag_deviation_s
        deviation += (abs(seconds - mean) - deviation) / 4
        self._deliveries[account] = replace(
            known,
            lag_s=round(mean + (seconds - mean) / 8, 3),
            lag_deviation_s=round(deviation, 3),
        )
