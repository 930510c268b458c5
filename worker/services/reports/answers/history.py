"""PURE. A job's history as an answer."""

from dataclasses import fields
from typing import Annotated, Any, Self

from pydantic import Field

from worker.domain import history
from worker.domain.history import What
from worker.domain.job import Status
from worker.services.reports.answers.base import Answer, Count, Id, Time


class HistoryEntry(Answer):
    """One thing that happened. What does not apply, or did not change, is left out."""

    at: Time
    what: What
    text: str = Field(description="the entry in a sentence, for people")
    status: Status | None = Field(None, description="the job's new one")
    progress: Annotated[int, Field(ge=0, le=100)] | None = None
    attempt: int | None = Field(None, description="the number of the one that this is about")
    account: str | None = Field(None, description="that took the job")
    task_id: str | None = Field(None, description="that is followed from now on")
    outcome: str | None = Field(
        None, description="of a submit, of the job's files, or of a try to deliver"
    )
    http_status: int | None = Field(None, description="of the provider's reply")
    provider_code: int | None = Field(None, description="`code` of the provider's reply")
    error: str | None = Field(None, description="an error code")
    message: str | None = None
    body: str | None = Field(None, description="the beginning of what the provider said")
    reported_at: Time | None = Field(
        None, description="the task's end, by the provider's own clock"
    )
    due_at: Time | None = Field(None, description="when it continues")
    children: tuple[Id, ...] | None = Field(
        None, description="the jobs that started with it; at most twenty are named"
    )
    more_children: Count | None = Field(None, description="further ones")
    notifications: tuple[str, ...] | None = Field(None, description="ids of deliveries")
    paid_twice: tuple[str, ...] | None = Field(
        None, description="tasks that turned out to be double payments"
    )

    @classmethod
    def of(cls, one: history.Entry) -> Self:
        """The entry without the fields that are at their default."""
        found: dict[str, Any] = {
            each.name: getattr(one, each.name)
            for each in fields(one)
            if getattr(one, each.name) != each.default
        }
        return cls(text=history.in_words(one), **found)


class Moments(Answer):
    """When the stages of a job were reached, those of the attempt that is followed; null: not yet,
    or not known.
    """

    created: Time
    taken: Time | None = Field(description="a worker took it: it had a slot")
    posted: Time | None = Field(description="its POST was about to leave")
    accepted: Time | None = Field(description="the provider's task id was known")
    progressed: Time | None = Field(description="the first progress was reported")
    ended_there: Time | None = Field(description="the task's end, by the provider's own clock")
    ended: Time | None = Field(description="the job's end")
    called_back: Time | None = Field(description="the callback that ended it, if one did")
    children: Time | None = Field(description="the jobs that follow it were created")
    files: Time | None = Field(description="its files were stored, or given up")
    notified: Time | None = Field(description="the last of its notifications was delivered")


class History(Answer):
    """What happened to a job, oldest first."""

    job_id: Id
    items: tuple[HistoryEntry, ...]
    left_out: Count = Field(description="entries in the middle of a long history, not kept")
    times: Moments

    @classmethod
    def of(cls, job_id: str, found: history.History) -> Self:
        """The job's history as an answer."""
        items = tuple(map(HistoryEntry.of, found.entries))
        times = Moments.model_validate(found.moments)
        return cls(job_id=job_id, items=items, left_out=found.left_out, times=times)
