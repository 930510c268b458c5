"""What the calls about accounts answer, as models; see ``webhooks.api.openapi_answers``."""

from typing import Annotated

from pydantic import BaseModel, Field

from webhooks.api.openapi_answers import Purse, Time
from worker.domain.account.callback_stats import TrackingMode
from worker.services.reports.overview import Taking


class Delivery(BaseModel):
    """How an account's provider has told us about its tasks."""

    mode: Annotated[TrackingMode, Field(description="how ends are heard of")]
    why: Annotated[str, Field(description="the mode, in words")]
    callbacks: Annotated[int, Field(description="that told something new")]
    with_state: Annotated[int, Field(description="of them, those that carried our `state`")]
    told: Annotated[int, Field(description="ends told by callback")]
    asked: Annotated[int, Field(description="ends that had to be asked for")]
    lag_s: Annotated[float | None, Field(description="mean time between two news about a job")]
    receiving_since: Annotated[
        Time | None, Field(description="since when no callback was missed; null: not receiving")
    ]
    called_back_at: Time | None


class Slots(BaseModel):
    """The places of one pool."""

    running: int
    max: int


class Pools(BaseModel):
    """Films have places of their own."""

    image: Slots
    video: Slots


class State(BaseModel):
    """Whether an account takes jobs; if not, why, until when, and what to do."""

    name: Taking
    why: str | None
    until: Time | None
    hint: str | None


class Budget(Purse):
    """A budget that accounts share."""

    scope: Annotated[str, Field(description="`day:2026-11-22` or `tenant:NAME`")]


class Account(BaseModel):
    """One provider address and key, and how it stands."""

    name: str
    url: str
    dialect: Annotated[str, Field(description="as set, or as its answers betrayed it; or `auto`")]
    max_running: int
    running: Annotated[int, Field(description="jobs that use one of the places")]
    ready: Annotated[int, Field(description="jobs that wait for a place here only")]
    slots: Pools
    believed_limit: Annotated[
        int | None, Field(description="jobs at once, while it is believed to take fewer than set")
    ]
    state: State
    error_rate: Annotated[
        float, Field(description="share of submissions that failed, the last ones counting most")
    ]
    money: Purse
    in_doubt: int
    double_payments: Annotated[int, Field(description="jobs that were paid for twice")]
    delivery: Delivery


class Accounts(BaseModel):
    """All accounts."""

    items: list[Account]
    ready_anywhere: Annotated[int, Field(description="ready jobs that any account may take")]
    budgets: Annotated[list[Budget], Field(description="of the day, and of tenants by name")]
    paused: Annotated[list[str], Field(description="all that is paused, such as `kind:video`")]
    ended: Annotated[dict[str, int], Field(description="jobs ever, by the status they ended in")]


class Paused(BaseModel):
    """What is paused now."""

    paused: Annotated[list[str], Field(description="such as `account:main` and `kind:video`")]


MODELS: tuple[type[BaseModel], ...] = (Accounts, Paused)
