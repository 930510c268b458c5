"""PURE. Jobs in doubt, with what speaks for either answer."""

from enum import StrEnum

from pydantic import Field

from worker.services.reports.answers.base import Answer, Id, Money, Time
from worker.services.reports.answers.inbox import KeptCallback
from worker.services.reports.answers.jobs import Job
from worker.services.reports.answers.waiting import Waiting


class Submit(Answer):
    """One POST of the job, as far as it is known."""

    number: int
    account: str
    started_at: Time
    posted_at: Time | None = Field(description="when it was about to leave; null: it was not sent")
    outcome: str | None = Field(description="null: this is the one in doubt")
    task_id: str | None = Field(description="the accepted task, if it is known")
    price: Money = Field(description="if it was accepted")


class Speaks(StrEnum):
    """What a piece of evidence says of the submit in doubt."""

    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    NOTHING = "nothing"


class Evidence(Answer):
    """Something that may settle the doubt."""

    of: str = Field(description="`callbacks`, `proofs`, `list` or `inbox`")
    speaks: Speaks
    message: str


class DoubtfulJob(Answer):
    """A job in doubt; `POST /v1/jobs/{id}/resolve` ends that, or binding a callback."""

    id: Id
    job: Job
    submits: tuple[Submit, ...] = Field(description="in their order")
    evidence: tuple[Evidence, ...]
    callbacks: tuple[KeptCallback, ...] = Field(
        description="foreign ones since the POST that may be about it"
    )
    waiting: Waiting | None = Field(description="what happens next")


class Doubts(Answer):
    """A page of jobs in doubt, newest first."""

    items: tuple[DoubtfulJob, ...]
    next_cursor: str | None
