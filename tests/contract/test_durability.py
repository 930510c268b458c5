"""What a real server says about how well it keeps what it is told."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.store.durability import read_durability
from worker.domain.errors import StoreUnavailable


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """As the product starts it, and not as the other tests use it."""
    with (
        tempfile.TemporaryDirectory(prefix="hl-") as folder,
        start_private_redis(Path(folder)) as server,
    ):
        yield server.url


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as connected:
        yield connected


def test_the_private_redis_keeps_everything(client: "redis.Redis") -> None:
    found = read_durability(client)
    assert found.version[0].isdigit()
    assert (found.appendonly, found.appendfsync) == (True, "always")
    assert found.maxmemory_policy == "noeviction"


def test_a_server_that_keeps_its_settings_to_itself(client: "redis.Redis", redis_url: str) -> None:
    client.acl_setuser(
        "guest", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"]
    )
    try:
        with redis.Redis.from_url(redis_url, username="guest", password="x") as guest:
            found = read_durability(guest)
    finally:
        client.acl_deluser("guest")
    assert (found.appendonly, found.appendfsync) == (True, None)


def test_a_server_that_is_away() -> None:
    with pytest.raises(StoreUnavailable):
        read_durability(redis.Redis(unix_socket_path="/nowhere/redis.sock"))
