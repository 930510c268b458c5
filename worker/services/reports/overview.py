"""SHELL. The state of each account: its jobs and money, how it calls back, what needs a person."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from worker.adapters.store import Filter, Load
from worker.adapters.store.store import Store
from worker.domain.account.billing import Standing
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.job import Status
from worker.domain.money import Amount
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.accounts import (
    Account,
    Accounts,
    AccountState,
    Budget,
    Pools,
    Slots,
    Taking,
    Tracking,
)

#: Jobs read at a time to count them: few are in doubt, or were paid for twice.
_PAGE = 2000


def overview(orchestrator: Orchestrator) -> Accounts:
    """All accounts, and what they share. Raises ``StoreUnavailable``."""
    now, store, names = orchestrator.clock(), orchestrator.store, list(orchestrator.accounts)
    paused = store.queue.paused()
    capacities = [orchestrator.dispatch.capacity(name, now, fresh=True) for name in names]
    own = {f"account:{each.account}": each.budget for each in capacities}
    shared = _shared_budgets(capacities[0]) if capacities else {}
    budgets = budgets_of(store, own | shared)
    load = store.queue.load(names[0]) if names else Load()
    return Accounts(
        items=tuple(
            _account(orchestrator, name, budget, paused, now)
            for name, budget in zip(names, budgets, strict=False)
        ),
        ready_anywhere=load.anywhere + load.anywhere_films,
        budgets=tuple(budgets[len(own) :]),
        paused=tuple(sorted(paused)),
        ended=dict(store.jobs.ended()),
    )


def state_of(
    name: str, breaker: CircuitBreaker, paused: Collection[str], now: float
) -> AccountState:
    """Whether the account takes jobs."""
    resume = f"hookline resume --account {name}"
    if breaker.closed:
        return _state(Taking.CLOSED, breaker.closed, hint=f"Fix it, then `{resume}`.")
    if f"account:{name}" in paused:
        return _state(Taking.PAUSED, "a person paused it", hint=f"`{resume}`")
    if breaker.rest_until is None:
        return _state(Taking.OPEN)
    at = f"at {clock_of(breaker.rest_until)}" if now < breaker.rest_until else "now"
    why = f"it failed again and again; a single job tries it {at}"
    hint = f"`{resume}` if you know that it is well again."
    return _state(Taking.RESTING, why, breaker.rest_until, hint)


def budget_of(store: Store, scope: str, capacity: Capacity) -> Budget:
    """What was spent of one of the budgets that limit ``capacity``."""
    of, _, name = scope.partition(":")
    batch = store.batches.get(name) if of == "batch" else None
    tenants = capacity.tenant_budgets
    limits: Mapping[str, Amount | None] = {
        "account": capacity.budget,
        "day": capacity.day_budget,
        "tenant": tenants.get(name, tenants.get("*")),
        "batch": batch.budget if batch else None,
    }
    return budgets_of(store, {scope: limits[of]})[0]


def budgets_of(store: Store, limits: Mapping[str, Amount | None]) -> list[Budget]:
    """What was spent of each budget, by scope as ``store.accounts.money`` has it."""
    return [
        Budget(
            scope=scope,
            budget=limit,
            spent=sums.get(Standing.SPENT, 0),
            reserved=sums.get(Standing.RESERVED, 0),
            refunded=sums.get(Standing.REFUNDED, 0),
        )
        for (scope, limit), sums in zip(
            limits.items(), store.accounts.money(list(limits)), strict=True
        )
    ]


def clock_of(moment: float) -> str:
    """A time of the next hours, as ``12:30:05 UTC``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")


def _state(
    taking: Taking, why: str | None = None, until: float | None = None, hint: str | None = None
) -> AccountState:
    return AccountState(name=taking, why=why, until=until, hint=hint)


def _shared_budgets(capacity: Capacity) -> dict[str, Amount | None]:
    """The day's, and those of tenants with a budget of their own: the others are not known."""
    tenants = {f"tenant:{name}": each for name, each in capacity.tenant_budgets.items()}
    tenants.pop("tenant:*", None)
    return {f"day:{capacity.today}": capacity.day_budget, **tenants}


def _account(
    orchestrator: Orchestrator, name: str, money: Budget, paused: Collection[str], now: float
) -> Account:
    store, account = orchestrator.store, orchestrator.accounts[name]
    breaker, load = orchestrator.dispatch.breaker(name), store.queue.load(name)
    stats, mode, why = orchestrator.callback_stats(name)
    paid_twice = _count(store, Filter(account=name, double_payments=True))
    learnt = account.dialect if account.dialect != "auto" else stats.dialect
    return Account(
        name=name,
        url=account.url,
        dialect=learnt or "auto",
        max_running=account.max_running,
        running=load.running,
        ready=load.ready + load.ready_films,
        ready_films=load.ready_films,
        slots=Pools(
            image=Slots(running=load.images, max=account.max_running),
            video=Slots(running=load.films, max=account.max_running_video),
        ),
        believed_limit=breaker.believed(account.max_running, now),
        state=state_of(name, breaker, paused, now),
        error_rate=breaker.error_rate,
        money=money,
        in_doubt=_count(store, Filter(status=Status.IN_DOUBT, account=name)),
        double_payments=paid_twice + store.jobs.forgotten_double_payments(name),
        delivery=Tracking.model_validate({**asdict(stats), "mode": mode, "why": why}),
        **({"lacks": lacks} if (lacks := orchestrator.calls.of(name).all_lacking(now)) else {}),
    )


def _count(store: Store, wanted: Filter) -> int:
    count, cursor = 0, None
    while True:
        page = store.jobs.page(wanted, _PAGE, cursor)
        count += len(page.jobs)
        if (cursor := page.cursor) is None:
            return count
