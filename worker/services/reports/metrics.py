"""SHELL. All metrics as they are now: the counters of the store, and what its indexes show."""

from collections.abc import Iterator

from worker.adapters.store.metrics import Figures
from worker.adapters.store.store import Store
from worker.domain.account.capacity import Pool
from worker.domain.job import Job, Status
from worker.domain.lifecycle.moves import followed
from worker.domain.metrics import (
    Distribution,
    Measured,
    Metric,
    Metrics,
    Value,
    all_metrics,
    counted,
)
from worker.domain.money import units
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.accounts import Budget, Taking
from worker.services.reports.overview import budgets_of, shared_budgets, state_of
from worker.services.roster import Roster

#: Jobs of a status that are looked at to find the oldest that is meant.
_OLDEST = 200

_Found = Iterator[tuple[Metric, Value]]


def measured(orchestrator: Orchestrator, roster: Roster) -> Measured:
    """All values. Costs some reads of each account's. Raises ``StoreUnavailable``."""
    store = orchestrator.store
    figures = store.metrics.figures()
    found: dict[Metric, list[Value | Distribution]] = counted(figures.counters)
    for part in (
        _of_indexes(store, figures, orchestrator.clock()),
        _of_accounts(orchestrator),
        _of_money(orchestrator),
        _of_processes(orchestrator, roster),
    ):
        for metric, value in part:
            found.setdefault(metric, []).append(value)
    return {metric: found[metric] for metric in all_metrics() if metric in found}


def _of_indexes(store: Store, figures: Figures, now: float) -> _Found:
    for status, count in figures.jobs.items():
        yield Metrics.JOBS, Value((status,), count)
    ready = (job.spec.created_at for job in _oldest(store, Status.QUEUED) if job.ready)
    doubts = map(posted_at, _oldest(store, Status.IN_DOUBT))
    for metric, since in (
        (Metrics.OLDEST_READY, min(ready, default=None)),
        (Metrics.OLDEST_DOUBT, min(doubts, default=None)),
        (Metrics.SWEEP_LAG, figures.due_since),
        (Metrics.OUTBOX_AGE, figures.untold_since),
    ):
        yield metric, Value((), 0.0 if since is None else max(0.0, now - since))
    yield Metrics.DEAD_LETTERS, Value((), figures.dead)


def _oldest(store: Store, status: Status) -> list[Job]:
    return store.jobs.get_many(store.metrics.oldest(status, _OLDEST))


def posted_at(job: Job) -> float:
    """When the POST of a job in doubt was sent."""
    return followed(job).posted_at or job.spec.created_at if job.attempts else job.spec.created_at


def _of_accounts(orchestrator: Orchestrator) -> _Found:
    store, now = orchestrator.store, orchestrator.clock()
    paused, anywhere = store.queue.paused(), 0
    for name, account in orchestrator.accounts.items():
        load = store.queue.load(name)
        breaker = orchestrator.dispatch.breaker(name, fresh=True)
        takes = state_of(name, breaker, paused, now).name is Taking.OPEN
        for pool, used, limit in (
            (Pool.IMAGE, load.images, account.max_running),
            (Pool.VIDEO, load.films, account.max_running_video),
        ):
            yield Metrics.SLOTS_USED, Value((name, pool.value), used)
            yield Metrics.SLOTS_LIMIT, Value((name, pool.value), limit)
        believed = breaker.believed(account.max_running, now) or account.max_running
        yield Metrics.SLOTS_BELIEVED, Value((name,), believed)
        yield Metrics.ACCOUNT_OPEN, Value((name,), int(takes))
        yield Metrics.JOBS_READY, Value((name,), load.ready + load.ready_films)
        anywhere = load.anywhere + load.anywhere_films
    yield Metrics.JOBS_READY, Value(("*",), anywhere)


def _of_money(orchestrator: Orchestrator) -> _Found:
    budgets = all_budgets(orchestrator)
    for name, money in zip(orchestrator.accounts, budgets, strict=False):
        yield Metrics.SPENT, Value((name,), units(money.spent))
        yield Metrics.REFUNDED, Value((name,), units(money.refunded))
    for money in budgets:
        if money.budget is not None:
            yield Metrics.BUDGET, Value((scope_of(money),), units(money.budget))
            yield Metrics.BUDGET_LEFT, Value((scope_of(money),), units(money.budget - money.used))


def all_budgets(orchestrator: Orchestrator) -> list[Budget]:
    """Of each account, in their order, then those that they share."""
    now, names = orchestrator.clock(), list(orchestrator.accounts)
    capacities = [orchestrator.dispatch.capacity(name, now) for name in names]
    own = {f"account:{each.account}": each.budget for each in capacities}
    shared = shared_budgets(capacities[0]) if capacities else {}
    return budgets_of(orchestrator.store, own | shared)


def scope_of(money: Budget) -> str:
    """Without the date, which would be another label every day."""
    return "day" if money.scope.startswith("day:") else money.scope


def _of_processes(orchestrator: Orchestrator, roster: Roster) -> _Found:
    for version, count in (roster.versions() or {roster.version: 0}).items():
        yield Metrics.WORKERS, Value((version,), count)
    since = orchestrator.receiving_since()
    if orchestrator.hooked:
        yield Metrics.RECEIVER_UP_SINCE, Value((), since or 0.0)
    yield Metrics.BUILD, Value((roster.version,), 1)
