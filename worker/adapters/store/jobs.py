"""Jobs: their records and indexes, from the first commit until retention removes them.

Every change is one call of ``lua/commit.lua``, which starts with the map of all keys. The rest are
reads, and moves within the due set that may be lost without harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import getrandbits
from typing import Any

import redis

from worker.adapters.store import NoFreeSlot, NotReplicated, Openings, Pipeline, codec
from worker.adapters.store.connection import look_for_primary, wait_ms
from worker.adapters.store.listings import JobListings
from worker.adapters.store.places import (
    labels_of,
    place_of,
    starts,
    tasks_of,
    write_accepted,
)
from worker.domain.account.billing import charges
from worker.domain.account.callback_stats import Sample
from worker.domain.account.capacity import Capacity
from worker.domain.account.task_list import Accepted
from worker.domain.errors import StaleVersion
from worker.domain.history import Entry
from worker.domain.job import Job, Status, changed
from worker.domain.notifications import NOTHING, Notification, Outbox

_MARK_BITS = 32


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit writes: ``job`` as the successor of its ``version``, and its new children.

    ``capacity`` is that of the account whose slot it takes or frees, ``accepted`` its new task.
    ``outbox`` is written with it, its ``finished`` only if no job of the pipeline is open any more.
    ``unbooked``: when the job's charges are read from the ledgers of these accounts. ``history``:
    what it adds to the job's; ``counts``: to the metrics. ``mark`` tells it from another commit of
    the same version that a fail-over left behind.
    """

    job: Job
    capacity: Capacity
    children: Sequence[Job] = ()
    sample: Sample | None = None
    accepted: Accepted | None = None
    outbox: Outbox = NOTHING
    unbooked: Mapping[str, float] = field(default_factory=dict)
    history: Sequence[Entry] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: f"{getrandbits(_MARK_BITS):x}")

    @property
    def stored(self) -> Job:
        """The job as it is stored, on which the next change builds."""
        return changed(self.job, version=self.job.version + 1, mark=self.mark)


#: What became of a change: it was written, or nothing of it because of this.
Committed = Openings | NoFreeSlot | StaleVersion


class JobStore(JobListings):
    """Every method raises ``StoreUnavailable`` when Redis does not answer.

    ``replicas``: how many of Redis must have what a commit wrote before it counts.
    """

    def __init__(self, client: "redis.Redis", prefix: str, replicas: int = 0) -> None:
        super().__init__(client, prefix)
        self._replicas = replicas

    def get(self, job_id: str) -> Job | None:
        """The job as last committed, or None."""
        doc = self._ask(self._redis.hget, f"{self._prefix}job:{job_id}", "doc")
        return codec.load(doc) if doc else None

    def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """The jobs that exist, in the order of ``job_ids``."""
        return [codec.load(doc) for doc in self._docs("job", job_ids) if doc]

    def commit(
        self,
        job: Job,
        children: Sequence[Job] = (),
        *,
        capacity: Capacity,
        sample: Sample | None = None,
        accepted: Accepted | None = None,
        outbox: Outbox = NOTHING,
        unbooked: Mapping[str, float] = {},
        now: float = 0.0,
    ) -> Openings:
        """Write ``job`` as the successor of its ``version`` (0: as a new job), and its new
        children.

        A child that exists already is left as it is. A job that starts (``submitting``) takes one
        of the slots of ``capacity``, and is charged to the budgets; evidence that it runs takes one
        even above the limit. ``now`` sets the pace of starts. ``accepted`` is its new task.
        ``outbox`` is written with it, its ``finished`` only if no job of the pipeline is open any
        more. ``unbooked``: when the job's charges are read from the ledgers of these accounts.

        Raises ``StaleVersion`` when another process was first, or removed the pipeline to which a
        new job belongs, and ``NoFreeSlot``; nothing is written then.
        """
        change = Change(job, capacity, children, sample, accepted, outbox, unbooked)
        [done] = self.commit_all([change], now)
        if isinstance(done, Exception):
            raise done
        return done

    def commit_all(self, changes: Sequence[Change], now: float) -> list[Committed]:
        """Commit each of the changes, in one exchange; each may fail apart from the others.

        Raises ``NotReplicated``, which has the outcomes, when too few replicas have them in time.
        """
        marked = self._replicas > 0
        written = [_written(change, now, marked=marked) for change in changes]
        if self._replicas:
            return self._replicated(written)
        if len(written) == 1:
            return [_outcome(self._run("commit", *written[0]))]
        return [_outcome(answer) for answer in self._run_all("commit", written)]

    def _replicated(self, written: Sequence[Sequence[bytes]]) -> list[Committed]:
        """Commit, and wait for the replicas: WAIT is about its own connection's writes.

        Also if nothing was written: a repeated request is answered with what an earlier one wrote.
        """
        wait = ("WAIT", self._replicas, wait_ms(self._redis))
        *answers, have = self._run_all("commit", written, *wait)
        outcomes = [_outcome(answer) for answer in answers]
        if have < self._replicas:
            look_for_primary(self._redis)
            message = f"Redis has {have} replicas in step, and {self._replicas} are needed"
            raise NotReplicated(message, outcomes=outcomes)
        return outcomes

    def add(self, jobs: Sequence[Job], *, capacity: Capacity, now: float = 0.0) -> list[bool]:
        """Store many new jobs in one exchange; for each whether it is new."""
        changes = [Change(changed(job, version=0), capacity) for job in jobs]
        return [isinstance(done, Openings) for done in self.commit_all(changes, now)]

    def claim_due(self, now: float, limit: int, lease_s: float) -> list[Job]:
        """The jobs that are due by ``now``, longest due first.

        Their due time moves by ``lease_s``: no other process claims them meanwhile, and a claim
        whose process dies is repeated.
        """
        return [codec.load(doc) for doc in self._claim("due", "job", now, limit, lease_s)]

    def reschedule(self, job_id: str, due_at: float) -> None:
        """Set the due time of a job that has one; do nothing to others."""
        self._ask(self._redis.zadd, f"{self._prefix}due", {job_id: due_at}, xx=True)

    def held_back(self, account: str, limit: int) -> list[Job]:
        """The oldest jobs that wait because the account refused them; ``ANY``: of those that any
        account may take.
        """
        ids = self._ask(self._redis.zrange, f"{self._prefix}held_back:{account}", 0, limit - 1)
        return self.get_many([job_id.decode() for job_id in ids])

    def due_at(self, job_id: str) -> float | None:
        """When somebody looks at the job next; later than its own ``due_at`` after a poll."""
        due: float | None = self._ask(self._redis.zscore, f"{self._prefix}due", job_id)
        return due

    def find_task(self, account: str, task_id: str) -> str | None:
        """The id of the job that submitted the provider's ``task_id``."""
        job_id = self._ask(self._redis.hget, f"{self._prefix}tasks:{account}", task_id)
        return job_id.decode() if job_id else None

    def known_tasks(self, account: str, task_ids: Sequence[str]) -> frozenset[str]:
        """Those of the provider's tasks that jobs of ours submitted."""
        if not task_ids:
            return frozenset()
        found = self._ask(self._redis.hmget, f"{self._prefix}tasks:{account}", list(task_ids))
        return frozenset(i for i, job_id in zip(task_ids, found, strict=True) if job_id)

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        """All jobs of the pipeline; None if it has none."""
        key = f"{self._prefix}pipeline:{pipeline_id}"
        while True:
            ids = [i.decode() for i in self._ask(self._redis.lrange, key, 0, -1)]
            jobs = self.get_many([pipeline_id, *ids])
            # If a job succeeded between the two reads, its children are missing: read again.
            if self._ask(self._redis.llen, key) == len(ids):
                return Pipeline(pipeline_id, tuple(jobs)) if jobs else None

    def histories(self, job_ids: Sequence[str]) -> list[tuple[list[Entry], int]]:
        """What is kept of each job's history, oldest first, and how many entries are not kept."""
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.lrange(f"{self._prefix}history:{job_id}", 0, -1)
        return [_history(texts) for texts in self._ask(pipe.execute)]

    def newest(self, start: int, count: int, *, tenant: str | None = None) -> list[str]:
        """Ids from place ``start`` on, newest first. ``tenant``: only this one's jobs."""
        index = "jobs" if tenant is None else f"tenant_jobs:{tenant}"
        ids = self._ask(self._redis.zrevrange, f"{self._prefix}{index}", start, start + count - 1)
        return [job_id.decode() for job_id in ids]

    def unsettled(self, limit: int) -> list[Job]:
        """Jobs that succeeded, but whose files or seed are still to come; at most ``limit``."""
        keys = [f"{self._prefix}due", f"{self._prefix}jobs:{Status.SUCCEEDED}"]
        ids = self._ask(self._redis.zinter, keys)
        return self.get_many([job_id.decode() for job_id in ids[:limit]])

    def finished(self, status: Status, before: float, limit: int) -> list[str]:
        """Pipelines whose root has this status and whose last job ended by ``before``; oldest
        first.
        """
        key = f"{self._prefix}finished:{status}"
        ids = self._ask(self._redis.zrangebyscore, key, "-inf", before, 0, limit)
        return [pipeline_id.decode() for pipeline_id in ids]

    def forget(self, jobs: Sequence[Job], before: float, now: float) -> bool:
        """Remove a pipeline and all its index entries; sums and counts stay.

        Removes nothing and returns False if it changed since ``jobs`` were read, ended after
        ``before``, or the provider still runs one of them. A batch goes with the last of its jobs.
        """
        entries = [
            {"id": j.id, "version": j.version, "tasks": list(tasks_of(j)), "labels": labels_of(j)}
            for j in jobs
        ]
        asked = codec.dump_json({"now": now, "before": before, "jobs": entries})
        return bool(self._run("forget", asked))

    def ended(self) -> Mapping[str, int]:
        """How many jobs ever ended in each terminal status, removed ones included."""
        statuses = [status for status in Status if status.terminal]
        pipe = self._redis.pipeline(transaction=False)
        pipe.hmget(f"{self._prefix}forgotten", *statuses)
        for status in statuses:
            pipe.zcard(f"{self._prefix}jobs:{status}")
        forgotten, *kept = self._ask(pipe.execute)
        sums = (int(gone or 0) + here for gone, here in zip(forgotten, kept, strict=True))
        return dict(zip((status.value for status in statuses), sums, strict=True))

    def forgotten_double_payments(self, account: str) -> int:
        """How many of the removed jobs were paid for twice."""
        key = f"{self._prefix}forgotten"
        return int(self._ask(self._redis.hget, key, f"double:{account}") or 0)


def _written(change: Change, now: float, *, marked: bool) -> Sequence[bytes]:
    """The arguments of ``lua/commit.lua``: the change without fields that have no value, and the
    document of each of its jobs, which is not part of it because the script only passes it on.

    ``marked``: with marks, which cost memory and say something only where replicas count.
    """
    job, capacity, outbox = change.job, change.capacity, change.outbox
    mark = change.mark if marked else ""
    jobs = [changed(each, version=each.version + 1, mark=mark) for each in (job, *change.children)]
    data: dict[str, Any] = {
        "account": capacity.account,
        "slots": {"image": capacity.image_slots, "video": capacity.video_slots},
        "now": now,
        "told": [note_of(one) for one in outbox.told],
        "jobs": [_entry(each, capacity) for each in jobs],
    }
    if marked and job.mark:
        data["after"] = job.mark
    if outbox.finished:
        data["finished"] = note_of(outbox.finished)
    if starts(job):
        data["capacity"] = capacity.as_data()
    if change.sample:
        data["sample"] = change.sample
    if change.accepted:
        data["accepted"] = write_accepted(change.accepted)
    if change.unbooked:
        data["unbooked"] = dict(change.unbooked)
    if change.history:
        data["history"] = [codec.entries.dump(entry) for entry in change.history]
    if change.counts:
        data["counts"] = change.counts
    return codec.dump_json(data), *map(codec.dump, jobs)


def _history(texts: Sequence[bytes]) -> tuple[list[Entry], int]:
    """Between the first entries and the newest is the number of those left out."""
    entries = [codec.entries.load(text) for text in texts if text.startswith(b"{")]
    left_out = next((int(text) for text in texts if not text.startswith(b"{")), 0)
    return entries, left_out


def _outcome(answer: list[Any]) -> Committed:
    match answer:
        case [b"ok", int(own), int(anywhere), int(calls)]:
            return Openings(own, anywhere, bool(calls))
        case [b"full"]:
            return NoFreeSlot()
        case _:
            return StaleVersion()


def note_of(one: Notification) -> dict[str, Any]:
    """A new notification as the scripts take it."""
    doc = codec.notifications.dump(replace(one, version=1))
    note: dict[str, Any] = {"id": one.id, "ordering_key": one.ordering_key, "doc": doc}
    return {**note, "tenant": one.tenant} if one.tenant else note


def _entry(job: Job, capacity: Capacity) -> dict[str, Any]:
    """What the script needs to know of a job."""
    place = place_of(job)
    entry = {"id": job.id, "version": job.version, "place": place.as_json}
    if job.look_at is not None:
        entry["due"] = job.look_at
    if job.held_back:
        entry["held_back"] = True
    if job.mark:
        entry["mark"] = job.mark
    if job.version == 1 and (labels := labels_of(job)):
        entry["labels"] = labels
    if money := charges(job, capacity.price(place.lane.sort)):
        entry["money"] = codec.dump_json(money)
    return entry
