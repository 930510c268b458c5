"""PURE. Deliveries as answers."""

from pydantic import Field

from worker.domain.notifications import DeliveryState, Topic
from worker.services.reports.answers.base import Answer, Time
from worker.services.reports.answers.jobs import Target


class Try(Answer):
    """One attempt to deliver."""

    at: Time
    outcome: str = Field(description="the answer's status, or what went wrong")


class Delivery(Answer):
    """Something that a caller's program was to hear of, and what became of it."""

    id: str = Field(description="the `webhook-id`, the same for every try")
    topic: Topic
    subject: str = Field(description="id of the job, pipeline or batch")
    target: Target
    state: DeliveryState
    created_at: Time
    due_at: Time | None = Field(description="of the next try, once all before it are over")
    failures: int = Field(description="since it was made, or replayed")
    tries: tuple[Try, ...] = Field(description="the last ones")


class Deliveries(Answer):
    """Some of them, newest first."""

    items: tuple[Delivery, ...] = Field(validation_alias="notifications")
    next_cursor: str | None = Field(validation_alias="cursor")
