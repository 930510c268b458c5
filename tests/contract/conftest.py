"""Each contract test runs on every store."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from worker.store import Store
from worker.store.memory import MemoryStore
from worker.store.redis import RedisStore


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    client = redis.Redis.from_url(request.getfixturevalue("redis_url"))
    yield RedisStore(client, prefix=f"test-{uuid4().hex}:")
    client.close()
