"""The Celery tasks: thin, ids as arguments, each safe to run twice or never."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery, Task

from worker.bootstrap import Services
from worker.domain.errors import Conflict, InvalidRequest, ServiceUnavailable
from worker.domain.job import SUBMITTED_KINDS, Kind

log = structlog.get_logger(__name__)

#: Seconds until a job handed in while Redis was away is offered again.
_TRY_AGAIN_S = 5


def register(celery: Celery, services: Services) -> None:
    """Add every task to ``celery``: our own wake-ups, and one door per kind of job."""

    @celery.task(name="hookline.start")
    def start(account: str) -> None:
        with _left_to_the_sweep():
            services.submitter.start_next(account)

    @celery.task(name="hookline.ask")
    def ask(account: str, job_ids: Sequence[str]) -> None:
        with _left_to_the_sweep():
            services.poller.poll(account, job_ids)

    @celery.task(name="hookline.store_assets")
    def store_assets(job_id: str) -> None:
        with _left_to_the_sweep():
            services.assets.store(job_id)

    @celery.task(name="hookline.ask_seeds")
    def ask_seeds(account: str, job_ids: Sequence[str]) -> None:
        with _left_to_the_sweep():
            services.seeds.ask(account, job_ids)

    @celery.task(name="hookline.choose")
    def choose(job_id: str) -> None:
        with _left_to_the_sweep():
            services.chooser.choose(job_id)

    @celery.task(name="hookline.tidy")
    def tidy() -> None:
        with _left_to_the_sweep():
            services.retention.tidy()

    @celery.task(name="hookline.notify")
    def notify(notification_id: str) -> None:
        with _left_to_the_sweep():
            services.notifier.send(notification_id)

    for kind in SUBMITTED_KINDS:
        _register_door(celery, services, kind)


@contextmanager
def _left_to_the_sweep() -> Iterator[None]:
    """What could not be done now is found again as soon as Redis answers."""
    try:
        yield
    except ServiceUnavailable as error:
        log.warning("task.left_to_sweep", error=str(error))


def _register_door(celery: Celery, services: Services, kind: Kind) -> None:
    """``hookline.<kind>``: hands a job in. The message is kept until the job is stored."""

    @celery.task(
        name=f"hookline.{kind.value}", bind=True, acks_late=True, reject_on_worker_lost=True
    )
    def hand_in(self: Task[..., None], /, job_key: str | None = None, **fields: Any) -> None:
        # A message that comes twice has the same id, so it gives the same job.
        key = job_key or f"celery:{self.request.id}"
        try:
            services.enqueuer.submit({**fields, "kind": kind.value}, key=key, allow_paths=True)
        except (InvalidRequest, Conflict) as error:
            log.warning("task.request_refused", kind=kind.value, job_key=job_key, error=str(error))
        except ServiceUnavailable as error:
            raise self.retry(exc=error, countdown=_TRY_AGAIN_S, max_retries=None) from error
