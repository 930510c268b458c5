"""PURE. The bodies of notifications, in the form that Standard Webhooks recommends; deliveries."""

from typing import Any, Literal, Self

from pydantic import Field

from worker.domain.alerts import AlertKind, AlertState
from worker.domain.notifications import DeliveryState, Notification, Topic
from worker.services.reports.answers.base import Answer, Time
from worker.services.reports.answers.batches import Batch
from worker.services.reports.answers.jobs import Job, Target, ToldPipeline
from worker.services.reports.answers.refusals import Refused


class Message(Answer):
    """An event; ``data`` is the state of its subject when this was sent."""

    type: Topic
    timestamp: Time = Field(description="when it happened")
    data: Any

    @classmethod
    def of(cls, one: Notification, data: Answer) -> Self:
        """The body of the notification, with ``data``."""
        return cls(type=Topic(one.topic), timestamp=one.created_at, data=data)


class JobMessage(Message):
    """A change of a job; ``data`` is the job when this was sent."""

    type: Literal[Topic.JOB_PROGRESS, Topic.JOB_SUCCEEDED, Topic.JOB_FAILED]
    data: Job


class PipelineMessage(Message):
    """A job and its descendants are over, their files stored or failed for good."""

    type: Literal[Topic.PIPELINE_FINISHED]
    data: ToldPipeline


class BatchMessage(Message):
    """All jobs of a batch are over, their files stored or failed for good."""

    type: Literal[Topic.BATCH_FINISHED]
    data: Batch


class RefusedMessage(Message):
    """A request that was sent as a Celery task was refused."""

    type: Literal[Topic.REQUEST_REFUSED]
    data: Refused


class Alert(Answer):
    """Something that needs a person, when it began and when it ended."""

    kind: AlertKind
    about: str = Field(description="the account, or the budget's scope; empty: all of it")
    state: AlertState
    since: Time
    until: Time | None = Field(description="null: it lasts")
    message: str
    advice: str = Field(description="what to do about it")


class AlertMessage(Message):
    """Something that needs a person began, or ended; see HOOKLINE_ALERT_URL."""

    type: Literal[
        Topic.ALERT_ACCOUNT_CLOSED,
        Topic.ALERT_OLD_DOUBT,
        Topic.ALERT_BUDGET_LOW,
        Topic.ALERT_DOUBLE_PAYMENT,
        Topic.ALERT_NO_WORKER,
    ]
    data: Alert


class Try(Answer):
    """One attempt to deliver."""

    at: Time
    outcome: str = Field(description="the response's status, or what went wrong")


class Delivery(Answer):
    """A notification to a caller's program, and its outcome."""

    id: str = Field(description="the `webhook-id`, the same for every try")
    topic: Topic
    subject: str = Field(
        description="id of the job, pipeline, batch or refusal, or what an alert is about"
    )
    target: Target
    state: DeliveryState
    created_at: Time
    due_at: Time | None = Field(description="of the next try, once earlier deliveries are over")
    failures: int = Field(description="since it was created or replayed")
    tries: tuple[Try, ...] = Field(description="the last ones")


class Deliveries(Answer):
    """A page of deliveries, newest first."""

    items: tuple[Delivery, ...] = Field(validation_alias="notifications")
    next_cursor: str | None = Field(validation_alias="cursor")
