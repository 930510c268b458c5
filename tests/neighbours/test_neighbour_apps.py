"""Other programs' Celery apps: what is theirs runs as often as without us."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import celery
import redis
from celery import Celery

from config.broker_urls import Broker
from tests.neighbours import servers
from tests.neighbours.apps import Hookline, Shop
from tests.neighbours.conftest import Seen
from tests.support.processes import wait_for
from worker.adapters.messaging.broker import make_celery
from worker.adapters.messaging.names import QUEUES
from worker.adapters.messaging.starting import prepare_broker

_CELERY = f"Celery {celery.__version__}"
#: Ours come back after a second, so that theirs would as well if they were treated alike.
_SHORT = json.dumps({"visibility_timeout": 1, "unacked_restore_interval": 1})


@contextmanager
def limited_user(server: servers.RedisServer, *keys: str, db: int) -> Iterator[str]:
    """The address for a user who may touch such keys and no channels."""
    with redis.Redis.from_url(server.url()) as client:
        patterns = [f"~{key}" for key in keys]
        client.execute_command("ACL", "SETUSER", "hook", "reset", "on", ">word", "+@all", *patterns)
        client.execute_command("ACL", "LOG", "RESET")
        yield server.url("hook:word", db=db)
        client.execute_command("ACL", "DELUSER", "hook")


def refused(server: servers.RedisServer) -> set[str]:
    """The keys and channels that a limited user was refused."""
    with redis.Redis.from_url(server.url()) as client:
        return {str(each["object"]) for each in client.acl_log()}


def test_a_neighbour_on_our_redis_holds_its_tasks_as_long_as_it_likes(
    tmp_path: Path, plain_redis: servers.RedisServer, store: str, seen: Seen
) -> None:
    shop = Shop(tmp_path / "shop", plain_redis.url(db=1), task_default_queue="shop")
    with limited_user(plain_redis, "hookline*", "shop*", db=1) as broker:
        hookline = Hookline(tmp_path / "hookline", store, broker, HOOKLINE_BROKER_OPTIONS=_SHORT)
        with shop.working(), hookline.up("--port", "0"):
            shop.send("order", "order", 5)
            shop.send("remind", "reminder", countdown=5)
            told = {"notify": {"celery_task": "shop.image_ready", "queue": "shop"}}
            shop.wish(fields=told)
            all_of_it = {"order": 1, "reminder": 1, "pipeline.finished": 1}
            wait_for(lambda: shop.ran() >= Counter(all_of_it), "all of it", 60)
            shop.send("remind", "last", countdown=2)
            wait_for(lambda: shop.ran()["last"], "two more timeouts")
            assert shop.ran() == {**all_of_it, "last": 1}
            assert hookline.jobs() == 1
        # Looked for once, for what older versions left there.
        assert refused(plain_redis) <= {"unacked"}
    seen(
        case="`hookline up` and an app on one Redis: a late-acknowledged task and a reminder that "
        "outlast our visibility timeout, and a job whose end notifies the app",
        server=f"{plain_redis.version}, {_CELERY}",
        result="each ran once; a Redis user with the keys hookline* and the app's queue suffices",
    )


def test_what_an_older_version_held_is_taken_back_and_nothing_else(
    plain_redis: servers.RedisServer, store: str, seen: Seen
) -> None:
    url = plain_redis.url(db=1)
    # As an older version, and an app beside it, left it when they were killed: delivered, and
    # neither acknowledged nor given back.
    everybodys = {"unacked_key": "unacked", "unacked_index_key": "unacked_index"}
    older = make_celery(Broker(url, everybodys))
    shop = Celery("shop", broker=url, set_as_current=False)
    held = {"hookline": older, "hookline.files": older, "shop": shop}
    with redis.Redis.from_url(url) as client, ExitStack() as open_connections:
        for queue, app in held.items():
            task = "shop.order" if queue == "shop" else "hookline.imagine"
            app.send_task(task, kwargs={"prompt": queue}, queue=queue, ignore_result=True)
            connection = open_connections.enter_context(app.connection_for_read())
            channel: Any = connection.channel()
            assert channel.basic_get(queue)
            channel.qos.restore_at_shutdown = False  # it is killed
        assert client.hlen("unacked") == 3
        for _ in range(2):
            prepare_broker(make_celery(Broker(url)), QUEUES.values())
        assert {queue: client.llen(queue) for queue in held} == {
            "hookline": 1,
            "hookline.files": 1,
            "shop": 0,
        }
        assert client.hlen("unacked") == client.zcard("unacked_index") == 1
        client.flushdb()
    seen(
        case="an older Hookline was killed with messages in the keys that all apps share",
        server=f"{plain_redis.version}, {_CELERY}",
        result="the first worker takes them back; the app's own message stays where it is",
    )


def test_keys_that_are_something_else_do_not_keep_a_worker_from_starting(
    plain_redis: servers.RedisServer, store: str
) -> None:
    with redis.Redis.from_url(plain_redis.url(db=1)) as client:
        client.rpush("unacked", "a list of somebody")
        prepare_broker(make_celery(Broker(plain_redis.url(db=1))), QUEUES.values())
        client.delete("unacked")
        client.hset("unacked", "tag", "not kombu's")
        prepare_broker(make_celery(Broker(plain_redis.url(db=1))), QUEUES.values())
        assert client.hgetall("unacked") == {b"tag": b"not kombu's"}
        client.flushdb()
