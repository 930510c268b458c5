"""What a worker does with messages that are no task of ours: it keeps them as refused requests.

Celery's own consumer logs and drops most of them, but some messages that are no Celery task at all
end the worker, whose successor receives them again.
"""

import logging
from collections.abc import Callable
from typing import Any

import structlog
from celery import signals
from celery.worker.consumer import Consumer
from kombu import Message
from kombu.exceptions import ContentDisallowed

from worker.adapters.messaging.queues import OUR_OWN
from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.domain.refusals import RefusalReason, Sent
from worker.domain.requests.base import suggestion
from worker.services.refusals import Refusals

log = structlog.get_logger(__name__)
_celery_log = logging.getLogger(__name__)

#: What Celery raises for a message that is no task; not the errors of a broken connection.
_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
#: What is wrong with a message.
_FIELDS = {
    RefusalReason.UNREADABLE: "message",
    RefusalReason.UNKNOWN_TASK: "task",
    RefusalReason.EXPIRED: "expires",
}
_TASKS = tuple(f"hookline.{kind.value}" for kind in SUBMITTED_KINDS)


class RefusingConsumer(Consumer):
    """Keeps in ``refusals`` what it cannot run, and acknowledges it."""

    connection_errors: tuple[type[Exception], ...]  #: set by Celery, unknown to its stubs

    def __init__(self, refusals: Refusals, *args: Any, **options: Any) -> None:
        self.refusals = refusals
        super().__init__(*args, **options)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], object]:
        """Celery's own, which raises its reader's errors for what is no task."""
        handle = super().create_task_handler(*args, **options)

        def on_task_received(message: Message) -> None:
            try:
                handle(message)
            except _MALFORMED:
                self.on_unknown_message(None, message)

        return on_task_received

    def on_unknown_message(self, _body: Any, message: Message) -> None:
        """It has no task's form."""
        self._refuse(message, RefusalReason.UNREADABLE, "is not one that Celery sends for a task")

    def on_unknown_task(self, _body: Any, message: Message, _error: Exception) -> None:
        """It names a task that is not registered here."""
        problem = f"does not exist here; {suggestion(sent_of(message).task, _TASKS)}"
        self._refuse(message, RefusalReason.UNKNOWN_TASK, problem)

    def on_invalid_task(self, _body: Any, message: Message, error: Exception) -> None:
        """Its content type is not accepted, or a part of it is wrong."""
        self._refuse(message, RefusalReason.UNREADABLE, _problem(message, error))

    def on_decode_error(self, message: Message, error: Exception) -> None:
        """It cannot be unpacked or decoded."""
        self._refuse(message, RefusalReason.UNREADABLE, _problem(message, error))

    def _refuse(self, message: Message, reason: RefusalReason, problem: str) -> None:
        if message.acknowledged:
            return
        sent = sent_of(message)
        if message.delivery_info.get("routing_key") in OUR_OWN:
            log.error("wakeup.refused", task=sent.task, error=problem)
        else:
            _keep(self.refusals, sent, reason, problem)
        message.reject_log_error(_celery_log, self.connection_errors)


def keep_expired(refusals: Refusals) -> None:
    """Keep in ``refusals`` the requests whose ``expires`` passed while they waited."""

    def keep(sender: Any, request: Any, expired: bool, **_: Any) -> None:  # noqa: FBT001
        if expired and sender.name in _TASKS:
            sent = Sent(sender.name, request.id, request.origin or "", request.args, request.kwargs)
            _keep(
                refusals, sent, RefusalReason.EXPIRED, "had passed before a worker took the message"
            )

    signals.task_revoked.connect(keep, weak=False)


def sent_of(message: Message) -> Sent:
    """What of a message can be read, in either of Celery's protocols."""
    sent: Any = message.headers
    headers: dict[str, Any] = sent if isinstance(sent, dict) else {}
    args, kwargs = headers.get("argsrepr"), headers.get("kwargsrepr")
    match _payload(message):
        case dict() as body:
            headers = {**body, **headers}
            args, kwargs = body.get("args"), body.get("kwargs")
        case [args, kwargs, *_]:
            pass
    names = (headers.get(name) for name in ("task", "id", "origin"))
    task, message_id, origin = ("" if name is None else str(name) for name in names)
    return Sent(task, message_id, origin, args, kwargs)


def _payload(message: Message) -> Any:
    try:
        return message.payload
    except Exception:  # noqa: BLE001  # of whatever decodes it
        return None


def _problem(message: Message, error: Exception) -> str:
    if isinstance(error, ContentDisallowed):
        kind = message.content_type
        return f'has the content type {kind}; send it with `serializer="json"`'
    if message.errors:
        compression = message.headers.get("compression")
        return f"cannot be unpacked: its compression {compression} is not known here, or broken"
    return f"cannot be read ({type(error).__name__}: {error})"


def _keep(refusals: Refusals, sent: Sent, reason: RefusalReason, problem: str) -> None:
    try:
        refusals.keep(sent, InvalidRequest.of(_FIELDS[reason], problem), reason)
    except Exception:  # the worker must survive any message
        log.exception("task.refusal_not_kept", message_id=sent.message_id)
