"""What callers' programs are told, for the document's ``webhooks``; see docs/notifications.md."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from webhooks.api.openapi_answers import Job, PipelineHead, Time
from webhooks.api.openapi_batches import Batch
from webhooks.api.openapi_calls import JSON, JSON_TYPE, ref
from worker.domain.notifications import Topic

_At = Annotated[Time, Field(description="when it happened")]


class ToldPipeline(PipelineHead):
    """A pipeline as a message has it."""

    jobs: Annotated[
        list[Job] | None, Field(description="null where the message would be above 256 KiB")
    ]


class JobMessage(BaseModel):
    """News of a job; ``data`` is the job when this was sent."""

    type: Literal[Topic.JOB_PROGRESS, Topic.JOB_SUCCEEDED, Topic.JOB_FAILED]
    timestamp: _At
    data: Job


class PipelineMessage(BaseModel):
    """A job and all that grew from it are over, and their files are stored or given up."""

    type: Literal[Topic.PIPELINE_FINISHED]
    timestamp: _At
    data: ToldPipeline


class BatchMessage(BaseModel):
    """All jobs of a batch are over, and their files are stored or given up."""

    type: Literal[Topic.BATCH_FINISHED]
    timestamp: _At
    data: Batch


MODELS: tuple[type[BaseModel], ...] = (JobMessage, PipelineMessage, BatchMessage)

_SENT: Mapping[Topic, tuple[type[BaseModel], str]] = {
    Topic.JOB_PROGRESS: (JobMessage, "A job's progress changed; tried once only."),
    Topic.JOB_SUCCEEDED: (JobMessage, "The provider finished a job."),
    Topic.JOB_FAILED: (JobMessage, "A job failed, was cancelled or timed out."),
    Topic.PIPELINE_FINISHED: (PipelineMessage, "A job and all that grew from it are over."),
    Topic.BATCH_FINISHED: (BatchMessage, "All jobs of a batch are over."),
}

#: The headers of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec
_HEADERS = {
    "webhook-id": "The same for every try: who knows it has heard of this already.",
    "webhook-timestamp": "When this try was sent, in seconds since the epoch.",
    "webhook-signature": "One `v1,...` per secret, separated by spaces.",
}


def messages() -> JSON:
    """By topic: the request that a receiver gets, and what its answer means."""
    return {topic.value: {"post": _message(topic, *sent)} for topic, sent in _SENT.items()}


def _message(topic: Topic, model: type[BaseModel], summary: str) -> JSON:
    headers: list[Any] = [
        {"in": "header", "name": name, "required": True, "description": text,
         "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]  # fmt: skip
    return {
        "operationId": f"told_{topic.value.replace('.', '_')}",
        "summary": summary,
        "security": [],
        "parameters": headers,
        "requestBody": {"required": True, "content": {JSON_TYPE: {"schema": ref(model.__name__)}}},
        "responses": {
            "2XX": {"description": "Taken. Anything else is tried again for more than a day."},
            "410": {"description": "Not wanted: it is not tried again."},
        },
    }
