"""What the calls about deliveries answer, as models; see ``webhooks.api.openapi_answers``."""

from typing import Annotated

from pydantic import BaseModel, Field

from webhooks.api.openapi_answers import Target, Time
from worker.domain.notifications import DeliveryState, Topic


class Try(BaseModel):
    """One attempt to deliver."""

    at: Time
    outcome: Annotated[str, Field(description="the answer's status, or what went wrong")]


class Notification(BaseModel):
    """Something that a caller's program was to hear of, and what became of it."""

    id: Annotated[str, Field(description="the `webhook-id`, the same for every try")]
    topic: Topic
    subject: Annotated[str, Field(description="id of the job, pipeline or batch")]
    target: Target
    state: DeliveryState
    created_at: Time
    due_at: Annotated[
        Time | None, Field(description="of the next try, once all before it are over")
    ]
    failures: Annotated[int, Field(description="since it was made, or replayed")]
    tries: Annotated[list[Try], Field(description="the last ones")]


class Deliveries(BaseModel):
    """Some of them, newest first."""

    items: list[Notification]
    next_cursor: str | None


MODELS: tuple[type[BaseModel], ...] = (Notification, Deliveries)
