"""The ready jobs of every account: which one starts next, and why one does not."""

import redis

from worker.adapters.store import Load, codec
from worker.adapters.store.base import Part
from worker.adapters.store.places import ANY
from worker.domain.account.capacity import Capacity
from worker.domain.job import Job


class ReadyQueue(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._next_ready = self._script("next_ready")
        self._mend_slots = self._script("mend_slots")
        self._why_waiting = self._script("why_waiting")

    def next_ready(self, capacity: Capacity, now: float) -> Job | None:
        """The job that the account shall start next, if there is one that may. Does not take it.

        By priority; follow-ups before new roots; tenants and then batches in turn; by age.
        """
        known = codec.dump_json(capacity.as_data())
        doc = self._ask(self._next_ready, args=[self._prefix, known, repr(now)])
        return codec.load(doc) if doc else None

    def why_waiting(self, job: Job, capacity: Capacity, now: float) -> str | None:
        """Why a ready job does not start on the account; None where it may.

        ``slots``, ``pace``, ``mode``, ``account`` (it belongs to another), ``prompt`` (an equal one
        runs), ``paused:<what>``, ``budget:<scope>``.
        """
        known = codec.dump_json(capacity.as_data())
        args = [self._prefix, known, repr(now), job.id]
        reason = self._ask(self._why_waiting, args=args)
        return reason.decode() if reason else None

    def load(self, account: str) -> Load:
        """How much the account has to do; costs the same however much that is."""
        pipe = self._redis.pipeline(transaction=False)
        for pool in ("", ":video"):
            pipe.scard(f"{self._prefix}running:{account}{pool}")
        pipe.hmget(f"{self._prefix}waiting", account, f"{account}:video", ANY, f"{ANY}:video")
        images, films, waiting = self._ask(pipe.execute)
        return Load(images, films, *(int(number or 0) for number in waiting))

    def mend_slots(self, account: str) -> int:
        """Free the slots and prompts that no job holds; how many slots there were.

        Every commit keeps them right; this is for a store that was restored or edited by hand.
        """
        return int(self._ask(self._mend_slots, args=[self._prefix, account]))

    def pause(self, what: str) -> None:
        """No job of ``what`` starts from now on: ``account:<name>``, ``batch:<id>``,
        ``kind:<name>``.
        """
        self._ask(self._redis.sadd, f"{self._prefix}paused", what)

    def resume(self, what: str) -> None:
        """Jobs of ``what`` start again."""
        self._ask(self._redis.srem, f"{self._prefix}paused", what)

    def paused(self) -> frozenset[str]:
        """All that is paused."""
        found = self._ask(self._redis.smembers, f"{self._prefix}paused")
        return frozenset(what.decode() for what in found)
