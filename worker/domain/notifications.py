"""PURE. Notifications to the caller's program: which change sends one, to whom, and the retries.

A notification is written in the same commit as the change that it reports. It is delivered at least
once, with one id for all tries. Those of a pipeline are sent in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from worker.domain.alerts import Alert
from worker.domain.destinations import DEFAULT_QUEUE
from worker.domain.job import Job, Status, changed
from worker.domain.job_spec import Notify

#: Seconds between tries, as in https://docs.svix.com/retries; after the last one it is dead.
RETRY_AFTER_S = (5, 300, 1800, 7200, 18000, 36000, 36000)
#: Shortest time between two progress notifications of one job, in seconds.
PROGRESS_EVERY_S = 1.0


class Topic(StrEnum):
    """What a notification reports: the ``type`` of Standard Webhooks."""

    JOB_PROGRESS = "job.progress"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"  #: or cancelled, or timed out: see the job's status
    PIPELINE_FINISHED = "pipeline.finished"  #: all of its jobs are settled
    BATCH_FINISHED = "batch.finished"  #: all of its pipelines are
    REQUEST_REFUSED = "request.refused"  #: sent as a Celery task; see ``worker.domain.refusals``
    # Of the installation, for who runs it: see ``worker.domain.alerts``.
    ALERT_ACCOUNT_CLOSED = "alert.account_closed"
    ALERT_OLD_DOUBT = "alert.old_doubt"
    ALERT_BUDGET_LOW = "alert.budget_low"
    ALERT_DOUBLE_PAYMENT = "alert.double_payment"
    ALERT_NO_WORKER = "alert.no_worker"


#: Alerts, which the operator subscribes to.
ALERTS = tuple(topic.value for topic in Topic if topic.value.startswith("alert."))
#: The topics that a batch may ask for, and a job.
BATCH_TOPICS = tuple(
    topic.value for topic in Topic if topic not in {*ALERTS, Topic.REQUEST_REFUSED.value}
)
JOB_TOPICS = tuple(topic for topic in BATCH_TOPICS if topic != Topic.BATCH_FINISHED)
#: The topics of a job or batch whose caller named none.
DEFAULT_TOPICS = (Topic.PIPELINE_FINISHED.value,)
DEFAULT_BATCH_TOPICS = (Topic.BATCH_FINISHED.value,)


class DeliveryState(StrEnum):
    """The state of a notification."""

    WAITING = "waiting"  #: for its next try, or for those before it
    DELIVERED = "delivered"
    DEAD = "dead"  #: given up; can be replayed


@dataclass(frozen=True, slots=True)
class Try:
    """One try to deliver. ``outcome`` is for people: ``200``, ``redirects``, ``timed out`` ..."""

    at: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to a caller's program. Times are seconds since the epoch."""

    id: str  #: the ``webhook-id``
    topic: str
    subject: str  #: id of the job, pipeline, batch or refusal; what an alert is about
    #: Id of the pipeline, batch or refusal, or the alert: those with one key are sent in order.
    #: Stored as ``line``.
    ordering_key: Annotated[str, Field(alias="line")]
    target: Notify
    created_at: float
    version: int = 0  #: counts changes; 0 = never stored
    state: DeliveryState = DeliveryState.WAITING
    failures: int = 0  #: since it was created or replayed
    tries: tuple[Try, ...] = ()  #: the last ones
    due_at: float | None = None  #: of the next try, once it is the first of its ordering key
    #: Who sees the delivery: the tenant that named the target; empty: the operator.
    tenant: str = ""
    alert: Alert | None = None  #: what an alert says; all others are told from the records


@dataclass(frozen=True, slots=True)
class Outbox:
    """The notifications of a commit. ``finished`` is sent only if the commit ends the pipeline."""

    told: tuple[Notification, ...] = ()
    finished: Notification | None = None


NOTHING = Outbox()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try failed. ``final``: do not retry."""

    reason: str
    final: bool = False


def announce(before: Job, job: Job, target: Notify | None, now: float) -> tuple[Job, Outbox]:
    """The notifications of a job's change, and the job with the time of its progress notification.

    The ids are deterministic, so that a change decided twice is notified once.
    """
    if target is None:
        return job, NOTHING

    def made(topic: Topic, subject: str) -> Notification:
        number = f"{job.id}-{job.version + 1}-{topic.value.replace('.', '-')}"
        return Notification(
            f"msg_{number}",
            topic.value,
            subject,
            job.spec.pipeline_id,
            target,
            now,
            due_at=now,
            tenant=job.options.tenant if target == job.options.notify else "",
        )

    topics = [topic for topic in _topics(before, job, now) if topic.value in target.topics]
    if Topic.JOB_PROGRESS in topics:
        job = changed(job, told_at=now)
    told = tuple(made(topic, job.id) for topic in topics)
    ends = job.settled and Topic.PIPELINE_FINISHED.value in target.topics
    return job, Outbox(told, made(Topic.PIPELINE_FINISHED, job.spec.pipeline_id) if ends else None)


def end_of_batch(batch_id: str, target: Notify, tenant: str = "") -> Notification:
    """The template of a batch's notification; the store adds number and time at each end."""
    return Notification(
        f"msg_{batch_id}", Topic.BATCH_FINISHED.value, batch_id, batch_id, target, 0, tenant=tenant
    )


def of_alert(alert: Alert, target: Notify, now: float) -> Notification:
    """The notification of an alert. The end of a trouble is sent after its beginning."""
    key = f"{alert.kind}:{alert.about}"
    name = "".join(char if char.isalnum() else "-" for char in key)
    number = f"{name}-{round(alert.since * 1000)}-{alert.state}"
    topic = f"alert.{alert.kind}"
    return Notification(
        f"msg_alert-{number}", topic, key, f"alert-{key}", target, now, due_at=now, alert=alert
    )


def delivered(one: Notification, now: float, outcome: str) -> Notification:
    """Delivered."""
    return replace(_tried(one, now, outcome), state=DeliveryState.DELIVERED, due_at=None)


def failed(one: Notification, now: float, failure: Failure) -> Notification:
    """Retried later, or dead. Progress is soon out of date, so it is tried only once."""
    tried = _tried(one, now, failure.reason)
    tried = replace(tried, failures=one.failures + 1)
    over = one.failures >= len(RETRY_AFTER_S) or one.topic == Topic.JOB_PROGRESS
    if failure.final or over:
        return replace(tried, state=DeliveryState.DEAD, due_at=None)
    return replace(tried, due_at=now + RETRY_AFTER_S[one.failures])


def replayed(one: Notification, now: float) -> Notification:
    """Requeued, even if it was delivered or is dead."""
    return replace(one, state=DeliveryState.WAITING, failures=0, due_at=now)


def _tried(one: Notification, now: float, outcome: str) -> Notification:
    return replace(one, tries=(*one.tries, Try(now, outcome))[-2 * len(RETRY_AFTER_S) :])


def _topics(before: Job, job: Job, now: float) -> Iterator[Topic]:
    if job.status.terminal and not before.status.terminal:
        yield Topic.JOB_SUCCEEDED if job.status is Status.SUCCEEDED else Topic.JOB_FAILED
    moved = not job.status.terminal and job.progress not in (None, before.progress)
    if moved and now - (before.told_at or 0.0) >= PROGRESS_EVERY_S:
        yield Topic.JOB_PROGRESS


def destination_of(target: Notify) -> str:
    """What rate limits apply to: the URL's host, or the Celery queue."""
    if target.url:
        return urlsplit(target.url).hostname or ""
    return f"queue {target.queue or DEFAULT_QUEUE}"
