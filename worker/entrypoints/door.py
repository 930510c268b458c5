"""The Celery door: a task ``hookline.<kind>`` for each kind of job, for other programs.

A task returns the id of its job, which ``link`` and the next of a chain receive. Its message is
acknowledged once the job is stored or its refusal is kept; while Redis is away it is sent again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from celery import Celery, Task
from celery.app.task import Context
from celery.exceptions import Reject

from config.logger import get_logger
from worker.adapters.messaging.envelopes import destinations_of
from worker.adapters.messaging.names import DOOR
from worker.bootstrap import Services
from worker.domain.access import OPERATOR
from worker.domain.destinations import reserved
from worker.domain.errors import FieldError, HooklineError, InvalidRequest
from worker.domain.job_spec import SUBMITTED_KINDS, Kind
from worker.domain.refusals import Sent
from worker.domain.requests.texts import parse_key
from worker.domain.tracing import read_traceparent

log = get_logger(__name__)

#: Seconds before a message is tried again while Redis is away.
_TRY_AGAIN_S = 5

_NO_ARGS = (
    "must be empty: Hookline's tasks take keyword arguments only. A chain, a chord or `link` puts "
    "the result before it there: write `.si(...)` or `immutable=True` instead of `.s(...)`"
)
_NO_CHORD = (
    "waits for results, which Hookline does not store, so its body would never run: let `notify` "
    "name a task of yours, or submit a batch"
)


def register_kinds(celery: Celery, services: Services) -> None:
    """Register a task for each kind of job."""
    for kind in SUBMITTED_KINDS:
        _register_kind(celery, services, kind)


def _register_kind(celery: Celery, services: Services, kind: Kind) -> None:
    @celery.task(
        name=f"hookline.{kind.value}",
        bind=True,
        shared=False,  # not for other Celery apps of this process
        acks_late=True,
        reject_on_worker_lost=True,
        max_retries=None,  # of a task, this means without end; of a call of retry(), the default
        throws=(HooklineError,),  # not worth a traceback
    )
    def submit(self: Task[..., str], /, *args: Any, **fields: Any) -> str:
        asked = self.request
        sent = Sent(self.name, asked.id or "", asked.origin or "", args, fields)
        misuses = [*_misuses_of_celery(asked), *_misuses(kind, sent)]
        try:
            return _take(services, kind, sent, misuses, asked.get("traceparent"))
        except HooklineError as error:
            if error.retryable:
                _send_again(self, error)
            raise


def _take(
    services: Services, kind: Kind, sent: Sent, misuses: Sequence[FieldError], header: object
) -> str:
    """Enqueue the job and return its id, or keep the refusal and raise it.

    Raising makes Celery start ``link_error`` instead of ``link`` and the rest of a chain.
    """
    try:
        return _enqueue(services, kind, sent, misuses, read_traceparent(header))
    except Exception as error:
        if not (isinstance(error, HooklineError) and error.retryable):
            services.refusals.keep(sent, error)
        raise


def _enqueue(
    services: Services,
    kind: Kind,
    sent: Sent,
    misuses: Sequence[FieldError],
    traceparent: str | None,
) -> str:
    if misuses:
        raise InvalidRequest(misuses)
    fields = {**sent.fields, "kind": kind.value}
    # A message that is delivered again has the same id, so it gives the same job.
    key = f"celery:{sent.message_id}"
    if "job_key" in fields:
        key = parse_key(fields.pop("job_key"), "job_key")
    enqueuer = services.enqueuer.acting_for(replace(OPERATOR, traceparent=traceparent))
    return enqueuer.submit(fields, key=key, allow_paths=True)[0].id


def _misuses_of_celery(asked: Context) -> Iterator[FieldError]:
    if asked.chord is not None:
        yield FieldError("chord", _NO_CHORD)
    following = {"link": asked.callbacks, "link_error": asked.errbacks, "chain": asked.chain}
    for field, signatures in following.items():
        for name in destinations_of(signatures):
            if name != DOOR and (why := reserved(name)):
                yield FieldError(field, f"would send to {name!r}, which {why}")


def _misuses(kind: Kind, sent: Sent) -> Iterator[FieldError]:
    if sent.args:
        yield FieldError("args", _NO_ARGS)
    if sent.fields.get("kind", kind.value) != kind.value:
        yield FieldError("kind", f"is the task's name here, {kind.value}: leave it out")


def _send_again(task: Task[..., str], error: HooklineError) -> NoReturn:
    log.warning("task.sent_again", task=task.name, message_id=task.request.id, error=str(error))
    try:
        # To our queue: an exchange may have given the message to others as well.
        raise task.retry(exc=error, countdown=_TRY_AGAIN_S, queue=DOOR)
    except Reject:  # the broker is away as well: the message is to stay there
        raise Reject(error, requeue=True) from None
