"""PURE. Deliveries as answers."""

from pydantic import Field

from worker.domain.notifications import DeliveryState, Topic
from worker.services.reports.answers.base import Answer, Time
from worker.services.reports.answers.jobs import Target


class Try(Answer):
    """One attempt to deliver."""

    at: Time
    outcome: str = Field(description="the response's status, or what went wrong")


class Delivery(Answer):
    """A notification to a caller's program, and its outcome."""

    id: str = Field(description="the `webhook-id`, the same for every try")
    topic: Topic
    subject: str = Field(description="id of the job, pipeline or batch")
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
