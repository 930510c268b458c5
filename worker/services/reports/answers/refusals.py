"""PURE. Requests refused at the Celery door, as they are shown."""

from typing import Any

from pydantic import Field

from worker.domain.refusals import RefusalReason
from worker.services.reports.answers.base import Answer, BadField, TextOrNull, Time


class Refused(Answer):
    """A request that was sent as a Celery task and refused; nothing of it was done."""

    id: str
    created_at: Time = Field(description="when it was refused")
    reason: RefusalReason
    message: str
    errors: tuple[BadField, ...] = Field(description="the wrong fields, if that is the reason")
    task: TextOrNull = Field(description="the Celery task's name")
    message_id: TextOrNull = Field(description="the id that the sender's Celery gave the task")
    origin: TextOrNull = Field(description="the sender's process and host, as Celery writes it")
    args: Any = Field(description="positional arguments, as they were sent but shortened")
    fields: Any = Field(
        description="keyword arguments, as they were sent but shortened, URLs without their query; "
        "text if the message could not be read"
    )


class RefusedPage(Answer):
    """A page of refused requests, newest first."""

    items: tuple[Refused, ...] = Field(validation_alias="refusals")
    next_cursor: str | None = Field(validation_alias="cursor")
