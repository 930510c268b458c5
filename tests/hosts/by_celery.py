"""Jobs that another program sends as Celery tasks, each until RabbitMQ has confirmed it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from tests.chaos.load import FOLLOW_UPS
from tests.chaos.waiting import pause
from worker.domain.access import OPERATOR
from worker.domain.job_ids import job_id_of

_QUEUE = Queue("hookline", Exchange(""), "hookline", queue_arguments={"x-queue-type": "quorum"})
_ROUTE: dict[str, Any] = {"queue": _QUEUE}
_TRY_AGAIN_S = 0.5
#: A server without power answers nothing: the message is sent again over another connection.
_OPTIONS = {"confirm_publish": True, "connect_timeout": 5, "read_timeout": 5, "write_timeout": 5}


def send_all(broker: str, name: str, pipelines: int) -> list[str]:
    """Send so many pipelines; the ids that their jobs must have."""
    with _sender(broker) as app:
        return [_send(app, f"{name}-{number}") for number in range(pipelines)]


def _send(app: Celery, key: str) -> str:
    fields: dict[str, Any] = {
        "prompt": f"a lighthouse, study {key}",
        "then": list(FOLLOW_UPS),
        "job_key": key,
    }
    while True:
        try:
            app.send_task("hookline.imagine", kwargs=fields, **_ROUTE)
        except (OperationalError, OSError):
            pause(_TRY_AGAIN_S)  # it may have arrived: the key makes the repeat harmless
        else:
            return job_id_of(*OPERATOR.key("key", key))


@contextmanager
def _sender(broker: str) -> Iterator[Celery]:
    app = Celery("shop", broker=broker, set_as_current=False)
    app.conf.update(broker_transport_options=_OPTIONS)
    try:
        yield app
    finally:
        app.close()
