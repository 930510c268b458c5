"""Both stores under a clock that is set, and what is in their indexes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import redis

from worker.adapters.store import ABSENCE_S, Store
from worker.adapters.store.memory import MemoryStore
from worker.adapters.store.redis import RedisStore

#: Two of one provider: what a caller does not bind to one of them, either may take.
ACCOUNTS = ("default", "other")


@dataclass(frozen=True, slots=True)
class Indexes:
    """Who is where, as the store's own indexes say."""

    due: set[str]
    ready: set[str]
    parked: set[str]
    running: set[str]
    guards: dict[str, str]
    finished: set[str]


class Kept(Protocol):
    """A store, time in it, and its indexes."""

    store: Store

    def passed(self, seconds: float, *, receiver_there: bool) -> None:
        """So many seconds went by."""

    def indexes(self) -> Indexes:
        """Of both accounts."""

    def close(self) -> None:
        """Nothing is left behind."""


class KeptMemory:
    """The store in memory, whose receiver tells of itself as often as the real one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lag = clock, 0.0
        self._memory = MemoryStore(lambda: clock() - self._lag)
        self.store: Store = self._memory

    def passed(self, seconds: float, *, receiver_there: bool) -> None:
        now, self._lag = self._clock(), seconds
        while receiver_there and self._lag > 0:
            self._lag = max(0.0, self._lag - ABSENCE_S / 2)
            self.store.beat(now - self._lag)
        self._lag = 0.0

    def indexes(self) -> Indexes:
        memory = self._memory
        return Indexes(
            due=set(memory._due),
            ready={each for jobs in memory._queue._ready.values() for each in jobs},
            parked={each for parked in memory._queue._parked.values() for each, _ in parked},
            running={each for running in memory._running.values() for each in running},
            guards={
                concurrency_key: job_id for (_, concurrency_key), job_id in memory._guards.items()
            },
            finished=set(memory._finished),
        )

    def close(self) -> None:
        return None


class KeptRedis:
    """Keys that expire do so by Redis' own clock, so they are taken away when it is time."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], float]) -> None:
        self._client, self._clock = client, clock
        self._prefix = f"promises-{uuid4().hex}:"
        self.store: Store = RedisStore(client, self._prefix)

    def passed(self, seconds: float, *, receiver_there: bool) -> None:
        if seconds >= 2:
            self._client.delete(*(f"{self._prefix}once:wake:{name}" for name in ACCOUNTS))
        if seconds >= ABSENCE_S and not receiver_there:
            self._client.delete(f"{self._prefix}receiving")
        if receiver_there:
            self.store.beat(self._clock())

    def indexes(self) -> Indexes:
        client: Any = self._client
        prefix = self._prefix
        guards = {
            concurrency_key.decode(): job_id.decode()
            for name in ACCOUNTS
            for concurrency_key, job_id in client.hgetall(f"{prefix}guards:{name}").items()
        }
        ready = (client.zrange(key, 0, -1) for key in client.scan_iter(f"{prefix}ready:*"))
        parked = (client.lrange(key, 0, -1) for key in client.scan_iter(f"{prefix}parked:*"))
        ends = (client.zrange(key, 0, -1) for key in client.scan_iter(f"{prefix}finished:*"))
        pools = [f"{prefix}running:{name}{pool}" for name in ACCOUNTS for pool in ("", ":video")]
        return Indexes(
            due=_texts(client.zrange(f"{prefix}due", 0, -1)),
            ready={each for ids in ready for each in _texts(ids)},
            parked={each for ids in parked for each in _texts(ids)},
            running=_texts(client.sunion(pools)),
            guards=guards,
            finished={each for ids in ends for each in _texts(ids)},
        )

    def close(self) -> None:
        for key in self._client.scan_iter(f"{self._prefix}*", count=1000):
            self._client.delete(key)


def _texts(values: Any) -> set[str]:
    return {value.decode() for value in values}
