"""Celery's side of the broker: the app's configuration, and wake-ups sent as Celery messages.

A message is only a wake-up, so the configuration favours speed over durability: early ack, no
result backend, no ETA. Gossip, mingle, heartbeat and remote control are off: with them, a worker
with work in flight exits when Redis restarts (measured with Celery 5.7 and kombu 5.7).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from celery import Celery
from kombu import Queue

from config.broker_urls import Broker
from worker.domain.errors import BrokerUnavailable

log = structlog.get_logger(__name__)

#: Separate queues, so that a flood in one does not delay the others.
#: DOOR: jobs from other programs.
DOOR = "hookline"
WAKE = "hookline.wake"
FILES = "hookline.files"
NOTIFY = "hookline.notify"
#: Those that only Hookline sends to.
OUR_OWN = frozenset({WAKE, FILES, NOTIFY})
#: Celery's default queue, for tasks without a queue.
_THEIR_DEFAULT = "celery"
#: By their names in `hookline worker --queues`.
QUEUES = {"wake": WAKE, "door": DOOR, "files": FILES, "notify": NOTIFY}


def make_celery(broker: Broker) -> Celery:
    """The configured Celery app, without tasks and not connected."""
    app = Celery("hookline", broker=broker.url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=_THEIR_DEFAULT,  # for a `link` without a queue; ours are named
        task_queues=tuple(map(Queue, QUEUES.values())),
        task_create_missing_queues=True,
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
        broker_pool_acquire_timeout=5,
        broker_use_ssl=broker.use_ssl or False,
        broker_transport_options={
            "visibility_timeout": 300,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 10,
            **broker.options,
        },
    )
    return app


class CeleryWakeups:
    """``worker.domain.wakeups.Wakeups`` as Celery messages."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def start(self, account: str, count: int) -> None:
        for _ in range(count):
            self._send("hookline.start", account)

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        self._send("hookline.ask", account, list(job_ids))

    def check(self, account: str) -> None:
        self._send("hookline.check", account)

    def store_assets(self, job_id: str) -> None:
        self._send("hookline.store_assets", job_id, queue=FILES)

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None:
        self._send("hookline.ask_seeds", account, list(job_ids))

    def read_ledger(self, account: str) -> None:
        self._send("hookline.read_ledger", account)

    def choose(self, job_id: str) -> None:
        self._send("hookline.choose", job_id)

    def tidy(self) -> None:
        self._send("hookline.tidy")

    def notify(self, notification_id: str) -> None:
        self._send("hookline.notify", notification_id, queue=NOTIFY)

    def _send(self, task: str, *args: Any, queue: str = WAKE) -> None:
        try:
            self._app.send_task(task, args=args, queue=queue, ignore_result=True)
        except Exception as error:  # noqa: BLE001 - kombu raises the errors of many drivers
            log.warning("wakeup.not_sent", task=task, error=str(error))


class CeleryMessages:
    """``worker.services.notify.Messages``: tasks of other programs, by name."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, task: str, queue: str | None, message_id: str, event: Mapping[str, Any]) -> None:
        try:
            self._app.send_task(
                task,
                kwargs={"event": event},
                queue=queue or _THEIR_DEFAULT,
                task_id=message_id,
                ignore_result=True,
            )
        except Exception as error:  # kombu raises the errors of many drivers
            # The type only: the message may contain the broker's address.
            raise BrokerUnavailable(f"the broker fails: {type(error).__name__}") from error


def ping(app: Celery) -> None:
    """Raise ``BrokerUnavailable`` unless the broker answers within 3 seconds."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except Exception as error:  # kombu raises the errors of many drivers
        raise BrokerUnavailable(f"The broker does not answer: {error}") from error
