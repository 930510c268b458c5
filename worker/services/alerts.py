"""SHELL. Looks for what an operator should be told of, every few seconds in one process of all.

The sweep does it in every worker. While no worker runs, the web process looks, and delivers itself.
"""

from collections import defaultdict
from collections.abc import Iterator

from worker.adapters.store.store import Store
from worker.domain import alerts
from worker.domain.alerts import AlertKind, Change, Condition, Paid
from worker.domain.job import Status
from worker.domain.job_spec import Notify
from worker.domain.metrics import Metrics, Value, counted
from worker.domain.notifications import ALERTS, DeliveryState, Notification, of_alert
from worker.services.orchestrator import Orchestrator
from worker.services.reports.answers.accounts import Taking
from worker.services.reports.metrics import all_budgets, posted_at, scope_of
from worker.services.reports.overview import state_of
from worker.services.roster import Roster

#: Seconds between two looks, in all processes together.
EVERY_S = 15.0
#: Jobs in doubt that are looked at, the oldest first.
_DOUBTS = 200
#: Notifications among which alerts are looked for that wait to be sent.
_WAITING = 100


class Alerts:
    """``target``: where alerts go; None: nowhere, so nothing is measured."""

    def __init__(self, orchestrator: Orchestrator, roster: Roster, target: Notify | None) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._roster = roster
        self._target = target
        self._next_at = 0.0

    def look_now_and_then(self) -> None:
        """Look, unless this or another process did so a moment ago; call it as often as you like.

        Raises ``StoreUnavailable``.
        """
        now = self._orchestrator.clock()
        if self._target is None or now < self._next_at:
            return
        self._next_at = now + EVERY_S
        if self._store.once("alerts", EVERY_S):
            self.look()

    def look(self) -> None:
        """Compare what is wrong with what is known, and notify of what began and ended.

        Raises ``StoreUnavailable``.
        """
        if self._target is None:
            return
        now, known = self._orchestrator.clock(), self._store.alerts.known()
        news = alerts.counted(known.paid, self._double_payments(), now)
        wrong = {each.key: each for each in self._wrong({**known.paid, **news}, now)}
        changes = alerts.look(known.troubles, wrong, now)
        told = [(each, self._notification(each, now)) for each in changes]
        self._store.alerts.save(known, told, news, now)

    def waiting(self) -> list[str]:
        """The ids of alerts that are to be sent, for the time when no worker does it; else none.

        Raises ``StoreUnavailable``.
        """
        if self._target is None or self._roster.workers():
            return []
        page = self._store.outbox.page(DeliveryState.WAITING, _WAITING)
        return [one.id for one in page.notifications if one.topic in ALERTS][::-1]

    def _notification(self, change: Change, now: float) -> Notification | None:
        if change.alert is None or self._target is None:
            return None
        return of_alert(change.alert, self._target, now)

    def _double_payments(self) -> dict[str, int]:
        """By account; 0 where there never was one, so that the first one is news."""
        found = counted(self._store.metrics.counters()).get(Metrics.DOUBLE_PAYMENTS, ())
        counts = {each.labels[0]: int(each.value) for each in found if isinstance(each, Value)}
        return {name: counts.get(name, 0) for name in self._orchestrator.accounts}

    def _wrong(self, paid: dict[str, Paid], now: float) -> Iterator[Condition]:
        yield from self._closed(now)
        yield from self._doubts(now)
        for money in all_budgets(self._orchestrator):
            if money.budget is not None:
                yield from alerts.budget_low(scope_of(money), money.budget, money.used)
        yield from alerts.paid_twice(paid, now)
        queued = self._store.metrics.figures().jobs[Status.QUEUED]
        yield from alerts.no_worker(self._roster.workers(), queued)

    def _closed(self, now: float) -> Iterator[Condition]:
        """A person who paused an account knows it."""
        paused = self._store.queue.paused()
        for name in self._orchestrator.accounts:
            breaker = self._orchestrator.dispatch.breaker(name, fresh=True)
            state = state_of(name, breaker, paused, now)
            if state.name in (Taking.OPEN, Taking.PAUSED):
                continue
            yield Condition(
                AlertKind.ACCOUNT_CLOSED,
                name,
                f"{name} takes no jobs ({state.name}): {state.why}",
                state.hint or "`hookline accounts` says what ends it.",
                0.0 if state.name is Taking.CLOSED else alerts.RESTS_S,
            )

    def _doubts(self, now: float) -> Iterator[Condition]:
        posted = defaultdict[str, dict[str, float]](dict)
        ids = self._store.metrics.oldest(Status.IN_DOUBT, _DOUBTS)
        for job in self._store.jobs.get_many(ids):
            posted[job.account][job.id] = posted_at(job)
        for account, at in posted.items():
            yield from alerts.old_doubts(account, at, now)
