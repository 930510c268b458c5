"""SHELL. How each account stands: what it has to do, how it calls back, what needs a person."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from worker.adapters.store import Filter, Load
from worker.adapters.store.store import Store
from worker.domain.account import Account
from worker.domain.account.billing import Standing
from worker.domain.account.callback_stats import CallbackStats, TrackingMode
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.job import Status
from worker.domain.money import Amount
from worker.services.orchestrator import Orchestrator

#: Jobs read in one go to be counted; there are few that are in doubt, or were paid for twice.
_PAGE = 2000


class Taking(StrEnum):
    """Whether an account takes jobs."""

    OPEN = "open"
    PAUSED = "paused"  #: a person wants none to start
    CLOSED = "closed"  #: its key, right or credit was refused
    RESTING = "resting"  #: it failed again and again, and is tried with a single job after a while


@dataclass(frozen=True, slots=True)
class State:
    """Whether an account takes jobs; if not, why, until when, and what to do about it."""

    taking: Taking = Taking.OPEN
    why: str | None = None
    until: float | None = None  #: seconds since the epoch; None: until a person says so
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Purse:
    """What was spent of a budget. ``scope`` as ``Store.money`` has it."""

    scope: str
    budget: Amount | None = None  #: None: no limit
    spent: Amount = 0  #: for all that was accepted
    reserved: Amount = 0  #: for submissions on their way, and those in doubt
    refunded: Amount = 0  #: of what was spent

    @property
    def used(self) -> Amount:
        """What counts against the budget."""
        return self.spent + self.reserved - self.refunded


@dataclass(frozen=True, slots=True)
class Report:
    """One account as it is now. ``account`` knows the key, which is never shown."""

    account: Account
    load: Load
    in_doubt: int  #: jobs of which nobody knows yet whether they were accepted
    double_payments: int  #: jobs that were paid for twice, ever
    callback_stats: CallbackStats
    mode: TrackingMode
    why: str  #: this mode
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    state: State = State()
    believed_limit: int | None = None  #: jobs at once, while it is believed to take fewer
    purse: Purse = Purse("")


@dataclass(frozen=True, slots=True)
class Overview:
    """All accounts, and what they share."""

    reports: tuple[Report, ...]
    anywhere: int  #: ready jobs that any account may take
    budgets: tuple[Purse, ...]  #: of today, and of the tenants that have one
    paused: tuple[str, ...]  #: all that is paused, as ``Store.pause`` has it
    ended: Mapping[str, int]  #: jobs by the status in which they ended, ever


def overview(orchestrator: Orchestrator) -> Overview:
    """How everything stands. Raises ``StoreUnavailable``."""
    now, store, names = orchestrator.clock(), orchestrator.store, list(orchestrator.accounts)
    paused = store.queue.paused()
    capacity = [orchestrator.dispatch.capacity(name, now, fresh=True) for name in names]
    purses = [Purse(f"account:{each.account}", each.budget) for each in capacity]
    shared = _shared_purses(capacity[0]) if capacity else []
    filled = _filled(store, [*purses, *shared])
    reports = tuple(
        _report(orchestrator, name, purse, paused, now)
        for name, purse in zip(names, filled, strict=False)
    )
    load = reports[0].load if reports else Load()
    return Overview(
        reports=reports,
        anywhere=load.anywhere + load.anywhere_films,
        budgets=tuple(filled[len(purses) :]),
        paused=tuple(sorted(paused)),
        ended=store.jobs.ended(),
    )


def state_of(name: str, breaker: CircuitBreaker, paused: Collection[str], now: float) -> State:
    """Whether the account takes jobs."""
    resume = f"hookline resume --account {name}"
    if breaker.closed:
        return State(Taking.CLOSED, breaker.closed, hint=f"Mend it, then `{resume}`.")
    if f"account:{name}" in paused:
        return State(Taking.PAUSED, "a person paused it", hint=f"`{resume}`")
    if breaker.rest_until is None:
        return State()
    if now < breaker.rest_until:
        why = f"it failed again and again; a single job tries it at {clock_of(breaker.rest_until)}"
    else:
        why = "it failed again and again; a single job tries it now"
    hint = f"`{resume}` if you know that it is well again."
    return State(Taking.RESTING, why, breaker.rest_until, hint)


def purse_of(store: Store, scope: str, capacity: Capacity) -> Purse:
    """What was spent of one of the budgets that the account's ``terms`` ask about."""
    of, _, name = scope.partition(":")
    batch = store.batches.get(name) if of == "batch" else None
    tenants = capacity.tenant_budgets
    budgets: Mapping[str, Amount | None] = {
        "account": capacity.budget,
        "day": capacity.day_budget,
        "tenant": tenants.get(name, tenants.get("*")),
        "batch": batch.budget if batch else None,
    }
    return _filled(store, [Purse(scope, budgets[of])])[0]


def clock_of(moment: float) -> str:
    """A time of the next hours, as ``12:30:05 UTC``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")


def _shared_purses(capacity: Capacity) -> list[Purse]:
    """Tenants without a budget of their own are not listed: nobody knows who they are."""
    tenants = [
        Purse(f"tenant:{name}", budget)
        for name, budget in capacity.tenant_budgets.items()
        if name != "*"
    ]
    return [Purse(f"day:{capacity.today}", capacity.day_budget), *tenants]


def _filled(store: Store, purses: list[Purse]) -> list[Purse]:
    sums = store.accounts.money([purse.scope for purse in purses])
    return [
        Purse(
            purse.scope,
            purse.budget,
            spent=found.get(Standing.SPENT, 0),
            reserved=found.get(Standing.RESERVED, 0),
            refunded=found.get(Standing.REFUNDED, 0),
        )
        for purse, found in zip(purses, sums, strict=True)
    ]


def _report(
    orchestrator: Orchestrator, name: str, purse: Purse, paused: Collection[str], now: float
) -> Report:
    store = orchestrator.store
    breaker = orchestrator.dispatch.breaker(name)
    callback_stats, mode, why = orchestrator.callback_stats(name)
    account = orchestrator.accounts[name]
    return Report(
        account=account,
        load=store.queue.load(name),
        in_doubt=_count(store, Filter(status=Status.IN_DOUBT, account=name)),
        double_payments=_count(store, Filter(account=name, double_payments=True))
        + store.jobs.forgotten_double_payments(name),
        callback_stats=callback_stats,
        mode=mode,
        why=why,
        breaker=breaker,
        state=state_of(name, breaker, paused, now),
        believed_limit=breaker.believed(account.max_running, now),
        purse=purse,
    )


def _count(store: Store, wanted: Filter) -> int:
    count, cursor = 0, None
    while True:
        page = store.jobs.page(wanted, _PAGE, cursor)
        count += len(page.jobs)
        if (cursor := page.cursor) is None:
            return count
