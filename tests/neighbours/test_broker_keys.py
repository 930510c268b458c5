"""Keys of a Redis broker that hold something else than kombu takes them for."""

import shlex
import subprocess
from typing import Any

import pytest
import redis

from config.broker_urls import Broker
from tests.neighbours import servers
from tests.neighbours.conftest import Seen
from worker.adapters.messaging.broker import CeleryMessages, make_celery
from worker.adapters.messaging.keys import broken_keys
from worker.adapters.messaging.starting import prepare_broker
from worker.domain.errors import QueueRefused
from worker.services.doctor import findings

KEYS = ("hookline.unacked", "hookline.unacked_index", "hookline", "hookline.wake\x06\x163")


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_doctor_says_what_is_broken_and_how_to_repair_it(
    plain_redis: servers.RedisServer, store: str, prefix: str, seen: Seen
) -> None:
    assert store
    options = {"global_keyprefix": prefix} if prefix else {}
    app = make_celery(Broker(plain_redis.url(db=1), options))
    program = servers.program("redis-cli", "redis-tools")
    with redis.Redis.from_url(plain_redis.url(db=1)) as broker:
        prepare_broker(app, ["hookline"])
        assert findings.broker(broken_keys(app, shared=True)).verdict == "ok"
        for key in (prefix + each for each in KEYS):
            _break(broker, key)
            found = findings.broker(broken_keys(app, shared=True))
            assert found.verdict == "fail"
            assert key in found.message
            with pytest.raises(QueueRefused, match="`hookline doctor` says how to repair it"):
                prepare_broker(app, ["hookline"])
            [line] = [each for each in (found.advice or "").splitlines() if "RENAME" in each]
            command = [program, "-p", str(plain_redis.port), *shlex.split(line)[1:]]
            assert subprocess.check_output(command, timeout=60) == b"OK\n"
            prepare_broker(app, ["hookline"])
            assert findings.broker(broken_keys(app, shared=True)).verdict == "ok"
    seen(
        case="a queue of ours or a key in which kombu notes our messages holds something else",
        server=plain_redis.version,
        result="no worker starts, since it would lose messages; `hookline doctor` says how to put "
        "the key aside, and then all is well",
    )


def _break(broker: "redis.Redis", key: str) -> None:
    """As a notification to a queue of this name did, or a program of another kind."""
    if "unacked" in key:
        broker.lpush(key, "x")
    else:
        broker.set(key, "x")


def test_what_is_noted_as_unacknowledged_and_is_no_message_is_dropped(
    plain_redis: servers.RedisServer, store: str
) -> None:
    """kombu reads it when a worker starts, and every few seconds."""
    assert store
    app = make_celery(Broker(plain_redis.url(db=1)))
    noted = ("not json", "7", "[1, 2]", "[" * 20_000, '[7, "", "hookline"]')
    with redis.Redis.from_url(plain_redis.url(db=1)) as broker, app.connection_for_read() as read:
        for tag, text in enumerate(noted):
            broker.hset("hookline.unacked", str(tag), text)
            broker.zadd("hookline.unacked_index", {str(tag): 1.0})
        channel: Any = read.default_channel
        channel.qos.restore_visible(interval=1)
        assert broker.exists("hookline.unacked", "hookline.unacked_index", "hookline") == 0


def test_keys_of_other_apps_are_a_warning(plain_redis: servers.RedisServer, store: str) -> None:
    assert store
    app = make_celery(Broker(plain_redis.url(db=1)))
    with redis.Redis.from_url(plain_redis.url(db=1)) as broker:
        broker.lpush("unacked", "x")
        found = findings.broker(broken_keys(app, shared=True))
        assert found.verdict == "warn"
        assert "unacked is a list, not a hash" in found.message
        prepare_broker(app, ["hookline"])


def test_a_key_of_another_program_is_no_queue(
    plain_redis: servers.RedisServer, store: str, seen: Seen
) -> None:
    assert store
    app = make_celery(Broker(plain_redis.url(db=1)))
    with redis.Redis.from_url(plain_redis.url(db=1)) as broker:
        broker.hset("session", "user", "1")
        with pytest.raises(QueueRefused, match="something else than a queue under the name"):
            CeleryMessages(app).send("shop.image_ready", "session", "msg_1", {"type": "x"})
        assert broker.hgetall("session") == {b"user": b"1"}
    seen(
        case="`notify` names a queue under whose name Redis has a hash",
        server=plain_redis.version,
        result="tried again as after any failure, with the reason; the hash is unharmed",
    )
