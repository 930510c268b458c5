"""What a real server says about how well it keeps what it is told."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from worker.adapters.local.private_redis import start_private_redis
from worker.adapters.store.connection import check_rights
from worker.adapters.store.durability import Durability, read_durability
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
    assert (found.version or "")[0].isdigit()
    assert (found.appendonly, found.appendfsync) == (True, "always")
    assert found.maxmemory_policy == "noeviction"


@contextmanager
def guest(client: "redis.Redis", redis_url: str, *commands: str) -> Iterator["redis.Redis"]:
    """A user who may do only some things."""
    client.acl_setuser("guest", enabled=True, nopass=True, keys=["hookline:*"], commands=commands)
    try:
        with redis.Redis.from_url(redis_url, username="guest", password="x") as connected:
            yield connected
    finally:
        client.acl_deluser("guest")


def test_a_server_that_keeps_its_settings_to_itself(client: "redis.Redis", redis_url: str) -> None:
    with guest(client, redis_url, "+@all", "-config") as user:
        found = read_durability(user)
    assert (found.appendonly, found.appendfsync) == (True, None)


def test_a_server_that_says_nothing_at_all(client: "redis.Redis", redis_url: str) -> None:
    with guest(client, redis_url, "+@all", "-config", "-info", "-wait") as user:
        found = read_durability(user)
    assert found == Durability(None, None, None, None)


def test_the_rights_of_a_user_suffice_or_it_says_that_one_is_missing(
    client: "redis.Redis", redis_url: str
) -> None:
    check_rights(client)
    with guest(client, redis_url, "+@all", "-@dangerous") as user:
        check_rights(user)
    with (
        guest(client, redis_url, "+@all", "-zadd") as user,
        pytest.raises(StoreUnavailable, match="refuses its user a right"),
    ):
        check_rights(user)
    assert client.keys("hookline:*") == []


def test_a_server_that_is_away() -> None:
    with pytest.raises(StoreUnavailable):
        read_durability(redis.Redis(unix_socket_path="/nowhere/redis.sock"))
