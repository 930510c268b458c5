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
    Time,
)


class BadRow(Answer):
    """A row of a batch's file that gives no job."""

    row: int = Field(description="the line where it starts, from 1")
    errors: tuple[BadField, ...]


class Taken(Answer):
    """What became of a batch's file. A row with permutations counts once per job."""

    id: Id
    name: str
    rows: Count
    new: Count = Field(description="jobs that were not there before")
    known: Count = Field(description="jobs of an earlier call with this name")
    bad: Count = Field(description="rows that are no jobs")
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
    """Many root jobs submitted together, and all that grew from them."""

    id: Id
    name: str
    created_at: Time
    status: Literal["running", "paused", "finished"] = Field(
        description="`finished`: all jobs so far are over"
    )
    rows: Count = Field(description="root jobs")
    bad: Count = Field(description="rows of the last file that are no jobs")
    counts: Annotated[
        Counts, Field(description="a number per status, and `total`; follow-ups included")
    ]
    errors: dict[str, Count] = Field(description="jobs that failed, by error code")
    planned: int = Field(description="jobs in the end, as far as can be told")
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
    """One batch, with the rows that are no jobs."""

    bad_rows: tuple[BadRow, ...] = Field(description="the first 100")


class Batches(Answer):
    """The newest batches, newest first."""

    items: tuple[ListedBatch, ...]


class Changed(Answer):
    """What was done to the jobs of a batch."""

    jobs: Count = Field(description="jobs that changed")
