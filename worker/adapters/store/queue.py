"""The ready jobs: which one an account starts next, and why a job does not start."""

from worker.adapters.store import Load, codec
from worker.adapters.store.base import Part
from worker.adapters.store.places import ANY
from worker.domain.account.capacity import Capacity
from worker.domain.job import Job


class ReadyQueue(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def next_ready(self, capacity: Capacity, now: float, limit: int) -> list[Job]:
        """The jobs that the account should start next, at most ``limit``. Does not take them.

        By priority; follow-ups before new roots; tenants and then batches in turn; by age. From
        now on a commit that makes a job startable says again that a worker must be woken.
        """
        known = codec.dump_json(capacity.as_data())
        return [codec.load(doc) for doc in self._run("next_ready", known, repr(now), limit)]

    def call(self, account: str) -> bool:
        """Whether to wake a worker for the account; False: a wake-up is on its way already."""
        return bool(self._run("call", account))

    def why_waiting(self, job: Job, capacity: Capacity, now: float) -> str | None:
        """Why a ready job does not start on the account; None if it may.

        ``slots``, ``pace``, ``mode``, ``account`` (it belongs to another), ``prompt`` (an equal one
        runs), ``paused:<what>``, ``budget:<scope>``.
        """
        known = codec.dump_json(capacity.as_data())
        reason = self._run("why_waiting", known, repr(now), job.id)
        return reason.decode() if reason else None

    def load(self, account: str) -> Load:
        """The account's running and ready jobs, in constant time."""
        pipe = self._redis.pipeline(transaction=False)
        for pool in ("", ":video"):
            pipe.scard(f"{self._prefix}running:{account}{pool}")
        pipe.hmget(f"{self._prefix}waiting", account, f"{account}:video", ANY, f"{ANY}:video")
        images, films, waiting = self._ask(pipe.execute)
        return Load(images, films, *(int(number or 0) for number in waiting))

    def mend_slots(self, account: str) -> int:
        """Free slots and concurrency keys that no job holds; how many slots.

        Commits keep them right; this is for a store that was restored or edited by hand.
        """
        return int(self._run("mend_slots", account))

    def pause(self, what: str) -> None:
        """Start no more jobs of ``what``: ``account:<name>``, ``batch:<id>`` or ``kind:<name>``."""
        self._ask(self._redis.sadd, f"{self._prefix}paused", what)

    def resume(self, what: str) -> None:
        """Start jobs of ``what`` again."""
        self._ask(self._redis.srem, f"{self._prefix}paused", what)

    def paused(self) -> frozenset[str]:
        """All that is paused."""
        found = self._ask(self._redis.smembers, f"{self._prefix}paused")
        return frozenset(what.decode() for what in found)
