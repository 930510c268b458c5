"""PURE. Accounts as answers, without their keys."""

from enum import StrEnum

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from worker.domain.account import Costs
from worker.domain.account.callback_stats import TrackingMode
from worker.services.reports.answers.base import Answer, Money, Purse, Time


class Taking(StrEnum):
    """Whether an account takes jobs."""

    OPEN = "open"
    PAUSED = "paused"  #: by a person
    CLOSED = "closed"  #: its key, permission or credit was refused; later a single job tries it
    BLIND = "blind"  #: it refuses to be asked about its tasks
    RESTING = "resting"  #: after repeated failures; later a single job tries it


class Tracking(Answer):
    """How the account's results arrived so far."""

    mode: TrackingMode = Field(description="how the ends of jobs arrive")
    why: str = Field(description="the mode, in words")
    callbacks: int = Field(description="that changed a job")
    with_state: int = Field(description="of them, those that carried our `state`")
    told: int = Field(description="ends that arrived by callback")
    asked: int = Field(description="ends that had to be polled")
    lag_s: float | None = Field(description="mean time between two updates of a job")
    receiving_since: Time | None = Field(
        description="since when no callback was missed, as proofs show; null: they do not come back"
    )
    receiving_trouble: str | None = Field(
        description="why proofs do not come back, so that silence about a job proves nothing"
    )
    called_back_at: Time | None


class Slots(Answer):
    """The slots of one pool."""

    running: int
    max: int


class Pools(Answer):
    """Videos have slots of their own."""

    image: Slots
    video: Slots


class AccountState(Answer):
    """Whether an account takes jobs; if not, why, until when, and what to do."""

    name: Taking
    why: str | None
    until: Time | None = Field(
        description="when a single job tries it; null: it takes jobs, or is tried once it answers"
    )
    hint: str | None


class _Scoped(Answer):
    scope: str = Field(description="`day:2026-11-22` or `tenant:NAME`")


class Budget(Purse, _Scoped):  # in this order the scope comes first
    """A budget that accounts share."""


class Balance(Answer):
    """What is left on the account's key, by the gateway's own ledger."""

    available: Money | None = Field(description="in units; null: without limit")
    granted: Money = Field(description="what was left and used when it was read")
    read_at: Time
    warning: str | None = Field(description="why it needs a person")


class LedgerState(Answer):
    """What the gateway's own ledger is read for."""

    costs: Costs = Field(description="whose figures costs are once they are known")
    doubts: bool = Field(description="whether it settles jobs in doubt")
    trouble: str | None = Field(description="why it could not be read")


class Account(Answer):
    """One provider address and key, and how it stands."""

    name: str
    url: str
    dialect: str = Field(description="as set, or as learnt from its replies; else `auto`")
    max_running: int
    running: int = Field(description="jobs that hold a slot")
    ready: int = Field(description="jobs that wait for a slot of this account")
    ready_films: SkipJsonSchema[int] = Field(exclude=True)  #: part of ``ready``
    slots: Pools
    believed_limit: int | None = Field(
        description="jobs at once, while it is believed to take fewer than set"
    )
    state: AccountState
    error_rate: float = Field(description="share of submits that failed, recent ones counting most")
    money: Purse
    in_doubt: int
    double_payments: int = Field(description="jobs that were paid for twice")
    delivery: Tracking
    balance: Balance | None = Field(None, description="missing: not known, or no gateway")
    ledger: LedgerState | None = Field(None, description="missing: none is read")
    lacks: tuple[str, ...] = Field(
        (), description="calls that its provider does not have, such as `submit/retexture`"
    )


class Accounts(Answer):
    """All accounts."""

    items: tuple[Account, ...]
    ready_anywhere: int = Field(description="ready jobs that any account may take")
    budgets: tuple[Budget, ...] = Field(description="of the day, and of tenants by name")
    paused: tuple[str, ...] = Field(description="all that is paused, such as `kind:video`")
    ended: dict[str, int] = Field(description="jobs ever, by the status they ended in")


class Paused(Answer):
    """What is paused now."""

    paused: tuple[str, ...] = Field(description="such as `account:main` and `kind:video`")
