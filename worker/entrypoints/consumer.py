"""What a worker does with messages that are no task of ours: it keeps them as refused requests.

Celery's own consumer logs and drops most of them, but some messages that are no Celery task at all
end the worker, whose successor receives them again.
"""

import logging
import reprlib
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import signals
from celery.worker.consumer import Consumer
from kombu import Message
from kombu.exceptions import ContentDisallowed, DecodeError

from config.logger import get_logger
from worker.adapters.messaging.envelopes import problem_of
from worker.adapters.messaging.names import OUR_OWN
from worker.domain.errors import HooklineError, InvalidRequest
from worker.domain.job_spec import SUBMITTED_KINDS
from worker.domain.refusals import RefusalReason, Sent
from worker.domain.requests.base import suggestion
from worker.services.refusals import Refusals

log = get_logger(__name__)
_celery_log = logging.getLogger(__name__)

#: What reading a message raises that is wrong, such as a date before the first of all days; not the
#: errors of a broken connection.
_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
#: What is wrong with a message.
_FIELDS = {
    RefusalReason.UNREADABLE: "message",
    RefusalReason.UNKNOWN_TASK: "task",
    RefusalReason.EXPIRED: "expires",
}
#: A broker that is away is asked again after two seconds, later after so many more.
_LONGER_S = 2.0
#: Characters of a name that are kept.
_NAME = 255
_TASKS = tuple(f"hookline.{kind.value}" for kind in SUBMITTED_KINDS)


class RefusingConsumer(Consumer):
    """Keeps in ``refusals`` what it cannot run, and acknowledges it."""

    #: Set by Celery, unknown to its stubs.
    connection_errors: tuple[type[Exception], ...]
    strategies: dict[str, Any]

    def __init__(self, refusals: Refusals, *args: Any, **options: Any) -> None:
        self.refusals = refusals
        super().__init__(*args, **options)

    def ensure_connected(self, conn: Any) -> Any:
        """Celery's own, which asks a broker that is away ever more rarely: twice a minute."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=_LONGER_S)
        return super().ensure_connected(conn)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], object]:
        """Celery's own, for messages that are a task."""
        handle = super().create_task_handler(*args, **options)

        def on_task_received(message: Message) -> None:
            try:
                if problem := problem_of(message):
                    self._refuse(message, RefusalReason.UNREADABLE, problem)
                else:
                    handle(message)
            except (DecodeError, ContentDisallowed, *_MALFORMED) as error:
                self.on_decode_error(message, error)

        return on_task_received

    def update_strategies(self) -> None:
        """Celery's own, without tasks such as `celery.map`, which run others, or for ever."""
        super().update_strategies()
        for name in [name for name in self.strategies if not name.startswith("hookline.")]:
            del self.strategies[name]

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
        try:
            self._keep(message, reason, problem)
        except Exception:  # the worker must survive any message
            log.exception("task.refusal_not_kept")
        message.reject_log_error(_celery_log, self.connection_errors)

    def _keep(self, message: Message, reason: RefusalReason, problem: str) -> None:
        sent = sent_of(message)
        queue = message.delivery_info.get("routing_key")
        if queue not in OUR_OWN:
            _keep(self.refusals, sent, reason, problem)
        elif reason is RefusalReason.UNKNOWN_TASK and sent.task.startswith("hookline."):
            # A newer version's wake-up, during a rolling upgrade.
            log.error("wakeup.refused", task=sent.task, error=problem)
        else:
            _keep(self.refusals, sent, reason, f"{problem} (in our queue {queue})")


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
    task, message_id, origin = map(_name, names)
    return Sent(task, message_id, origin, args, kwargs)


def _name(value: Any) -> str:
    if value is None:
        return ""
    # Others may be too deep to be written out.
    return value[:_NAME] if isinstance(value, str) else reprlib.repr(value)


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
        compression = _name(message.headers.get("compression"))
        return f"cannot be unpacked: its compression {compression} is not known here, or broken"
    return f"cannot be read ({type(error).__name__}: {error})"


def _keep(refusals: Refusals, sent: Sent, reason: RefusalReason, problem: str) -> None:
    try:
        refusals.keep(sent, InvalidRequest.of(_FIELDS[reason], problem), reason)
    except HooklineError as error:
        log.warning("task.refusal_not_kept", message_id=sent.message_id, error=str(error))
