"""Redis addresses, and their translation for Celery."""

import pytest
from kombu import Connection

from config.redis_urls import as_broker, broker_for, check, parse_sentinel


@pytest.mark.parametrize(
    ("store", "broker"),
    [
        ("redis://h", "redis://h/1"),
        ("redis://u:p%40@h:6380/2", "redis://u:p%40@h:6380/3"),
        ("redis://h/15", "redis://h/0"),
        ("redis://h/?db=4", "redis://h/5"),
        ("rediss://h/0?ssl_ca_certs=/a/b.pem", "rediss://h/1?ssl_ca_certs=/a/b.pem"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=1"),
        ("unix://:p@/run/redis.sock?db=2", "redis+socket://:p@/run/redis.sock?virtual_host=3"),
        ("sentinel://h:1,i/main/2", "sentinel://h:1/3;sentinel://i:26379/3"),
        ("sentinel://:p@h/main", "sentinel://:p@h:26379/1"),
    ],
)
def test_the_broker_is_the_next_database_of_the_same_redis(store: str, broker: str) -> None:
    check(store)
    assert broker_for(store).url == broker
    assert broker_for(store).options == ({"master_name": "main"} if "sentinel" in store else {})
    assert Connection(broker).virtual_host is not None  # Celery can read it


@pytest.mark.parametrize(
    ("chosen", "broker"),
    [
        ("amqp://u:p@h//", "amqp://u:p@h//"),
        ("redis://h/7", "redis://h/7"),
        ("unix:///s?db=7", "redis+socket:///s?virtual_host=7"),
        ("sentinel://u:p@h:1/main/7", "sentinel://u:p@h:1/7"),
    ],
)
def test_a_chosen_broker_is_only_translated(chosen: str, broker: str) -> None:
    assert as_broker(chosen).url == broker


def test_a_sentinel_address_names_hosts_master_and_database() -> None:
    sentinel = parse_sentinel("sentinel://u:p@[::1]:5,b/main/3")
    assert sentinel.hosts == (("::1", 5), ("b", 26379))
    assert (sentinel.master, sentinel.db) == ("main", 3)
    assert (sentinel.username, sentinel.password) == ("u", "p")
    assert "'p'" not in repr(sentinel)


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "redis://",
        "redis://h/zero",
        "redis://h:port",
        "unix://",
        "sentinel://h",
        "sentinel:///main",
        "sentinel://h/main/zero",
        "sentinel://h:port/main",
        "h:6379",
    ],
)
def test_an_address_that_cannot_be_read_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|[Pp]ort"):
        check(url)
