"""What Celery is given for a broker."""

import ssl
from typing import Any

import pytest
from kombu import Connection

from config.broker_urls import Broker, broker_beside, parse_broker
from config.redis_urls import parse

REQUIRED = "ssl_cert_reqs=required"


@pytest.mark.parametrize(
    ("store", "broker"),
    [
        ("redis://h", "redis://h:6379/1"),
        ("redis://u:p%40@h:6380/2", "redis://u:p%40@h:6380/3"),
        ("redis://h/15", "redis://h:6379/0"),
        ("redis://h/?db=4", "redis://h:6379/5"),
        ("redis://h/?protocol=3", "redis://h:6379/1"),
        ("rediss://h", f"rediss://h:6379/1?{REQUIRED}"),
        (
            "rediss://h/0?ssl_ca_certs=/a/b.pem",
            f"rediss://h:6379/1?{REQUIRED}&ssl_ca_certs=/a/b.pem",
        ),
        (
            "rediss://h?ssl_cert_reqs=CERT_NONE",
            "rediss://h:6379/1?ssl_cert_reqs=none&ssl_check_hostname=false",
        ),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=1"),
        ("unix://:p@/run/redis.sock?db=2", "redis+socket://:p@/run/redis.sock?virtual_host=3"),
        ("sentinel://h:1,i/main/2", "sentinel://h:1/3;sentinel://i:26379/3"),
        ("sentinel://:p@h/main", "sentinel://:p@h:26379/1"),
    ],
)
def test_the_broker_is_the_next_database_of_the_same_redis(store: str, broker: str) -> None:
    found = broker_beside(parse(store))
    assert found.url == broker
    assert found.options.get("master_name") == ("main" if "sentinel" in store else None)
    assert Connection(broker).virtual_host is not None  # Celery can read it


@pytest.mark.parametrize(
    ("chosen", "broker"),
    [
        ("amqp://u:p@h//", "amqp://u:p@h:5672//"),
        ("amqp://u:p%23@h//;amqp://i/v", "amqp://u:p%23@h:5672//;amqp://i:5672/v"),
        ("amqps://h//", "amqps://h:5671//"),
        ("redis://h/7", "redis://h:6379/7"),
        ("unix:///s?db=7", "redis+socket:///s?virtual_host=7"),
        ("redis+socket:///s?virtual_host=7", "redis+socket:///s?virtual_host=7"),
        ("sentinel://u:p@h:1/main/7", "sentinel://u:p@h:1/7"),
    ],
)
def test_a_chosen_broker_is_only_translated(chosen: str, broker: str) -> None:
    assert parse_broker(chosen).url == broker


def seen_by_kombu(broker: Broker) -> Any:
    return Connection(broker.url, ssl=broker.use_ssl or False).ssl


def test_a_redis_with_tls_has_to_prove_who_it_is() -> None:
    assert seen_by_kombu(parse_broker("rediss://h"))["ssl_cert_reqs"] == ssl.CERT_REQUIRED


def test_sentinels_with_tls_have_to_prove_who_they_are() -> None:
    broker = parse_broker("sentinel://h/m?ssl=true&ssl_ca_certs=/ca&sentinel_password=s")
    tls = {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca"}
    assert seen_by_kombu(broker) == tls
    assert broker.options["sentinel_kwargs"] == {"ssl": True, "password": "s", **tls}


@pytest.mark.parametrize(
    ("options", "use_ssl"),
    [
        ("", {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}),
        ("?ssl_cert_reqs=none", {"cert_reqs": ssl.CERT_NONE}),
        ("?ssl_check_hostname=no", {"cert_reqs": ssl.CERT_REQUIRED}),
        (
            "?ssl_ca_certs=/a&ssl_certfile=/c&ssl_keyfile=/k",
            {
                "cert_reqs": ssl.CERT_REQUIRED,
                "server_hostname": None,
                "ca_certs": "/a",
                "certfile": "/c",
                "keyfile": "/k",
            },
        ),
    ],
)
def test_a_rabbitmq_with_tls_has_to_prove_who_it_is(options: str, use_ssl: dict[str, Any]) -> None:
    assert seen_by_kombu(parse_broker(f"amqps://h//{options}")) == use_ssl


def test_a_timeout_holds_for_connecting_as_well() -> None:
    assert parse_broker("redis://h?timeout=7").options == {"socket_connect_timeout": 7.0}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "must begin with amqp://, amqps://, redis\\+socket://, redis://"),
        ("amqp://h;amqps://i", "not all of them with amqp://"),
        ("amqp:///", "must name a host"),
        ("amqp://h?heartbeat=3", "unknown option heartbeat; known here: none"),
        ("amqps://h?ssl_version=1", "unknown option ssl_version"),
        ("redis://h;redis://i", "only RabbitMQ may have several"),
        ("sentinel://h;sentinel://i/m", "sentinel://host,host/master/0"),
        ("redis+socket:///s?virtual_host=x", "its option db the database must be a number"),
    ],
)
def test_a_broker_that_cannot_be_read_is_refused(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_broker(url)


@pytest.mark.parametrize("scheme", ["amqp", "amqps", "redis", "redis+socket"])
@pytest.mark.parametrize("mark", ["#", "/", "?"])
def test_no_message_has_a_part_of_a_password(scheme: str, mark: str) -> None:
    place = "/run/r.sock" if "socket" in scheme else "h//"
    with pytest.raises(ValueError, match="percent-encode") as refused:
        parse_broker(f"{scheme}://user:hunter2{mark}secret@{place}")
    assert "hunter" not in str(refused.value)
    assert "secret" not in str(refused.value)
