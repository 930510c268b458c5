"""What the calls answer, as models: the document's schemas of answers are made of them.

The answers themselves are made by ``worker.services.reports.present``; tests hold the two
together. Objects may get further fields, so a reader ignores those it does not know.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from worker.domain.events import Disposition
from worker.domain.job import Kind, Status
from worker.domain.notifications import Topic
from worker.domain.result import AssetsStatus, Button, FileOf, JobError, Keep

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


class StoredFile(BaseModel):
    """A file in our storage; of a film the width and height are not known."""

    path: Annotated[str, Field(description="below the storage's root")]
    type: Annotated[str, Field(description="its MIME type, told from its content")]
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    of: FileOf


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
    seed: Annotated[str | None, Field(description="of the picture; null until it is known")]
    seed_error: Annotated[str | None, Field(description="why the seed cannot be had")]
    assets_error: Annotated[JobError | None, Field(description="why the files cannot be had")]
    files: Annotated[
        list[StoredFile], Field(description="the same with what they are; tiles and thumbnails too")
    ]


class Retries(BaseModel):
    """What is tried again by itself."""

    attempts: Annotated[int, Field(description="submissions in all", ge=1, le=10)]
    backoff_s: Annotated[int, Field(description="before the second one, then doubled")]
    on: Annotated[list[str], Field(description="codes of the errors to try again after")]


class Target(BaseModel):
    """Who is told: by a webhook at `url`, or by a `celery_task`."""

    url: Annotated[str | None, Field(description="without its query, which may be a secret")]
    celery_task: str | None
    queue: Annotated[str | None, Field(description="null: Celery's default")]


class Told(Target):
    """Who is told, and of what."""

    on: list[Topic]


class Cost(BaseModel):
    """What a job costs, in the unit of the prices. `refunded` is part of `spent`."""

    estimated: Annotated[float | None, Field(description="of a submission that is still to come")]
    reserved: Annotated[float, Field(description="of one on its way, or in doubt")]
    spent: Annotated[float, Field(description="of all that were accepted")]
    refunded: float


class Waiting(BaseModel):
    """Why a queued job does not start."""

    reason: Annotated[
        str,
        Field(
            description="slots, pace, prompt, budget, mode, paused, closed, resting, account, "
            "backoff, siblings, function, or next: nothing keeps it"
        ),
    ]
    message: str


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
    seed: Annotated[bool, Field(description="whether the picture's seed is asked for")]
    notify: Annotated[Told | None, Field(description="null: whom its account names, if any")]
    assets: Annotated[Keep, Field(description="what of the result is stored")]
    request: Annotated[dict[str, Any], Field(description="the kind's own fields as handed in")]
    then: Annotated[list[dict[str, Any]], Field(description="the follow-ups as handed in")]
    result: Result
    error: JobError | None
    attempts: list[Attempt]
    double_payments: list[DoublePayment]
    cost: Cost
    metadata: dict[str, Any]
    created_at: Time
    submitted_at: Time | None
    finished_at: Time | None
    waiting: Annotated[
        Waiting | None,
        Field(description="why it is queued; only in the answer to a GET of the job"),
    ] = None


class Page(BaseModel):
    """Some jobs, newest first. A page may be short although a cursor follows."""

    items: list[Job]
    next_cursor: str | None


class Items(BaseModel):
    """Several jobs."""

    items: list[Job]


class PipelineHead(BaseModel):
    """What is said of a pipeline beside its jobs."""

    id: Id
    status: Literal["open", "succeeded", "failed", "partly_failed"]
    counts: Annotated[
        dict[str, Annotated[int, Field(ge=0)]],
        Field(
            description="a number per status, and `total`",
            json_schema_extra={"required": [*(status.value for status in Status), "total"]},
        ),
    ]


class Pipeline(PipelineHead):
    """A root job and all that grew from it, parents before children."""

    jobs: list[Job]


class PlannedJobs(BaseModel):
    """The jobs that one step starts under one parent, and what follows each of them."""

    kind: Kind
    words: Annotated[str, Field(description="what they do: a prompt, or the buttons")]
    sort: Annotated[str, Field(description="what the price goes by")]
    times: Annotated[int, Field(description="how many they are", ge=1)]
    price: Annotated[float, Field(description="of these jobs together")]
    exact: Annotated[bool, Field(description="false: what is pressed is known only then")]
    children: "list[PlannedJobs]"


class Quote(BaseModel):
    """What a request would start and cost; nothing was stored."""

    tree: PlannedJobs
    jobs: Annotated[int, Field(description="how many, in all")]
    total: Annotated[float, Field(description="on the account where it costs most")]
    exact: Annotated[bool, Field(description="false: there may be more jobs than these")]
    accounts: Annotated[dict[str, float], Field(description="the total on each that may take it")]


class Purse(BaseModel):
    """What was spent, in the unit of the prices. `refunded` is part of `spent`."""

    budget: Annotated[float | None, Field(description="null: no limit")]
    spent: float
    reserved: Annotated[float, Field(description="for submissions on their way, or in doubt")]
    refunded: float


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
