"""What the calls answer, as models: the document's schemas of answers are made of them.

The answers themselves are made by ``worker.present``; tests hold the two together. Objects may get
further fields, so a reader ignores those it does not know.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from worker.events import Disposition
from worker.habits import Mode
from worker.job import AssetsStatus, Button, JobError, Kind, Status

Time = Annotated[str, Field(description="RFC 3339, UTC", json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Attempt(BaseModel):
    """One try to have the job accepted by the provider."""

    number: int
    started_at: Time
    outcome: str | None
    task_id: Annotated[str | None, Field(description="what it was accepted as, if that is known")]


class DoublePayment(BaseModel):
    """An acceptance beyond the one that is followed."""

    attempt: int
    task_id: str | None


class Result(BaseModel):
    """What the provider gave so far."""

    image_url: str | None
    image_urls: list[str]
    prompt: Annotated[str | None, Field(description="the final prompt, as the provider ran it")]
    prompts: Annotated[list[str], Field(description="of a describe or shorten, without numbering")]
    text: str | None
    buttons: list[Button]
    video_urls: list[str]
    assets: Annotated[list[str], Field(description="our copies, below the storage's root")]
    assets_status: AssetsStatus


class Retries(BaseModel):
    """What is tried again by itself."""

    attempts: Annotated[int, Field(description="submissions in all", ge=1, le=10)]
    backoff_s: Annotated[int, Field(description="before the second one, then doubled")]
    on: Annotated[list[str], Field(description="codes of the errors to try again after")]


class Job(BaseModel):
    """One submission to the provider."""

    id: Id
    kind: Kind
    status: Status
    progress: Annotated[int, Field(ge=0, le=100)] | None
    account: str | None
    task_id: Annotated[str | None, Field(description="the provider's")]
    parent_id: Id | None
    pipeline_id: Id
    waits_for: Annotated[list[Id], Field(description="the jobs whose results it needs")]
    batch_id: str | None
    priority: Annotated[int, Field(ge=0, le=9)]
    tenant: str | None
    retry: Retries | None
    request: Annotated[dict[str, Any], Field(description="the kind's own fields as handed in")]
    then: Annotated[list[dict[str, Any]], Field(description="the follow-ups as handed in")]
    result: Result
    error: JobError | None
    attempts: list[Attempt]
    double_payments: list[DoublePayment]
    metadata: dict[str, Any]
    created_at: Time
    submitted_at: Time | None
    finished_at: Time | None


class Page(BaseModel):
    """Some jobs, newest first. A page may be short although a cursor follows."""

    items: list[Job]
    next_cursor: str | None


class Items(BaseModel):
    """Several jobs."""

    items: list[Job]


class Pipeline(BaseModel):
    """A root job and all that grew from it, parents before children."""

    id: Id
    status: Literal["open", "succeeded", "failed", "partly_failed"]
    counts: Annotated[
        dict[str, Annotated[int, Field(ge=0)]],
        Field(
            description="a number per status, and `total`",
            json_schema_extra={"required": [*(status.value for status in Status), "total"]},
        ),
    ]
    jobs: list[Job]


class Delivery(BaseModel):
    """How an account's provider has told us about its tasks."""

    mode: Annotated[Mode, Field(description="how ends are heard of")]
    why: Annotated[str, Field(description="the mode, in words")]
    callbacks: Annotated[int, Field(description="that told something new")]
    with_state: Annotated[int, Field(description="of them, those that carried our `state`")]
    told: Annotated[int, Field(description="ends told by callback")]
    asked: Annotated[int, Field(description="ends that had to be asked for")]
    lag_s: Annotated[float | None, Field(description="mean time between two news about a job")]
    receiving_since: Annotated[
        Time | None, Field(description="since when no callback was missed; null: not receiving")
    ]
    called_back_at: Time | None


class Account(BaseModel):
    """One provider address and key, and how it stands."""

    name: str
    url: str
    dialect: Annotated[str, Field(description="as set, or as its answers betrayed it; or `auto`")]
    max_running: int
    running: Annotated[int, Field(description="jobs that use one of the places")]
    ready: Annotated[int, Field(description="jobs that wait for a place only")]
    in_doubt: int
    double_payments: Annotated[int, Field(description="jobs that were paid for twice")]
    delivery: Delivery


class Accounts(BaseModel):
    """All accounts."""

    items: list[Account]


class Received(BaseModel):
    """What became of a callback."""

    status: Disposition


class Alive(BaseModel):
    """The process lives."""

    status: Literal["ok"]


class Ready(BaseModel):
    """Redis and the broker answer."""

    status: Literal["ready"]


class BadField(BaseModel):
    """One thing that is wrong with what was handed in."""

    field: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: Annotated[str, Field(pattern="^urn:hookline:problem:[a-z-]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: list[BadField] = []
