"""What the calls about batches answer, as models; see ``webhooks.api.openapi_answers``."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from webhooks.api.openapi_answers import BadField, Id, Purse, Time
from worker.domain.job import Status

Count = Annotated[int, Field(ge=0)]


class BadRow(BaseModel):
    """A row of a batch's file that gives no job."""

    row: Annotated[int, Field(description="the line where it starts, from 1")]
    errors: list[BadField]


class Taken(BaseModel):
    """What became of a batch's file. A row with permutations counts once per job."""

    id: Id
    name: str
    rows: Count
    new: Annotated[Count, Field(description="jobs that were not there before")]
    known: Annotated[Count, Field(description="jobs of an earlier call with this name")]
    bad: Annotated[Count, Field(description="rows that are no jobs")]
    bad_rows: Annotated[list[BadRow], Field(description="the first 100")]


class Cost(Purse):
    """What a batch cost and may cost. `refunded` is part of `spent`."""

    estimated: Annotated[float, Field(description="for queued jobs, without their follow-ups")]


class ListedBatch(BaseModel):
    """Many root jobs submitted together, and all that grew from them."""

    id: Id
    name: str
    created_at: Time
    status: Annotated[
        Literal["running", "paused", "finished"],
        Field(description="`finished`: all jobs so far are over"),
    ]
    rows: Annotated[Count, Field(description="root jobs")]
    bad: Annotated[Count, Field(description="rows of the last file that are no jobs")]
    counts: Annotated[
        dict[str, Count],
        Field(
            description="a number per status, and `total`; follow-ups included",
            json_schema_extra={"required": [*(status.value for status in Status), "total"]},
        ),
    ]
    errors: Annotated[dict[str, Count], Field(description="jobs that failed, by error code")]
    planned: Annotated[int, Field(description="jobs in the end, as far as can be told")]
    cost: Cost


class Batch(ListedBatch):
    """One batch, with the rows that are no jobs."""

    bad_rows: Annotated[list[BadRow], Field(description="the first 100")]


class Batches(BaseModel):
    """The newest batches, newest first."""

    items: list[ListedBatch]


class Changed(BaseModel):
    """What was done to the jobs of a batch."""

    jobs: Annotated[Count, Field(description="jobs that changed")]


MODELS: tuple[type[BaseModel], ...] = (Taken, Batch, Batches, Changed)
