"""SHELL. The state of each account: its jobs and money, how it calls back, what needs a person."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from worker.adapters.store import Filter, Load
from worker.adapters.store.store import Store
from worker.domain.access import OPERATOR, Caller
from worker.domain.account.billing import Standing
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import BLIND_HINT, CircuitBreaker
from worker.domain.account.ledger import Call, Ledger, warning
from worker.domain.job import Status
from worker.domain.money import Amount
from worker.domain.presence import not_proven
from worker.services import ledgers
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.accounts import (
    Account,
    Accounts,
    AccountState,
    Balance,
    Budget,
    LedgerState,
    Pools,
    Slots,
    Taking,
    Tracking,
)

#: Jobs read at a time to count them: few are in doubt, or were paid for twice.
_PAGE = 2000


def overview(orchestrator: Orchestrator, caller: Caller = OPERATOR) -> Accounts:
    """All accounts, and what they share; for a tenant only its own money.

    Raises ``StoreUnavailable``.
    """
    if caller.tenant is not None:
        return _of_tenant(orchestrator, caller.tenant)
    now, store, names = orchestrator.clock(), orchestrator.store, list(orchestrator.accounts)
    paused = store.queue.paused()
    capacities = [orchestrator.dispatch.capacity(name, now, fresh=True) for name in names]
    own = {f"account:{each.account}": each.budget for each in capacities}
    shared = shared_budgets(capacities[0]) if capacities else {}
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


def _of_tenant(orchestrator: Orchestrator, tenant: str) -> Accounts:
    limit = orchestrator.dispatch.budgets.tenant(tenant)
    own = budgets_of(orchestrator.store, {f"tenant:{tenant}": limit})
    return Accounts(items=(), ready_anywhere=0, budgets=tuple(own), paused=(), ended={})


def state_of(
    name: str,
    breaker: CircuitBreaker,
    paused: Collection[str],
    now: float,
    trial: str | None = None,
) -> AccountState:
    """Whether the account takes jobs. ``trial``: the job that tries it now, after a rest."""
    resume = f"hookline resume {name}"
    at_once = f"`{resume}` tries it at once."
    until = None if breaker.blind else breaker.tries_at
    next_try = _next_try(breaker, now, trial)
    if breaker.closed:
        return _state(Taking.CLOSED, f"{breaker.closed}; {next_try}", until, f"Fix it; {at_once}")
    if f"account:{name}" in paused:
        return _state(Taking.PAUSED, "a person paused it", hint=f"`{resume}`")
    if breaker.blind:
        since = clock_of(breaker.unseen_since or now)
        why = f"it refuses questions about tasks since {since}: {breaker.blind.rstrip('.')}"
        why += "; nothing new starts there; it is probed every few seconds"
        return _state(Taking.BLIND, f"{why} and takes jobs again once it answers", hint=BLIND_HINT)
    if until is None:
        return _state(Taking.OPEN)
    last = f", the last one with {breaker.trouble}" if breaker.trouble else ""
    why = f"its submits fail{last}; {next_try}"
    return _state(Taking.RESTING, why, until, at_once)


def trial_of(store: Store, name: str, breaker: CircuitBreaker, now: float) -> str | None:
    """The id of the job that tries the resting account now, if one does."""
    if breaker.trial(now) is None or (job_id := store.accounts.tried_by(name)) is None:
        return None
    job = store.jobs.get(job_id)
    return job_id if job and job.status is Status.SUBMITTING and job.account == name else None


def _next_try(breaker: CircuitBreaker, now: float, trial: str | None) -> str:
    if breaker.blind:
        return "it refuses questions as well, and is tried as soon as it answers one"
    if trial:
        return f"job {trial} tries it now"
    at = breaker.tries_at or now
    if breaker.away and now < at:
        return f"it is tried as soon as it answers a question, at {clock_of(at)} at the latest"
    return f"a single job tries it {f'at {clock_of(at)}' if now < at else 'now'}"


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


def shared_budgets(capacity: Capacity) -> dict[str, Amount | None]:
    """The day's, and those of tenants with a budget of their own: the others are not known."""
    tenants = {f"tenant:{name}": each for name, each in capacity.tenant_budgets.items()}
    tenants.pop("tenant:*", None)
    return {f"day:{capacity.today}": capacity.day_budget, **tenants}


def _account(
    orchestrator: Orchestrator, name: str, money: Budget, paused: Collection[str], now: float
) -> Account:
    store, account = orchestrator.store, orchestrator.accounts[name]
    breaker, load = orchestrator.dispatch.breaker(name), store.queue.load(name)
    tracking = _tracking(orchestrator, name, now)
    paid_twice = _count(store, Filter(account=name, double_payments=True))
    return Account(
        name=name,
        url=account.url,
        dialect=orchestrator.dialect(name),
        max_running=account.max_running,
        running=load.running,
        ready=load.ready + load.ready_films,
        ready_films=load.ready_films,
        slots=Pools(
            image=Slots(running=load.images, max=account.max_running),
            video=Slots(running=load.films, max=account.max_running_video),
        ),
        believed_limit=breaker.believed(account.max_running, now),
        state=state_of(name, breaker, paused, now, trial_of(store, name, breaker, now)),
        error_rate=breaker.error_rate,
        money=money,
        in_doubt=_count(store, Filter(status=Status.IN_DOUBT, account=name)),
        double_payments=paid_twice + store.jobs.forgotten_double_payments(name),
        delivery=tracking,
        **({"lacks": lacks} if (lacks := orchestrator.calls.of(name).all_lacking(now)) else {}),
        **_of_the_gateway(orchestrator, name),
    )


def _tracking(orchestrator: Orchestrator, name: str, now: float) -> Tracking:
    stats, mode, why = orchestrator.callback_stats(name)
    presence = stats.presence
    lasts = presence is not None and presence.lasts(now)
    trouble = not_proven(presence) if orchestrator.hooked and not lasts else None
    return Tracking.model_validate(
        {
            **asdict(stats),
            "mode": mode,
            "why": why,
            "receiving_since": presence.since if presence and lasts else None,
            "receiving_trouble": trouble,
        }
    )


def _of_the_gateway(orchestrator: Orchestrator, name: str) -> dict[str, Any]:
    """What its own ledger says, where there is one. A worker read it; nothing is asked here."""
    found, calls = ledgers.known(orchestrator, name), orchestrator.ledger_calls(name)
    answers: dict[str, Any] = {}
    if balance := _balance(orchestrator, name, found):
        answers["balance"] = balance
    if balance or (orchestrator.is_gateway(name) and any(call in found.trouble for call in calls)):
        answers["ledger"] = _ledger(found, calls, orchestrator.costs_by(name))
    return answers


def _balance(orchestrator: Orchestrator, name: str, found: Ledger) -> Balance | None:
    left = found.balance
    if left is None:
        return None
    waiting = orchestrator.store.accounts.money([f"account:{name}"])[0].get(Standing.ESTIMATED, 0)
    return Balance(
        available=None if left.unlimited else left.available,
        granted=left.granted,
        read_at=left.read_at,
        warning=warning(left, waiting),
    )


def _ledger(found: Ledger, calls: Collection[Call], costs: Call | None) -> LedgerState:
    there = {call for call in calls if call not in found.absent}
    trouble = {found.trouble[call] for call in there if call in found.trouble}
    return LedgerState(
        costs="provider" if costs in there else "prices",
        doubts=Call.TASKS in there,
        trouble="; ".join(sorted(trouble)) or None,
    )


def _count(store: Store, wanted: Filter) -> int:
    count, cursor = 0, None
    while True:
        page = store.jobs.page(wanted, _PAGE, cursor)
        count += len(page.jobs)
        if (cursor := page.cursor) is None:
            return count
