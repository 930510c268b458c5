"""The store in Redis: what leaves it when its time is over."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain

import redis

from worker.adapters.store.places import tasks_of
from worker.adapters.store.redis_base import RedisBase
from worker.domain.job import Job, Status


class RedisRetention(RedisBase):
    """The part of ``worker.adapters.store.Store`` that is about what leaves it."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._forget = self._script("forget")
        self._forget_notifications = self._script("forget_notifications")
        self._take_idle_inputs = self._script("take_idle_inputs")

    def finished(self, status: Status, before: float, limit: int) -> list[str]:
        key = f"{self._prefix}finished:{status}"
        ids = self._ask(self._redis.zrangebyscore, key, "-inf", before, 0, limit)
        return [pipeline_id.decode() for pipeline_id in ids]

    def forget(self, jobs: Sequence[Job], before: float, now: float) -> bool:
        entries = ((job.id, job.version, json.dumps([*chain(*tasks_of(job))])) for job in jobs)
        args = [self._prefix, repr(now), repr(before), *chain(*entries)]
        return bool(self._ask(self._forget, args=args))

    def forget_notifications(self, before: float, limit: int) -> int:
        args = [self._prefix, repr(before), limit]
        return int(self._ask(self._forget_notifications, args=args))

    def ended(self) -> Mapping[str, int]:
        statuses = [status for status in Status if status.terminal]
        pipe = self._redis.pipeline(transaction=False)
        pipe.hmget(f"{self._prefix}forgotten", *statuses)
        for status in statuses:
            pipe.zcard(f"{self._prefix}jobs:{status}")
        forgotten, *kept = self._ask(pipe.execute)
        sums = (int(gone or 0) + here for gone, here in zip(forgotten, kept, strict=True))
        return dict(zip((status.value for status in statuses), sums, strict=True))

    def forgotten_double_payments(self, account: str) -> int:
        key = f"{self._prefix}forgotten"
        return int(self._ask(self._redis.hget, key, f"double:{account}") or 0)

    def note_input(self, ref: str, now: float) -> None:
        self._ask(self._redis.zadd, f"{self._prefix}inputs:idle", {ref: now})

    def needs_input(self, ref: str) -> bool:
        pipe = self._redis.pipeline(transaction=False)
        pipe.hexists(f"{self._prefix}inputs", ref)
        pipe.zscore(f"{self._prefix}inputs:idle", ref)
        held, noted = self._ask(pipe.execute)
        return bool(held) or noted is not None

    def take_idle_inputs(self, before: float, limit: int) -> list[str]:
        args = [self._prefix, repr(before), limit]
        return [ref.decode() for ref in self._ask(self._take_idle_inputs, args=args)]
