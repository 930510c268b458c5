"""The job store in this process's memory, of the same promises: for tests of what stands on it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from worker.adapters.store import Filter, Load, NoFreeSlot, Openings, Page, Pipeline
from worker.adapters.store.memory_accounts import MemoryAccounts
from worker.adapters.store.memory_retention import MemoryRetention
from worker.adapters.store.places import (
    ANY,
    Lane,
    Place,
    place_of,
    read_cursor,
    starts,
    write_cursor,
)
from worker.adapters.store.waiting import Queue
from worker.domain.account.billing import Charge, Standing, charges
from worker.domain.account.callback_stats import Sample
from worker.domain.account.capacity import Capacity, Pool, pool_of
from worker.domain.blob_refs import blobs_of
from worker.domain.errors import StaleVersion
from worker.domain.job import Job, Kind
from worker.domain.money import Amount
from worker.domain.notifications import NOTHING, Outbox


class MemoryStore(MemoryAccounts, MemoryRetention):
    """``worker.adapters.store.Store`` without Redis. ``clock`` (seconds) times ``once``."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(clock)
        self._due: dict[str, float] = {}
        self._queue = Queue()
        self._running: dict[tuple[str, Pool], set[str]] = defaultdict(set)
        self._guards: dict[tuple[str, str], str] = {}
        self._charges: dict[str, tuple[Charge, ...]] = {}
        self._next_start: dict[str, float] = {}
        self._once: dict[str, float] = {}

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        return [self._jobs[i] for i in job_ids if i in self._jobs]

    def commit(
        self,
        job: Job,
        children: Sequence[Job] = (),
        *,
        capacity: Capacity,
        sample: Sample | None = None,
        outbox: Outbox = NOTHING,
        now: float = 0.0,
    ) -> Openings:
        with self._lock:
            stored = self._jobs.get(job.id)
            if (stored.version if stored else 0) != job.version:
                raise StaleVersion
            if (
                not stored
                and job.spec.pipeline_id != job.id
                and job.spec.pipeline_id not in self._jobs
            ):
                raise StaleVersion  # its pipeline was removed meanwhile
            if starts(job) and not (stored and stored.holds_slot):
                self._start(stored, job, capacity, now)
            open_before = self._open(job.spec.pipeline_id)
            freed, ready = self._write(job, capacity, now)
            for child in children:
                if child.id not in self._jobs:
                    ready += self._write(child, capacity, now)[1]
            for one in outbox.told:
                self._tell(one)
            self._count_open(job, open_before, outbox, now)
            if sample:
                self._note(capacity.account, sample)
            anywhere = sum(place.lane.account == ANY for place in ready)
            own = freed + len(ready) - anywhere
            return Openings(min(own, self.load(capacity.account).startable(capacity)), anywhere)

    def add(self, jobs: Sequence[Job], *, capacity: Capacity, now: float = 0.0) -> list[bool]:
        def added(job: Job) -> bool:
            try:
                self.commit(job, capacity=capacity, now=now)
            except StaleVersion:
                return False
            return True

        return list(map(added, jobs))

    def next_ready(self, capacity: Capacity, now: float) -> Job | None:
        with self._lock:
            if self._paced_until(capacity) > now:
                return None
            allowed = self._queue.in_order(
                lambda tenant, lane: not self._why_not(capacity, tenant, lane)
            )
            for job_id in allowed:
                job = self._jobs[job_id]
                if (capacity.account, place_of(job).concurrency_key) not in self._guards:
                    return job
            return None

    def why_waiting(self, job: Job, capacity: Capacity, now: float) -> str | None:
        with self._lock:
            place = place_of(job)
            reason = self._why_not(capacity, job.options.tenant, place.lane)
            if reason:
                return reason
            if self._paced_until(capacity) > now:
                return "pace"
            waits = place.concurrency_key and self._queue.head(place) != job.id
            runs = (capacity.account, place.concurrency_key) in self._guards
            return "prompt" if waits or runs else None

    def load(self, account: str) -> Load:
        images, films = (len(self._running[account, pool]) for pool in Pool)
        names = (account, f"{account}:video", ANY, f"{ANY}:video")
        return Load(images, films, *(self._queue.waiting[name] for name in names))

    def mend_slots(self, account: str) -> int:
        del account  # nobody but commits touches this store
        return 0

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
        with self._lock:
            jobs = self.get_many(self._pipelines.get(pipeline_id, []))
        return Pipeline(pipeline_id, tuple(jobs)) if jobs else None

    def list_jobs(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        top = read_cursor(cursor) if cursor else (float("inf"), "")
        older = sorted(((j.spec.created_at, j.id) for j in self._jobs.values()), reverse=True)
        jobs = self.get_many([job_id for at, job_id in older if (at, job_id) < top])
        found = [job for job in jobs if wanted.matches(job)]
        more = len(found) > limit
        return Page(tuple(found[:limit]), write_cursor(found[limit - 1]) if more else None)

    def once(self, name: str, seconds: float) -> bool:
        with self._lock:
            now = self._clock()
            if self._once.get(name, now) > now:
                return False
            self._once[name] = now + seconds
            return True

    def ping(self) -> None:
        return None

    def _open(self, pipeline_id: str) -> int:
        ids = self._pipelines.get(pipeline_id, ())
        return sum(not self._jobs[job_id].settled for job_id in ids)

    def _count_open(self, job: Job, before: int, outbox: Outbox, now: float) -> None:
        """What ended by this commit is told."""
        after = self._open(job.spec.pipeline_id)
        if after == before:
            return
        self._finished.pop(job.spec.pipeline_id, None)
        if not after and job.spec.pipeline_id in self._jobs:
            self._finished[job.spec.pipeline_id] = now
        if not after and outbox.finished:
            self._tell(outbox.finished)
        if job.spec.batch_id:
            self._end_batch(job.spec.batch_id, now)

    def _write(self, job: Job, capacity: Capacity, now: float) -> tuple[int, list[Place]]:
        """Store one job and move it to its place; slots freed, and places that became ready."""
        old, place = self._jobs.get(job.id), place_of(job)
        before = place_of(old) if old else None
        if old:
            self._idle |= dict.fromkeys(blobs_of(old) - blobs_of(job), now)
        else:
            self._pipelines.setdefault(job.spec.pipeline_id, []).append(job.id)
        self._jobs[job.id] = replace(job, version=job.version + 1)
        self._bill(job, charges(job, capacity.price(place.lane.sort)))
        if job.task_id:
            self._tasks[job.account, job.task_id] = job.id
        self._due.pop(job.id, None)
        if job.due_at is not None:
            self._due[job.id] = job.due_at
        freed, ready = 0, list[Place]()
        same = before and (before.turn, before.lane) == (place.turn, place.lane)
        if before and before.ready and not (place.ready and same):
            ready += self._queue.remove(job.id, before)
        keeps = place.holds_slot and before and before.lane.account == place.lane.account
        if before and before.holds_slot and not keeps:
            freed += self._give_slot(job, before)
        if place.holds_slot:
            self._running[job.account, pool_of(job.kind)].add(job.id)
            if place.concurrency_key:
                self._guards.setdefault((job.account, place.concurrency_key), job.id)
        if place.ready and not (before and before.ready and same):
            ready += self._queue.add(job.id, place)
        return freed, ready

    def _give_slot(self, job: Job, before: Place) -> int:
        account = before.lane.account
        running = self._running[account, pool_of(job.kind)]
        held = job.id in running
        running.discard(job.id)
        if self._guards.get((account, before.concurrency_key)) == job.id:
            del self._guards[account, before.concurrency_key]
        return int(held)

    def _start(self, stored: Job | None, job: Job, capacity: Capacity, now: float) -> None:
        """Ask once more whether the job may start, and count that it does."""
        was, place = place_of(stored or job), place_of(job)
        before = _committed(self._charges.get(job.id, ()))
        price = _committed(charges(job, 0)) - before
        holder = self._guards.get((capacity.account, place.concurrency_key), job.id)
        refused = self._why_not(capacity, job.options.tenant, was.lane, price) or holder != job.id
        if refused or self._paced_until(capacity) > now:
            raise NoFreeSlot
        if capacity.interval_s is not None:
            start = max(now, self._next_start.get(capacity.account, 0.0))
            self._next_start[capacity.account] = start + capacity.interval_s
        self._queue.served(was)

    def _paced_until(self, capacity: Capacity) -> float:
        if capacity.interval_s is None:
            return 0.0
        return (
            self._next_start.get(capacity.account, 0.0) - (capacity.burst - 1) * capacity.interval_s
        )

    def _why_not(
        self, capacity: Capacity, tenant: str, lane: Lane, price: Amount | None = None
    ) -> str | None:
        """Why the jobs of a lane may not start on the account now."""
        if lane.account not in (ANY, capacity.account):
            return "account"
        if lane.mode and capacity.modes and lane.mode not in capacity.modes:
            return "mode"
        for what in (f"account:{capacity.account}", f"kind:{lane.kind}", f"batch:{lane.batch}"):
            if what in self._paused:
                return f"paused:{what}"
        pool = pool_of(Kind(lane.kind))
        if len(self._running[capacity.account, pool]) >= capacity.slots(pool):
            return "slots"
        scope = self._short_of_money(
            capacity, tenant, lane.batch, capacity.price(lane.sort) if price is None else price
        )
        return f"budget:{scope}" if scope else None

    def _short_of_money(
        self, capacity: Capacity, tenant: str, batch: str, price: Amount
    ) -> str | None:
        tenants = capacity.tenant_budgets
        budgets = {
            f"account:{capacity.account}": capacity.budget,
            f"day:{capacity.today}": capacity.day_budget,
            f"tenant:{tenant}": tenants.get(tenant, tenants.get("*")) if tenant else None,
            f"batch:{batch}": self._batches[batch].budget if batch in self._batches else None,
        }
        for scope, limit in budgets.items():
            spent = self._money[scope]
            used = spent[Standing.SPENT] + spent[Standing.RESERVED] - spent[Standing.REFUNDED]
            if price > 0 and limit is not None and used + price > limit:
                return scope
        return None

    def _bill(self, job: Job, found: tuple[Charge, ...]) -> None:
        for sign, entries in ((-1, self._charges.get(job.id, ())), (1, found)):
            for charge in entries:
                scopes = [f"day:{charge.day}"]
                scopes += [f"account:{charge.account}"] if charge.account else []
                scopes += [f"batch:{job.spec.batch_id}"] if job.spec.batch_id else []
                scopes += [f"tenant:{job.options.tenant}"] if job.options.tenant else []
                for scope in scopes:
                    self._money[scope][charge.standing] += sign * charge.amount
        self._charges[job.id] = found


def _committed(found: tuple[Charge, ...]) -> Amount:
    signs = {Standing.RESERVED: 1, Standing.SPENT: 1, Standing.REFUNDED: -1}
    return sum(signs.get(charge.standing, 0) * charge.amount for charge in found)
