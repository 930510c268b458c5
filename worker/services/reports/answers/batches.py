"""PURE. Batches as answers."""

from typing import Annotated, Literal, Self

from pydantic import Field

from worker.domain.batch.progress import Progress
from worker.domain.job import Status
from worker.services.reports.answers.base import (
    Answer,
    BadField,
    Count,
    Counts,
    Id,
    Money,
    Purse,
    TextOrNull,
    Time,
)


class BadRow(Answer):
    """A row of a batch's file that is not a valid job."""

    row: int = Field(description="the line where it starts, from 1")
    errors: tuple[BadField, ...]


class Taken(Answer):
    """The outcome of submitting a batch. A row with permutations counts once per job."""

    id: Id
    name: str
    rows: Count
    new: Count = Field(description="jobs that are new")
    known: Count = Field(description="jobs of an earlier call with this name")
    bad: Count = Field(description="invalid rows")
    bad_rows: tuple[BadRow, ...] = Field(description="the first 100")

    @classmethod
    def of(cls, name: str, progress: Progress) -> Self:
        """The outcome of submitting the batch ``name``."""
        return cls(
            id=progress.batch_id,
            name=name,
            rows=progress.rows,
            new=progress.new,
            known=progress.known,
            bad=progress.bad,
            bad_rows=progress.bad_rows,
        )


class BatchCost(Purse):
    """What a batch cost and may cost. `refunded` is part of `spent`."""

    estimated: Money = Field(description="for queued jobs, without their follow-ups")


class ListedBatch(Answer):
    """Many root jobs submitted together, and their descendants."""

    id: Id
    name: str
    created_at: Time
    status: Literal["running", "paused", "finished"] = Field(
        description="`finished`: all jobs so far are over"
    )
    rows: Count = Field(description="root jobs")
    bad: Count = Field(description="invalid rows of the last file")
    counts: Annotated[
        Counts, Field(description="a number per status, and `total`; follow-ups included")
    ]
    errors: dict[str, Count] = Field(description="jobs that failed, by error code")
    planned: int = Field(description="expected number of jobs in the end")
    tenant: TextOrNull = Field(description="whose token submitted it; null: the operator's own")
    cost: BatchCost

    @property
    def total(self) -> int:
        """Jobs so far."""
        return self.counts["total"]

    @property
    def over(self) -> int:
        """Jobs in a terminal status."""
        return sum(self.count(status) for status in Status if status.terminal)

    @property
    def failed(self) -> int:
        """Jobs that a retry of the batch tries again."""
        return self.count(Status.FAILED) + self.count(Status.TIMED_OUT)

    def count(self, status: Status) -> int:
        """Jobs in this status."""
        return self.counts[status.value]


class Batch(ListedBatch):
    """One batch, with its invalid rows."""

    bad_rows: tuple[BadRow, ...] = Field(description="the first 100")


class Batches(Answer):
    """The newest batches, newest first."""

    items: tuple[ListedBatch, ...]


class Changed(Answer):
    """How many jobs of a batch changed."""

    jobs: Count = Field(description="jobs that changed")
