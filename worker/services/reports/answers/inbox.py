"""PURE. The inbox as it is shown."""

from json import loads
from typing import Any, Self

from pydantic import Field

from worker.adapters import store
from worker.adapters.provider.snapshots import read_task
from worker.domain.events import Disposition
from worker.domain.inbox import Callback, CallbackVerdict
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.services.reports.answers.base import Answer, Count, Id, TextOrNull, Time


class BoundTo(Answer):
    """That a person bound the callback to a job, and what that changed."""

    job: Id
    by: str = Field(description="a token's name, or `cli`, `python`")
    at: Time
    outcome: Disposition


class KeptCallback(Answer):
    """A callback of a provider. Of several alike it is the newest."""

    id: Id
    at: Time = Field(description="when it came, the newest of those alike")
    verdict: CallbackVerdict
    why: TextOrNull = Field(description="why it was refused")
    count: Count = Field(description="how many alike came")
    account: TextOrNull = Field(description="if its token names one")
    job: Id | None = Field(description="the one that its token names")
    attempt: int | None
    task_id: str | None = Field(description="the provider's, as its body says")
    status: TaskStatus | None = Field(description="the task's, as its body says")
    progress: int | None
    bound: BoundTo | None = Field(description="null: to no job")

    @classmethod
    def of(cls, one: Callback, **more: Any) -> Self:
        """The callback, with what its body says."""
        seen = _seen(one)
        return cls(
            id=one.id,
            at=one.at,
            verdict=one.verdict,
            why=one.why,
            count=one.count,
            account=one.account,
            job=one.job,
            attempt=one.attempt,
            task_id=seen.task_id if seen else None,
            status=seen.status if seen else None,
            progress=seen.progress if seen else None,
            bound=BoundTo.model_validate(one.bound) if one.bound else None,
            **more,
        )


class Suggestion(Answer):
    """A job to which the callback may belong."""

    job: Id
    why: str


class WholeCallback(KeptCallback):
    """A callback with its body, and the jobs to which it may belong."""

    body: str = Field(description="as it came, without tokens")
    cut: bool = Field(description="whether only the beginning of the body was kept")
    bindable: bool = Field(description="whether it may be bound to a job")
    suggestions: tuple[Suggestion, ...]

    @classmethod
    def whole(cls, one: Callback, suggestions: tuple[Suggestion, ...]) -> Self:
        """The callback with its body."""
        return cls.of(
            one, body=one.body, cut=one.cut, bindable=one.bindable, suggestions=suggestions
        )


class InboxPage(Answer):
    """A page of callbacks, newest first."""

    items: tuple[KeptCallback, ...]
    next_cursor: str | None

    @classmethod
    def of(cls, page: store.CallbackPage) -> Self:
        """The page of the store as an answer."""
        return cls(items=tuple(map(KeptCallback.of, page.callbacks)), next_cursor=page.cursor)


def _seen(one: Callback) -> Snapshot | None:
    """What the body says of a task; None if it cannot be read any more."""
    try:
        return read_task(loads(one.body))
    except (ValueError, RecursionError):
        return None
