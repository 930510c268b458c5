"""The Celery tasks: thin, with ids as arguments, idempotent; the sweep repeats lost ones."""

from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery, Task

from worker.adapters.messaging.queues import DOOR
from worker.bootstrap import Services
from worker.domain.errors import Conflict, InvalidRequest, ServiceUnavailable
from worker.domain.job_spec import SUBMITTED_KINDS, Kind

log = structlog.get_logger(__name__)

#: Seconds before a job's message is retried while Redis is away.
_TRY_AGAIN_S = 5


def register(celery: Celery, services: Services) -> None:
    """Register our own wake-ups, and a task per kind of job."""
    wakeups: dict[str, Callable[..., object]] = {
        "start": services.submitter.start_next,
        "ask": services.poller.poll,
        "check": services.poller.check,
        "store_assets": services.assets.store,
        "ask_seeds": services.seeds.ask,
        "read_ledger": services.ledgers.read,
        "choose": services.chooser.choose,
        "tidy": services.retention.tidy,
        "notify": services.notifier.send,
        "ping": services.roster.answer,
    }
    for name, do in wakeups.items():
        _register_wakeup(celery, name, do)
    for kind in SUBMITTED_KINDS:
        _register_kind(celery, services, kind)


def _register_wakeup(celery: Celery, name: str, do: Callable[..., object]) -> None:
    @celery.task(name=f"hookline.{name}", shared=False)
    def run(*args: Any) -> None:
        try:
            do(*args)
        except ServiceUnavailable as error:  # the sweep repeats it once Redis is back
            log.warning("task.left_to_sweep", task=name, error=str(error))


def _register_kind(celery: Celery, services: Services, kind: Kind) -> None:
    """``hookline.<kind>`` enqueues a job; its message is acknowledged once the job is stored."""

    @celery.task(
        name=f"hookline.{kind.value}",
        bind=True,
        shared=False,  # Celery would add it to every other app of this process
        acks_late=True,
        reject_on_worker_lost=True,
        max_retries=None,  # here, where it means no limit; given to `retry` it means the default
    )
    def submit(self: Task[..., None], /, job_key: str | None = None, **fields: Any) -> None:
        # A redelivered message has the same id, so it gives the same job.
        key = job_key or f"celery:{self.request.id}"
        try:
            services.enqueuer.submit({**fields, "kind": kind.value}, key=key, allow_paths=True)
        except (InvalidRequest, Conflict) as error:
            log.warning("task.request_refused", kind=kind.value, job_key=job_key, error=str(error))
        except ServiceUnavailable as error:
            # To our queue: an exchange may have given the message to others as well.
            raise self.retry(exc=error, countdown=_TRY_AGAIN_S, queue=DOOR) from error
