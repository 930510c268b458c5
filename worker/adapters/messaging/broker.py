"""Celery's side of the broker: the app's configuration, and how its messages are sent.

A message is only a wake-up, so the configuration favours speed over durability: early ack, no
result backend, no ETA. Gossip, mingle, Celery's heartbeat and remote control are off: with them, a
worker with work in flight exits when Redis restarts (measured with Celery 5.7 and kombu 5.7).
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from celery import Celery
from kombu import Connection, Producer
from kombu.transport import pyamqp

from config.broker_options import RABBITMQ
from config.broker_urls import Broker
from worker.adapters.messaging.own_celery import OwnCelery
from worker.adapters.messaging.queues import AsTheyAre, QueueRules, in_words, our_queues
from worker.domain.destinations import DEFAULT_QUEUE
from worker.domain.errors import BrokerUnavailable, QueueRefused

#: kombu keeps what was delivered and not acknowledged in three keys, and all apps of a database
#: that share them share the shortest `visibility_timeout`: so ours have names of their own.
OWN_KEYS = {
    "unacked_key": "hookline.unacked",
    "unacked_index_key": "hookline.unacked_index",
    "unacked_mutex_key": "hookline.unacked_mutex",
}
#: RabbitMQ says when it has a message; otherwise one that it refuses would be lost unnoticed. A
#: sender tries each node once, without a pause, and stops at one that does not answer.
_ON_RABBITMQ = {"confirm_publish": True, "interval_start": 0, "connect_retries_timeout": 1}
#: Seconds that this may take: it takes no messages while it is short of memory or disk.
_CONFIRMED_S = 3.0
#: Seconds in which a node must answer, and in which one of all nodes must answer a ping.
_ANSWERS_S = 3
#: Seconds until a ping that no worker took is dropped: long, because clocks may differ.
_PING_S = 86_400
#: Firewalls forget a connection that is idle for some minutes, and Linux asks after two hours.
#: These are what the store's driver has by default.
_KEEPALIVE = {
    getattr(socket, name): seconds
    for name, seconds in {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}.items()
    if hasattr(socket, name)
}
#: RabbitMQ's heartbeat, in seconds: two that are missing, and a worker connects again.
_HEARTBEAT_S = 10
_ON_REDIS = {
    **OWN_KEYS,
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 3,
    "socket_connect_timeout": 3,
    "connect_retries_timeout": 1,  # so that who sends waits for one try, not for two and a pause
    "socket_keepalive": True,
    "socket_keepalive_options": _KEEPALIVE,
    "health_check_interval": 5,  # a worker that waits for messages sees a silence within two
}


def make_celery(broker: Broker, rules: QueueRules | None = None) -> Celery:
    """The configured Celery app, without tasks and not connected."""
    usual: dict[str, Any] = _ON_REDIS
    if broker.url.partition("://")[0] in RABBITMQ:
        usual = {**_ON_RABBITMQ, "max_retries": _nodes(broker.url) - 1}
    app = OwnCelery("hookline", broker.url, amqp=AsTheyAre)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=DEFAULT_QUEUE,  # for a `link` without a queue; ours are named
        task_default_exchange="",
        task_queues=our_queues(rules or QueueRules()),
        task_serializer="json",
        accept_content=["json"],
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_soft_shutdown_timeout=0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=_ANSWERS_S,
        broker_pool_acquire_timeout=5,
        broker_heartbeat=_HEARTBEAT_S,
        broker_use_ssl=broker.use_ssl or False,
        broker_transport_options={**usual, **broker.options},
    )
    return app


class CeleryMessages:
    """``worker.services.notify.Messages``: tasks of other programs, by name."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(
        self,
        task: str,
        queue: str | None,
        message_id: str,
        event: Mapping[str, Any],
        headers: Mapping[str, str] = {},
    ) -> None:
        queue, more = queue or DEFAULT_QUEUE, {"headers": dict(headers)} if headers else {}
        send(self._app, task, queue, kwargs={"event": event}, task_id=message_id, **more)


def send_ping(app: Celery, trip: str, queue: str) -> None:
    """Send a message of a round trip: the worker that takes it says so in the job store.

    Raises ``BrokerUnavailable`` and ``QueueRefused``.
    """
    send(app, "hookline.ping", queue, args=(trip, queue), expires=_PING_S)


def send(app: Celery, task: str, queue: str, **message: Any) -> None:
    """Send a Celery task. Raises ``BrokerUnavailable`` and ``QueueRefused``."""
    options = {"ignore_result": True, "confirm_timeout": _CONFIRMED_S, **message}
    try:
        with app.producer_or_acquire() as producer, _left_if_it_fails(producer):
            app.send_task(task, queue=queue, producer=producer, **options)
    except QueueRefused:
        raise
    except Exception as error:  # kombu raises the errors of many drivers
        if "WRONGTYPE" in str(error):
            raise QueueRefused(
                f"Redis has something else than a queue under the name {queue!r}: name another one"
            ) from error
        raise BrokerUnavailable(f"the broker fails: {in_words(error)}") from error


@contextmanager
def _left_if_it_fails(producer: Producer) -> Iterator[None]:
    """After a failure the next sender gets another connection, to the next node if there is one.

    RabbitMQ's would be used again, and be as silent as it was, if something between us and it (a
    firewall, a load balancer) forgot it; so would be its node, if that lost its power, or is cut
    off from the others. Redis's driver leaves a connection by itself.
    """
    try:
        yield
    except QueueRefused:
        raise
    except Exception:
        connection = producer.connection
        if connection and isinstance(connection.transport, pyamqp.Transport):
            connection.collect()  # without a farewell, which would wait for an answer
            connection.maybe_switch_next()
        raise


def waiting(app: Celery, queue: str) -> int:
    """How many messages wait in the queue; 0 if it is missing. Raises ``BrokerUnavailable``."""
    try:
        with connection_of(app) as connection:
            reach(connection)
            channel: Any = connection.default_channel
            try:
                found = channel.queue_declare(queue, passive=True)
            except connection.channel_errors:
                return 0
            return int(found.message_count)
    except Exception as error:  # kombu raises the errors of many drivers
        raise BrokerUnavailable(f"the broker fails: {in_words(error)}") from error


def ping(app: Celery) -> None:
    """Raise ``BrokerUnavailable`` unless the broker, or one of its nodes, answers in 3 seconds."""
    try:
        with connection_of(app) as connection:
            reach(connection)
    except Exception as error:  # kombu raises the errors of many drivers
        raise BrokerUnavailable(f"The broker does not answer: {error}") from error


def connection_of(app: Celery) -> Connection:
    """A connection for a question, not connected: its nodes have three seconds together."""
    nodes = _nodes(app.conf.broker_url)
    return app.connection_for_write(connect_timeout=_ANSWERS_S / nodes)


def reach(connection: Connection) -> None:
    """Connect to the first node that answers. Raises the errors of many drivers."""
    nodes = len(connection.alt) or 1
    connection.ensure_connection(max_retries=nodes, interval_start=0, timeout=_ANSWERS_S)


def _nodes(url: str) -> int:
    return url.count(";") + 1
