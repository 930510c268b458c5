"""Each contract test runs on every store."""

from collections.abc import Callable, Iterator
from time import monotonic
from uuid import uuid4

import pytest
import redis

from worker.adapters.store import ABSENCE_S, Store
from worker.adapters.store.memory import MemoryStore
from worker.adapters.store.redis import RedisStore

#: Makes the receiver be away for long enough.
PassAbsence = Callable[[], None]


class Clock:
    """A clock that can be put on."""

    ahead = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(Clock())
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    yield RedisStore(client, prefix=f"test-{uuid4().hex}:")
    client.close()


@pytest.fixture
def pass_absence(store: Store) -> PassAbsence:
    """Time goes by for the store; a real Redis keeps its own, so there its key goes earlier."""

    def pass_it() -> None:
        match store:
            case MemoryStore():
                clock = store._clock
                assert isinstance(clock, Clock)
                clock.ahead += ABSENCE_S
            case RedisStore():
                key = f"{store._prefix}receiving"
                left: int = store._redis.pttl(key)
                assert 0 < left <= ABSENCE_S * 1000, "it expires by itself"
                store._redis.pexpire(key, 0)

    return pass_it
