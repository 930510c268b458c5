"""PURE. Jobs, pipelines and quotes as answers. Tokens and keys are nowhere in them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import AliasPath, Field, PlainSerializer

from worker.adapters import store
from worker.domain import dry_run, job
from worker.domain.account import Account
from worker.domain.account.billing import Figures, Standing, charges, figures, total
from worker.domain.error_codes import RETRY_ON
from worker.domain.job import Status
from worker.domain.job_spec import Kind
from worker.domain.notifications import Topic
from worker.domain.redaction import HIDDEN
from worker.domain.result import AssetsStatus, Button, FileOf, JobError, Keep
from worker.services.reports.answers.base import (
    Answer,
    Counts,
    Id,
    Money,
    TextOrNull,
    Time,
    counted,
)
from worker.services.reports.answers.waiting import Waiting

#: By name; their prices give the cost of a job that has not started.
Accounts = Mapping[str, Account]


class Attempt(Answer):
    """One try to have the job accepted by the provider."""

    number: int
    started_at: Time
    outcome: str | None
    task_id: str | None = Field(description="the accepted task, if it is known")


class DoublePayment(Answer):
    """An acceptance beyond the one that is followed."""

    attempt: int = Field(validation_alias="number")
    task_id: str | None


class StoredFile(Answer):
    """A file in our storage; of a film that was not decoded width and height are not known."""

    path: str = Field(description="below the storage's root")
    type: str = Field(description="MIME type, detected from the content")
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    of: FileOf


class AssetsRetry(Answer):
    """Why the files are not stored yet, and how it goes on."""

    error: JobError = Field(description="of the last try")
    tries: int
    next_at: Time
    ends_at: Time = Field(description="when they are given up")


class Result(Answer):
    """What the provider has delivered so far."""

    image_url: str | None
    image_urls: tuple[str, ...]
    prompt: str | None = Field(description="the final prompt, as the provider ran it")
    prompts: tuple[str, ...] = Field(description="of a describe or shorten, without numbering")
    text: str | None
    buttons: Annotated[
        tuple[Button, ...] | None, PlainSerializer(lambda b: list(b or ()), list[Button])
    ]
    video_urls: tuple[str, ...]
    assets: tuple[str, ...] = Field(description="our copies, below the storage's root")
    assets_status: AssetsStatus
    seed: str | None = Field(description="of the image; null until it is known")
    seed_error: str | None = Field(description="why there is no seed")
    assets_error: JobError | None = Field(
        description="why the files, or some of them, were not stored"
    )
    assets_retry: AssetsRetry | None = Field(
        description="while `assets_status` is pending, after a failed try"
    )
    files: tuple[StoredFile, ...] = Field(
        description="the stored files with their details, tiles and thumbnails included"
    )


class Retries(Answer):
    """Automatic retries."""

    attempts: int = Field(description="submissions in all", ge=1, le=10)
    backoff_s: int = Field(description="before the second one, then doubled each time")
    on: Annotated[
        tuple[str, ...] | None,
        PlainSerializer(lambda on: list(RETRY_ON if on is None else on), list[str]),
    ] = Field(description="error codes that are retried")


def without_query(url: str | None) -> str | None:
    """A receiver's address as it may be shown: its query may be a secret."""
    address, query, _ = (url or "").partition("?")
    return (f"{address}?{HIDDEN}" if query else address) or None


class Target(Answer):
    """The receiver: a webhook at `url`, or a `celery_task`."""

    url: Annotated[str | None, PlainSerializer(without_query, str | None)] = Field(
        description="without its query, which may be a secret"
    )
    celery_task: str | None
    queue: str | None = Field(description="null: Celery's default")


class Told(Target):
    """The receiver, and its topics."""

    on: tuple[Topic, ...] = Field(validation_alias="topics")


class JobCost(Answer):
    """What a job costs, in the unit of the prices. `refunded` is part of `spent`."""

    estimated: Money | None = Field(description="of a submit that is still to come")
    reserved: Money = Field(description="of one on its way, or in doubt")
    spent: Money = Field(description="of all that were accepted")
    refunded: Money
    figures: Figures | None = Field(
        None,
        description="`provider`: `spent` and `refunded` are the provider's own figures; `both`: of "
        "some submits; missing: they are estimates by the price list",
    )

    @classmethod
    def of(cls, one: job.Job, accounts: Accounts | None) -> Self:
        """The job's charges; without ``accounts`` there is no estimate."""
        found = charges(one, 0 if accounts is None else dry_run.next_price(one, accounts))
        sums: dict[str, Any] = {each.value: total(found, each) for each in Standing}
        if (whose := figures(one)) not in (None, Figures.PRICES):
            sums["figures"] = whose
        return cls(**sums if accounts is not None else {**sums, "estimated": None})


class Job(Answer):
    """One submission to the provider."""

    id: Id
    kind: Kind
    status: Status
    progress: Annotated[int, Field(ge=0, le=100)] | None
    account: TextOrNull
    task_id: str | None = Field(description="the provider's")
    parent_id: Id | None
    pipeline_id: Id
    waits_for: tuple[Id, ...] = Field(description="the jobs whose results it needs")
    batch_id: str | None
    priority: int = Field(ge=0, le=9)
    tenant: TextOrNull
    retry: Retries | None
    seed: bool = Field(description="whether the image's seed is fetched")
    notify: Told | None = Field(description="null: the account's receiver, if any")
    assets: Keep = Field(description="which files of the result are stored")
    request: dict[str, Any] = Field(description="the kind's own fields, as submitted")
    then: tuple[dict[str, Any], ...] = Field(description="the follow-ups, as submitted")
    result: Result
    error: JobError | None
    attempts: tuple[Attempt, ...]
    double_payments: tuple[DoublePayment, ...]
    cost: JobCost
    metadata: dict[str, Any]
    created_at: Time
    submitted_at: Time | None
    finished_at: Time | None
    waiting: Waiting | None = Field(
        None, description="what holds it up; only in the answer to a GET of the job"
    )

    @classmethod
    def of(cls, one: job.Job, accounts: Accounts | None = None, **waiting: Waiting | None) -> Self:
        """The job; ``waiting``: what holds it up."""
        return cls(
            id=one.id,
            kind=one.kind,
            status=one.status,
            progress=one.progress,
            account=one.account,
            task_id=one.task_id,
            parent_id=one.spec.parent_id,
            pipeline_id=one.spec.pipeline_id,
            waits_for=one.spec.waits_for,
            batch_id=one.spec.batch_id,
            priority=one.options.priority,
            tenant=one.options.tenant,
            retry=one.options.retry,
            seed=one.options.seed,
            notify=one.options.notify,
            assets=one.keep,
            request=one.request,
            then=one.spec.then,
            result=one.result,
            error=one.error,
            attempts=one.attempts,
            double_payments=one.double_payments,
            cost=JobCost.of(one, accounts),
            metadata=one.metadata,
            created_at=one.spec.created_at,
            submitted_at=one.submitted_at,
            finished_at=one.finished_at,
            **waiting,
        )


class Page(Answer):
    """Some jobs, newest first. A page may be short although a cursor follows."""

    items: tuple[Job, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, page: store.Page, accounts: Accounts | None = None) -> Self:
        """The page of the store as an answer."""
        return cls(items=_listed(page.jobs, accounts), next_cursor=page.cursor)


class Items(Answer):
    """Several jobs."""

    items: tuple[Job, ...]

    @classmethod
    def of(cls, jobs: Iterable[job.Job], accounts: Accounts | None = None) -> Self:
        """The jobs in this order."""
        return cls(items=_listed(jobs, accounts))


class ToldPipeline(Answer):
    """A pipeline as a message has it."""

    id: Id
    status: store.PipelineStatus
    counts: Annotated[Counts, Field(description="a number per status, and `total`")]
    jobs: tuple[Job, ...] | None = Field(
        description="null where the message would be above 256 KiB"
    )

    @classmethod
    def of(cls, pipeline: store.Pipeline, accounts: Accounts | None = None) -> Self:
        """The pipeline with its jobs."""
        return cls(
            id=pipeline.id,
            status=pipeline.status,
            counts=counted(pipeline.counts),
            jobs=_listed(pipeline.jobs, accounts),
        )


class Pipeline(ToldPipeline):
    """A root job and its descendants, parents before children."""

    jobs: tuple[Job, ...]


class PlannedJobs(Answer):
    """The jobs that one step starts under one parent, and what follows each of them."""

    kind: Kind
    words: str = Field(description="a prompt, or the buttons")
    sort: str = Field(description="the key of its price")
    times: int = Field(description="number of these jobs", ge=1)
    price: Money = Field(description="of these jobs together")
    exact: bool = Field(
        description="false: the buttons are known only later", validation_alias="known"
    )
    children: tuple["PlannedJobs", ...]


class Quote(Answer):
    """What a request would start and cost; nothing was stored."""

    tree: PlannedJobs
    jobs: int = Field(
        description="number of jobs in all", validation_alias=AliasPath("tree", "jobs")
    )
    total: Money = Field(description="on the most expensive account")
    exact: bool = Field(
        description="false: there may be more jobs than these",
        validation_alias=AliasPath("tree", "exact"),
    )
    accounts: dict[str, Money] = Field(
        description="the total on each account that may run it", validation_alias="totals"
    )


def _listed(jobs: Iterable[job.Job], accounts: Accounts | None) -> tuple[Job, ...]:
    return tuple(Job.of(each, accounts) for each in jobs)
