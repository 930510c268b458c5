"""PURE. Accounts as answers; their keys are nowhere in them."""

from typing import Self

from pydantic import Field

from worker.domain.account.callback_stats import TrackingMode
from worker.services.reports import overview
from worker.services.reports.answers.base import Answer, Purse, Time
from worker.services.reports.overview import Taking


class Tracking(Answer):
    """How an account's provider has told us about its tasks."""

    mode: TrackingMode = Field(description="how ends are heard of")
    why: str = Field(description="the mode, in words")
    callbacks: int = Field(description="that told something new")
    with_state: int = Field(description="of them, those that carried our `state`")
    told: int = Field(description="ends told by callback")
    asked: int = Field(description="ends that had to be asked for")
    lag_s: float | None = Field(description="mean time between two news about a job")
    receiving_since: Time | None = Field(
        description="since when no callback was missed; null: not receiving"
    )
    called_back_at: Time | None

    @classmethod
    def of(cls, report: overview.Report) -> Self:
        """How this account calls back."""
        stats = report.callback_stats
        return cls(
            mode=report.mode,
            why=report.why,
            callbacks=stats.callbacks,
            with_state=stats.with_state,
            told=stats.told,
            asked=stats.asked,
            lag_s=stats.lag_s,
            receiving_since=stats.receiving_since,
            called_back_at=stats.called_back_at,
        )


class Slots(Answer):
    """The places of one pool."""

    running: int
    max: int


class Pools(Answer):
    """Films have places of their own."""

    image: Slots
    video: Slots


class AccountState(Answer):
    """Whether an account takes jobs; if not, why, until when, and what to do."""

    name: Taking = Field(validation_alias="taking")
    why: str | None
    until: Time | None
    hint: str | None


class _Scoped(Answer):
    scope: str = Field(description="`day:2026-11-22` or `tenant:NAME`")


class Budget(Purse, _Scoped):  # in this order the scope comes first
    """A budget that accounts share."""


class Account(Answer):
    """One provider address and key, and how it stands."""

    name: str
    url: str
    dialect: str = Field(description="as set, or as its answers betrayed it; or `auto`")
    max_running: int
    running: int = Field(description="jobs that use one of the places")
    ready: int = Field(description="jobs that wait for a place here only")
    slots: Pools
    believed_limit: int | None = Field(
        description="jobs at once, while it is believed to take fewer than set"
    )
    state: AccountState
    error_rate: float = Field(
        description="share of submissions that failed, the last ones counting most"
    )
    money: Purse
    in_doubt: int
    double_payments: int = Field(description="jobs that were paid for twice")
    delivery: Tracking

    @classmethod
    def of(cls, report: overview.Report) -> Self:
        """The account as it stands."""
        account, load = report.account, report.load
        learnt = account.dialect if account.dialect != "auto" else report.callback_stats.dialect
        return cls(
            name=account.name,
            url=account.url,
            dialect=learnt or "auto",
            max_running=account.max_running,
            running=load.running,
            ready=load.ready + load.ready_films,
            slots=Pools(
                image=Slots(running=load.images, max=account.max_running),
                video=Slots(running=load.films, max=account.max_running_video),
            ),
            believed_limit=report.believed_limit,
            state=report.state,
            error_rate=report.breaker.error_rate,
            money=report.purse,
            in_doubt=report.in_doubt,
            double_payments=report.double_payments,
            delivery=Tracking.of(report),
        )


class Accounts(Answer):
    """All accounts."""

    items: tuple[Account, ...]
    ready_anywhere: int = Field(description="ready jobs that any account may take")
    budgets: tuple[Budget, ...] = Field(description="of the day, and of tenants by name")
    paused: tuple[str, ...] = Field(description="all that is paused, such as `kind:video`")
    ended: dict[str, int] = Field(description="jobs ever, by the status they ended in")

    @classmethod
    def of(cls, found: overview.Overview) -> Self:
        """All accounts, and what they share."""
        return cls(
            items=tuple(map(Account.of, found.reports)),
            ready_anywhere=found.anywhere,
            budgets=found.budgets,
            paused=found.paused,
            ended=found.ended,
        )


class Paused(Answer):
    """What is paused now."""

    paused: tuple[str, ...] = Field(description="such as `account:main` and `kind:video`")
