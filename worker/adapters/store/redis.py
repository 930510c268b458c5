"""The job store in Redis or Valkey (6.2 or newer). The only place that knows the job store's keys.

Every change is one script call (``lua/commit.lua``, headed by the map of all keys); the rest are
reads, and moves within the due set that may be lost without harm.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import redis

from worker.adapters.store import Filter, Load, NoFreeSlot, Openings, Page, Pipeline, codec
from worker.adapters.store.places import ANY, place_of, starts, write_cursor
from worker.adapters.store.redis_accounts import RedisAccounts
from worker.adapters.store.redis_base import connect
from worker.adapters.store.redis_batches import RedisBatches
from worker.adapters.store.redis_notifications import RedisNotifications
from worker.adapters.store.redis_retention import RedisRetention
from worker.domain.account.billing import charges
from worker.domain.account.callback_stats import Sample
from worker.domain.account.capacity import Capacity
from worker.domain.errors import StaleVersion
from worker.domain.job import Job
from worker.domain.notifications import NOTHING, Notification, Outbox

__all__ = ["RedisStore", "connect"]


class RedisStore(RedisAccounts, RedisBatches, RedisNotifications, RedisRetention):
    """``worker.adapters.store.Store`` over one Redis client, which may be shared by threads."""

    def __init__(self, client: "redis.Redis", prefix: str = "hookline:") -> None:
        super().__init__(client, prefix)
        self._commit = self._script("commit")
        self._next_ready = self._script("next_ready")
        self._mend_slots = self._script("mend_slots")
        self._why_waiting = self._script("why_waiting")

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
        argv: list[Any] = [
            self._prefix,
            capacity.account,
            capacity.video_slots,
            capacity.image_slots,
            json.dumps(asdict(sample)) if sample else "",
            capacity.as_json() if starts(job) else "",
            repr(now),
            _told(outbox),
        ]
        for written in (job, *children):
            argv += _entry(replace(written, version=written.version + 1), capacity)
        answer: list[Any] = self._ask(self._commit, args=argv)
        match answer:
            case [b"ok", int(own), int(anywhere)]:
                return Openings(own, anywhere)
            case [b"full"]:
                raise NoFreeSlot
            case _:
                raise StaleVersion

    def add(self, jobs: Sequence[Job], *, capacity: Capacity, now: float = 0.0) -> list[bool]:
        pipe = self._redis.pipeline(transaction=False)
        head = (
            self._prefix,
            capacity.account,
            capacity.video_slots,
            capacity.image_slots,
            "",
            "",
            repr(now),
            "",
        )
        for job in jobs:
            self._commit(args=[*head, *_entry(replace(job, version=1), capacity)], client=pipe)
        return [answer[0] == b"ok" for answer in self._ask(pipe.execute)]

    def next_ready(self, capacity: Capacity, now: float) -> Job | None:
        doc = self._ask(self._next_ready, args=[self._prefix, capacity.as_json(), repr(now)])
        return codec.load(doc) if doc else None

    def why_waiting(self, job: Job, capacity: Capacity, now: float) -> str | None:
        reason = self._ask(
            self._why_waiting, args=[self._prefix, capacity.as_json(), repr(now), job.id]
        )
        return reason.decode() if reason else None

    def load(self, account: str) -> Load:
        pipe = self._redis.pipeline(transaction=False)
        for pool in ("", ":video"):
            pipe.scard(f"{self._prefix}running:{account}{pool}")
        pipe.hmget(f"{self._prefix}waiting", account, f"{account}:video", ANY, f"{ANY}:video")
        images, films, waiting = self._ask(pipe.execute)
        return Load(images, films, *(int(number or 0) for number in waiting))

    def mend_slots(self, account: str) -> int:
        return int(self._ask(self._mend_slots, args=[self._prefix, account]))

    def claim_due(self, now: float, limit: int, lease_s: float) -> list[Job]:
        return [codec.load(doc) for doc in self._claimed("due", "job", now, limit, lease_s)]

    def reschedule(self, job_id: str, due_at: float) -> None:
        self._ask(self._redis.zadd, f"{self._prefix}due", {job_id: due_at}, xx=True)

    def find_task(self, account: str, task_id: str) -> str | None:
        job_id = self._ask(self._redis.hget, f"{self._prefix}tasks:{account}", task_id)
        return job_id.decode() if job_id else None

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        key = f"{self._prefix}pipeline:{pipeline_id}"
        while True:
            ids = [i.decode() for i in self._ask(self._redis.lrange, key, 0, -1)]
            jobs = self.get_many([pipeline_id, *ids])
            # A job may have succeeded between the two reads: its children belong to what is shown.
            if self._ask(self._redis.llen, key) == len(ids):
                return Pipeline(pipeline_id, tuple(jobs)) if jobs else None

    def list_jobs(self, wanted: Filter, limit: int, cursor: str | None = None) -> Page:
        index = f"{self._prefix}jobs"
        if wanted.double_payments:
            index = f"{self._prefix}double_payments"
        elif wanted.status:
            index += f":{wanted.status}"
        ids, more = self._listed(index, cursor)
        found: list[Job] = []
        last: Job | None = None
        for job in self.get_many(ids):
            if len(found) == limit:
                return Page(tuple(found), write_cursor(found[-1]))
            last = job
            if wanted.matches(job):
                found.append(job)
        return Page(tuple(found), write_cursor(last) if last and more else None)

    def once(self, name: str, seconds: float) -> bool:
        key = f"{self._prefix}once:{name}"
        return bool(self._ask(self._redis.set, key, 1, nx=True, px=int(seconds * 1000)))

    def ping(self) -> None:
        self._ask(self._redis.ping)


def _told(outbox: Outbox) -> str:
    """What ``lua/outbox.lua`` needs to know of notifications; empty where there are none."""
    if not outbox.told and not outbox.finished:
        return ""
    finished = _note(outbox.finished) if outbox.finished else None
    return json.dumps({"told": [_note(one) for one in outbox.told], "finished": finished})


def _note(one: Notification) -> dict[str, str]:
    doc = codec.dump_notification(replace(one, version=1)).decode()
    return {"id": one.id, "line": one.line, "doc": doc}


def _entry(job: Job, capacity: Capacity) -> tuple[str | bytes | int, ...]:
    """What ``lua/commit.lua`` needs to know of a job without reading its doc."""
    place = place_of(job)
    money = charges(job, capacity.price(place.lane.sort))
    due = "" if job.due_at is None else repr(job.due_at)
    billed = json.dumps(money, separators=(",", ":")) if money else ""
    return job.id, job.version, due, place.as_json, place.concurrency_key, billed, codec.dump(job)
