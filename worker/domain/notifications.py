"""PURE. Telling the caller's program what became of its jobs: when, whom, and what after a failure.

A notification is written in the same commit as the change that it tells of, and is sent until the
receiver took it: at least once, under one id. Notifications of one pipeline go out one after the
other, so that no end overtakes what came before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from worker.domain.job import Job, Notify, Status

#: Seconds from one try to the next, as Svix has them (https://docs.svix.com/retries); after the
#: last a notification is a dead letter.
RETRY_AFTER_S = (5, 300, 1800, 7200, 18000, 36000, 36000)
#: News of progress are told at most this often for one job, in seconds.
PROGRESS_EVERY_S = 1.0


class Topic(StrEnum):
    """What a notification tells of; Standard Webhooks calls it the type."""

    JOB_PROGRESS = "job.progress"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"  #: or cancelled, or timed out: the job's status says
    PIPELINE_FINISHED = "pipeline.finished"  #: all of its jobs are over, and their files are stored
    BATCH_FINISHED = "batch.finished"  #: the same of all of its pipelines


#: What a job's caller is told who did not say; of a batch it is its end.
DEFAULT_TOPICS = (Topic.PIPELINE_FINISHED.value,)
DEFAULT_BATCH_TOPICS = (Topic.BATCH_FINISHED.value,)


class DeliveryState(StrEnum):
    """What became of a notification."""

    WAITING = "waiting"  #: for its first try, the next one, or those before it
    DELIVERED = "delivered"
    DEAD = "dead"  #: given up; it can be replayed


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt to deliver. ``outcome`` in words: ``200``, ``redirects``, ``timed out`` ..."""

    at: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that a caller's program shall hear of. Times are seconds since the epoch."""

    id: str  #: the ``webhook-id``: the same for every try
    topic: str
    subject: str  #: id of the job, pipeline or batch that it is about
    #: Those of one key are sent in order: a pipeline's id, or a batch's. Stored as ``line``.
    ordering_key: Annotated[str, Field(alias="line")]
    target: Notify
    created_at: float
    version: int = 0  #: counts changes; 0 = never stored
    state: DeliveryState = DeliveryState.WAITING
    failures: int = 0  #: since it was made, or replayed
    tries: tuple[Try, ...] = ()  #: the last ones
    #: When it is to be tried, once it is the first of its ordering key; None: no more.
    due_at: float | None = None


@dataclass(frozen=True, slots=True)
class Outbox:
    """What a commit adds: ``told`` of the job's change; ``finished`` if its pipeline ends by it."""

    told: tuple[Notification, ...] = ()
    finished: Notification | None = None


#: Nothing is to be told.
NOTHING = Outbox()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try failed. ``final``: the receiver wants no more of it."""

    reason: str
    final: bool = False


def announce(before: Job, job: Job, target: Notify | None, now: float) -> tuple[Job, Outbox]:
    """What is to be told of a change of a job; the job, which remembers when it told of progress.

    The ids are made of what they tell, so that a decision made twice is told once.
    """
    if target is None:
        return job, NOTHING

    def made(topic: Topic, subject: str) -> Notification:
        number = f"{job.id}-{job.version + 1}-{topic.value.replace('.', '-')}"
        return Notification(
            f"msg_{number}", topic.value, subject, job.spec.pipeline_id, target, now, due_at=now
        )

    topics = [topic for topic in _topics(before, job, now) if topic.value in target.topics]
    if Topic.JOB_PROGRESS in topics:
        job = replace(job, told_at=now)
    told = tuple(made(topic, job.id) for topic in topics)
    ends = job.settled and Topic.PIPELINE_FINISHED.value in target.topics
    return job, Outbox(told, made(Topic.PIPELINE_FINISHED, job.spec.pipeline_id) if ends else None)


def end_of_batch(batch_id: str, target: Notify) -> Notification:
    """The pattern of what is told of a batch: the store adds number and time at each end."""
    return Notification(
        f"msg_{batch_id}", Topic.BATCH_FINISHED.value, batch_id, batch_id, target, 0
    )


def delivered(one: Notification, now: float, outcome: str) -> Notification:
    """The receiver took it."""
    return replace(_tried(one, now, outcome), state=DeliveryState.DELIVERED, due_at=None)


def failed(one: Notification, now: float, failure: Failure) -> Notification:
    """Tried again later, or given up. News of progress are soon out of date: tried once."""
    tried = _tried(one, now, failure.reason)
    tried = replace(tried, failures=one.failures + 1)
    over = one.failures >= len(RETRY_AFTER_S) or one.topic == Topic.JOB_PROGRESS
    if failure.final or over:
        return replace(tried, state=DeliveryState.DEAD, due_at=None)
    return replace(tried, due_at=now + RETRY_AFTER_S[one.failures])


def replayed(one: Notification, now: float) -> Notification:
    """Once more from the start, whatever became of it."""
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
    """Where it goes, as far as limits are concerned: a URL's host, or a queue of Celery's."""
    if target.url:
        return urlsplit(target.url).hostname or ""
    return f"queue {target.queue or 'celery'}"
