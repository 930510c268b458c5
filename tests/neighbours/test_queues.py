"""Queues as other programs declared them, on RabbitMQ and on Redis."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import celery
import pytest
from kombu import Connection, Exchange, Queue

from config.broker_urls import parse_broker
from tests.neighbours import servers
from tests.neighbours.apps import Hookline, Shop
from tests.neighbours.conftest import Seen
from tests.support.processes import wait_for
from worker.adapters.messaging.broker import CeleryMessages, make_celery
from worker.adapters.messaging.names import QUEUES
from worker.adapters.messaging.queues import QueueRules
from worker.adapters.messaging.starting import prepare_broker
from worker.domain.errors import BrokerUnavailable, QueueRefused, SettingsError

_CELERY = f"Celery {celery.__version__}"


@contextmanager
def declared(url: str, *queues: Queue) -> Iterator[Connection]:
    """The queues exist, and the connection that declared them is open."""
    with Connection(url) as connection:
        for queue in queues:
            queue(connection.default_channel).declare()
        yield connection


def exists(connection: Connection, what: Queue | Exchange) -> bool:
    try:
        match what(connection.channel()):
            case Queue() as queue:
                queue.queue_declare(passive=True)
            case exchange:
                exchange.declare(passive=True)
    except connection.channel_errors:
        return False
    return True


def waiting(connection: Connection, queue: str) -> int:
    _, count, _ = connection.channel().queue_declare(queue, passive=True)  # type: ignore[attr-defined]
    return int(count)


def test_queues_of_any_kind_are_used_as_they_are(
    tmp_path: Path, store: str, rabbitmq: servers.RabbitMQ, virtual_host: str, seen: Seen
) -> None:
    door = Queue("hookline", Exchange("hookline", "topic"), "pictures.#", max_priority=10)
    queues = (
        door,
        Queue("hookline.wake", queue_arguments={"x-queue-type": "quorum"}),
        Queue("hookline.files", durable=False),
        Queue("hookline.notify", message_ttl=3600, max_length=1000),
    )
    shop = Shop(tmp_path / "shop", virtual_host, task_default_queue="shop")
    hookline = Hookline(tmp_path / "hookline", store, virtual_host)
    with declared(virtual_host, *queues), shop.working(), hookline.working() as log:
        shop.send("order", "order", 3)
        shop.send("remind", "reminder", countdown=3)
        shop.wish(queue=door, priority=5)
        wait_for(hookline.jobs, "the job")
        findings = hookline.findings()
        wait_for(lambda: shop.ran() == {"order": 1, "reminder": 1}, "order and reminder")
        assert "PRECONDITION" not in log.read_text()
    assert findings["queues"]["verdict"] == "ok", findings
    seen(
        case="`hookline` declared before with priorities and a topic exchange, our other queues as "
        "quorum, as not durable, and with limits; with the app's own worker running",
        server=f"{rabbitmq.version}, {_CELERY}",
        result="all are used as they are, the job is made, the app's tasks run once",
    )


def test_quorum_queues_of_ours_beside_those_of_an_app(
    tmp_path: Path, store: str, rabbitmq: servers.RabbitMQ, virtual_host: str, seen: Seen
) -> None:
    # The sender declares what it sends to: it would be refused if ours were of another type.
    shop = Shop(tmp_path / "shop", virtual_host, task_create_missing_queue_type="quorum")
    hookline = Hookline(tmp_path / "hookline", store, virtual_host, HOOKLINE_QUEUE_TYPE="quorum")
    with hookline.working():
        shop.wish()
        wait_for(hookline.jobs, "the job")
    with Connection(virtual_host) as connection:
        assert all(exists(connection, Queue(name)) for name in QUEUES.values())
        others = ("celery_delayed_27", "celery_delayed_delivery", "celeryev", "celery.pidbox")
        assert not any(exists(connection, Exchange(name)) for name in others)
        assert not any(exists(connection, Queue(name)) for name in ("celery", "celery_delayed_27"))
    seen(
        case="HOOKLINE_QUEUE_TYPE=quorum next to an app with quorum queues",
        server=f"{rabbitmq.version}, {_CELERY}",
        result="the job is made; nothing is declared but our four queues",
    )


def test_priorities_and_prefix_of_an_app_on_redis(
    tmp_path: Path, plain_redis: servers.RedisServer, store: str, seen: Seen
) -> None:
    options = {
        "global_keyprefix": "shop:",
        "sep": ":",
        "priority_steps": list(range(10)),
        "queue_order_strategy": "priority",
    }
    broker = plain_redis.url(db=1)
    shop = Shop(tmp_path / "shop", broker, broker_transport_options=options)
    hookline = Hookline(
        tmp_path / "hookline", store, broker, HOOKLINE_BROKER_OPTIONS=json.dumps(options)
    )
    with hookline.working():
        for priority in (0, 5, 9):
            shop.wish(f"a red fox at {priority}", priority=priority)
        wait_for(lambda: hookline.jobs() == 3, "the jobs")
        findings = hookline.findings()
    assert findings["queues"]["verdict"] == "ok", findings
    seen(
        case="an app with `global_keyprefix`, `sep`, `priority_steps` and `queue_order_strategy`, "
        "given to us as HOOKLINE_BROKER_OPTIONS",
        server=f"{plain_redis.version}, {_CELERY}",
        result="jobs of all priorities are made, and `hookline doctor` finds all queues served",
    )


def test_what_rabbitmq_never_lets_us_do_ends_the_worker_with_one_sentence(
    tmp_path: Path, store: str, rabbitmq: servers.RabbitMQ, seen: Seen
) -> None:
    url = rabbitmq.virtual_host("hookline-may-not-configure", configure="^$")
    hookline = Hookline(tmp_path / "hookline", store, url)
    ended = hookline.run("worker", HOOKLINE_PROVIDER_URL="http://127.0.0.1:9")
    assert ended.returncode == 2, "the supervisor does not start it again"
    [said] = ended.stderr.strip().splitlines()
    assert "there is no queue 'hookline.wake', and RabbitMQ lets us create none" in said
    assert "let HOOKLINE_BROKER_URL's user configure, write and read hookline.*" in said
    seen(
        case="a RabbitMQ user without the right to create our queues, which are missing",
        server=rabbitmq.version,
        result="the worker ends with code 2 and says what to allow or create",
    )


def test_a_queue_that_others_consume_alone_ends_the_worker_until_it_is_free(
    tmp_path: Path, store: str, rabbitmq: servers.RabbitMQ, virtual_host: str, seen: Seen
) -> None:
    hookline = Hookline(tmp_path / "hookline", store, virtual_host)
    with declared(virtual_host, Queue("hookline")) as connection:
        channel: Any = connection.default_channel
        channel.basic_consume("hookline", exclusive=True)
        ended = hookline.run("worker", HOOKLINE_PROVIDER_URL="http://127.0.0.1:9")
    assert ended.returncode == 1, "the supervisor starts it again"
    assert "queue 'hookline'" in ended.stderr
    assert "exclusive" in ended.stderr
    seen(
        case="another program consumes `hookline` exclusively",
        server=rabbitmq.version,
        result="the worker ends with code 1 and RabbitMQ's words, and is started again",
    )


def test_a_message_that_rabbitmq_does_not_take_is_not_taken_for_sent(
    rabbitmq: servers.RabbitMQ, seen: Seen
) -> None:
    url = rabbitmq.virtual_host("hookline-may-not-publish", write="hookline.*")
    messages = CeleryMessages(make_celery(parse_broker(url)))
    full = Queue("full", max_length=1, queue_arguments={"x-overflow": "reject-publish"})
    with declared(url, Queue("shop")), pytest.raises(BrokerUnavailable, match=r"amq\.default"):
        messages.send("shop.image_ready", "shop", "msg_1", {})
    url = rabbitmq.virtual_host("hookline-meets-a-full-queue")
    messages = CeleryMessages(make_celery(parse_broker(url)))
    with declared(url, full):
        messages.send("shop.image_ready", "full", "msg_1", {})
        with pytest.raises(BrokerUnavailable, match="MessageNacked"):
            messages.send("shop.image_ready", "full", "msg_2", {})
    seen(
        case="a notification that RabbitMQ refuses: no right to publish, or the queue is full",
        server=rabbitmq.version,
        result="it counts as not delivered, and is tried again",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("guest:guest@", "guest:wrong@"), "Login was refused"),
        (("/no-such-host", "/no-such-host"), "vhost no-such-host not found"),
    ],
)
def test_a_user_or_virtual_host_that_is_unknown_is_a_wrong_setting(
    rabbitmq: servers.RabbitMQ, change: tuple[str, str], said: str
) -> None:
    url = f"{rabbitmq.url.removesuffix('//')}/no-such-host".replace(*change)
    with pytest.raises(SettingsError, match=said) as caught:
        prepare_broker(make_celery(parse_broker(url)), QUEUES.values())
    assert "HOOKLINE_BROKER_URL" in str(caught.value)
    assert "wrong" not in str(caught.value).replace("settings are wrong", "")


def test_a_queue_that_another_connection_keeps_to_itself_is_refused(virtual_host: str) -> None:
    app = make_celery(parse_broker(virtual_host))
    with (
        declared(virtual_host, Queue("hookline", exclusive=True)),
        pytest.raises(QueueRefused, match="'hookline' is another connection's own"),
    ):
        prepare_broker(app, QUEUES.values())


def test_the_door_is_created_with_priorities_if_they_are_set(virtual_host: str) -> None:
    app = make_celery(parse_broker(virtual_host), QueueRules(max_priority=7))
    prepare_broker(app, QUEUES.values())
    with declared(
        virtual_host, Queue("hookline", max_priority=7), Queue("hookline.wake")
    ) as sender:
        assert exists(sender, Queue("hookline")), "a sender with the same priorities is not refused"
    without = declared(virtual_host, Queue("hookline"))
    with pytest.raises(amqp.exceptions.PreconditionFailed, match="x-max-priority"), without:
        pytest.fail("the queue has no priorities")


def test_a_notification_uses_the_apps_queue_and_creates_none(
    rabbitmq: servers.RabbitMQ, virtual_host: str, seen: Seen
) -> None:
    messages = CeleryMessages(make_celery(parse_broker(virtual_host)))
    with declared(virtual_host) as connection:
        for _ in range(2):
            with pytest.raises(
                QueueRefused, match="RabbitMQ has no queue 'shop': start the program that reads"
            ):
                messages.send("shop.image_ready", "shop", "msg_1", {})
        assert not exists(connection, Queue("shop"))
        assert not exists(connection, Exchange("shop"))
    theirs = Queue(
        "shop", Exchange("shop", "topic"), "shop.#", queue_arguments={"x-queue-type": "quorum"}
    )
    with declared(virtual_host, theirs) as connection:
        messages.send("shop.image_ready", "shop", "msg_1", {})
        wait_for(lambda: waiting(connection, "shop") == 1, "the message")
        theirs(connection.default_channel).delete()
        with pytest.raises(QueueRefused):
            messages.send("shop.image_ready", "shop", "msg_2", {})
    seen(
        case="a notification to a quorum queue of the app, and to a queue that does not exist yet",
        server=rabbitmq.version,
        result="the first is used as it is; the second is not created, and tried again later",
    )
