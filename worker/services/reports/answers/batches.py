"""PURE. Batches as answers."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from worker.domain.batch.progress import Progress
from worker.services.reports import batch_overview
from worker.services.reports.answers.base import (
    Answer,
    BadField,
    Count,
    Counts,
    Id,
    Money,
    Purse,
    Time,
    counted,
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
        """How far the batch ``name`` was taken in."""
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

    @classmethod
    def of(cls, report: batch_overview.BatchReport, **more: Any) -> Self:
        """The batch as it stands."""
        batch, purse = report.batch, report.purse
        return cls(
            id=batch.id,
            name=batch.name,
            created_at=batch.created_at,
            status=report.state.value,
            rows=batch.rows,
            bad=batch.bad,
            counts=counted(batch.counts),
            errors=report.errors,
            planned=report.planned,
            cost=BatchCost(
                budget=purse.budget,
                spent=purse.spent,
                reserved=purse.reserved,
                refunded=purse.refunded,
                estimated=report.estimated,
            ),
            **more,
        )


class Batch(ListedBatch):
    """One batch, with the rows that are no jobs."""

    bad_rows: tuple[BadRow, ...] = Field(description="the first 100")

    @classmethod
    def of(cls, report: batch_overview.BatchReport, **more: Any) -> Self:
        """The batch as it stands, and the first of its bad rows."""
        return super().of(report, bad_rows=report.bad_rows, **more)


class Batches(Answer):
    """The newest batches, newest first."""

    items: tuple[ListedBatch, ...]

    @classmethod
    def of(cls, reports: Iterable[batch_overview.BatchReport]) -> Self:
        """The batches, in this order."""
        return cls(items=tuple(map(ListedBatch.of, reports)))


class Changed(Answer):
    """What was done to the jobs of a batch."""

    jobs: Count = Field(description="jobs that changed")
