"""SHELL. The one door for every change of a job: load -> transition -> commit -> wake."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic, time

from config.logger import get_logger
from worker.adapters.store import NoFreeSlot, NotReplicated, Openings
from worker.adapters.store.jobs import Change, Committed
from worker.adapters.store.places import ANY
from worker.adapters.store.store import Store
from worker.domain import links
from worker.domain.account import Account, Budgets, ledger
from worker.domain.account.billing import unbooked
from worker.domain.account.callback_stats import (
    CallbackStats,
    Sample,
    Source,
    TrackingMode,
    policy_for,
    sort_of,
    tracking_mode,
)
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.account.task_list import Accepted
from worker.domain.errors import HooklineError, NotFound, StaleVersion
from worker.domain.events import (
    Decision,
    Disposition,
    Event,
    Policy,
    Replied,
    Resolved,
    SiblingsSeen,
    TroubleOver,
)
from worker.domain.history import entries_of
from worker.domain.job import Job, Status, Window
from worker.domain.job_spec import Kind, Notify
from worker.domain.lifecycle import transition
from worker.domain.lifecycle.moves import followed
from worker.domain.metrics import Metrics, counts_of, unchanged
from worker.domain.notifications import announce
from worker.domain.provider_reports import Outcome
from worker.domain.redaction import hiding
from worker.domain.result import AssetsStatus
from worker.domain.tracing import Exporter, spans_of
from worker.domain.wakeups import Wakeups
from worker.services.calls import KnownCalls
from worker.services.dispatch import Dispatch
from worker.services.tally import Tally

log = get_logger(__name__)

#: Jobs that are released at a time; the rest are due by themselves.
RELEASED = 500
#: Callback stats are cached for this many seconds.
_STATS_AGE_S = 5.0
_NEVER_READ = (float("-inf"), CallbackStats())
#: Statuses that are logged for debugging only.
_QUIET = frozenset({Status.SUBMITTING, Status.IN_PROGRESS})
#: What became of a decision.
Recorded = Decision | NoFreeSlot | StaleVersion | NotReplicated


class Orchestrator:
    """Carries out what ``transition`` decides.

    ``hooked``: whether submits carry a callback URL; ``way``: which one, as proofs know it
    (``worker.domain.presence.way_of``). ``rules``: the configured policy. ``clock``
    returns seconds since the epoch. ``traces``: where the spans of commits go.
    """

    def __init__(
        self,
        store: Store,
        wakeups: Wakeups,
        accounts: Mapping[str, Account],
        *,
        hooked: bool,
        way: str = "",
        rules: Policy | None = None,
        budgets: Budgets | None = None,
        clock: Callable[[], float] = time,
        traces: Exporter | None = None,
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.clock = clock
        self.traces = traces
        self.rules = rules or Policy()
        self.dispatch = Dispatch(store, wakeups, accounts, budgets or Budgets())
        self.tally = Tally(store.metrics, clock)
        self.calls = KnownCalls(store, self.dispatch.settings_of, clock)
        self._wakeups = wakeups
        self.hooked = hooked
        self._way = way
        self._hide = {account.name: hiding(account.key) for account in accounts.values()}
        self._policies: dict[tuple[str, str], tuple[CallbackStats, CircuitBreaker, Policy]] = {}
        self._callback_stats_cache: dict[str, tuple[float, CallbackStats]] = {}

    def job(self, job_id: str) -> Job:
        """The job. Raises ``NotFound``."""
        job = self.store.jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}.")
        return job

    def record(self, job: Job, event: Event, *, source: Source | None = None) -> Decision:
        """Apply ``event`` to ``job``, unless it is a duplicate, stale or foreign.

        Raises ``Conflict`` when the job's status does not allow it, ``NoFreeSlot`` when a job
        cannot start, ``NotFound`` when the job is gone, and ``NotReplicated`` when it was applied,
        but a fail-over of Redis may forget it.
        """
        while True:
            now = self.clock()
            decision = self.decide(job, event, now)
            if decision.disposition is not Disposition.APPLIED:
                self.tally.add(unchanged(job.account, event, decision.disposition))
                return decision
            sample = _sample(job, decision.job, source, now) if source else None
            accepted = _accepted(job, event, decision.job, now)
            change = self._change(job, decision, now, sample, accepted)
            [done] = self._commit([(job, decision, change)], now)
            if isinstance(done, Decision):
                return done
            if isinstance(done, NoFreeSlot | NotReplicated):
                raise done
            # Another process committed between our read and our write: decide again.
            job = self.job(job.id)

    def decide(self, job: Job, event: Event, now: float) -> Decision:
        """What becomes of the job with the event; nothing is stored."""
        event = links.absolute(event, job, self.accounts)
        return transition(job, event, now, self.policy(job))

    def record_all(self, decided: Sequence[tuple[Job, Decision]], now: float) -> list[Recorded]:
        """Commit what was decided of each job, in one exchange.

        The decision, or why it was not stored: ``StaleVersion``, if another process was first; or
        ``NotReplicated``: it was, but a fail-over of Redis may forget it.
        """
        changes = [(job, each, self._change(job, each, now)) for job, each in decided]
        return self._commit(changes, now)

    def _change(
        self,
        job: Job,
        decision: Decision,
        now: float,
        sample: Sample | None = None,
        accepted: Accepted | None = None,
    ) -> Change:
        announced, outbox = announce(job, decision.job, self._notify(decision.job), now)
        if announced is not decision.job:
            decision = replace(decision, job=announced)
        return Change(
            announced,
            # The account whose slot it takes or frees.
            self.dispatch.capacity(announced.account or job.account, now),
            decision.children,
            sample,
            accepted,
            outbox,
            unbooked=self._unbooked(job, announced, now),
            history=entries_of(job, decision, outbox, now, self._hide.get(announced.account, str)),
            counts=counts_of(job, decision, now),
        )

    def _commit(
        self, changes: Sequence[tuple[Job, Decision, Change]], now: float
    ) -> list[Recorded]:
        """Store the changes, and do at once what follows from those that were stored."""
        began, short = monotonic(), None
        outcomes: Sequence[Committed]
        try:
            outcomes = self.store.jobs.commit_all([change for _, _, change in changes], now)
        except NotReplicated as error:
            outcomes, short = error.outcomes, error
        self.tally.observe(Metrics.COMMIT, monotonic() - began)
        done: list[Recorded] = []
        for (before, decision, change), outcome in zip(changes, outcomes, strict=True):
            if not isinstance(outcome, Openings):
                done.append(outcome)
                continue
            stored = replace(decision, job=change.stored)
            # First what others wait for.
            self.dispatch.wake(stored.job.account or before.account, outcome, now)
            self._log(before, stored)
            if self.traces:
                spans = spans_of(before, stored.job, change.history, now, self.clock())
                self.traces.send(spans)
            self._poll_soon(stored.job, now)
            self._wake_dependents(stored.job)
            done.append(short or stored)
        return done

    def recheck_dependencies(self, job: Job) -> Job:
        """Re-check the job's dependencies; return the updated job."""
        siblings = tuple(self.store.jobs.get_many(job.spec.waits_for))
        return self.record(job, SiblingsSeen(siblings)).job

    def release(self, account: str) -> None:
        """Offer the jobs again that wait because ``account``, or any, refused them."""
        for name in (account, ANY):
            for job in self.store.jobs.held_back(name, RELEASED):
                with suppress(NotFound):  # deleted meanwhile
                    self.record(job, TroubleOver())

    def create(self, job: Job) -> bool:
        """Store a new job and wake a worker for it. False when the id exists already."""
        now = self.clock()
        change = Change(job, self.dispatch.capacity(job.account, now))
        [done] = self.store.jobs.commit_all([change], now)
        if not isinstance(done, Openings):
            return False
        self.dispatch.wake(job.account, done, now)
        return True

    def policy(self, job: Job) -> Policy:
        """The job's timeouts, from how its account has called back so far."""
        if not job.account:
            return self.rules
        # In doubt, silence is evidence: cached stats could lead to a second payment.
        callback_stats = self._callback_stats(job.account, fresh=job.status is Status.IN_DOUBT)
        breaker = self.dispatch.breaker(job.account)
        known = self._policies.get((job.account, sort := sort_of(job)))
        if known is None or known[0] is not callback_stats or known[1] is not breaker:
            policy = self._policy(job.account, sort, callback_stats, breaker)
            known = self._policies[job.account, sort] = callback_stats, breaker, policy
        return known[2]

    def _policy(
        self, account: str, sort: str, callback_stats: CallbackStats, breaker: CircuitBreaker
    ) -> Policy:
        dialect = self.dialect(account)
        known = policy_for(sort, self.rules, callback_stats, hooked=self.hooked, dialect=dialect)
        return replace(
            known,
            account_accepts=breaker.accepted or breaker.rests > 1,
            account_rests_until=breaker.tries_at,
            unanswered=breaker.blind or breaker.away,
            blind=breaker.blind is not None,
            answers_since=breaker.seen_at,
        )

    def callback_stats(self, account: str) -> tuple[CallbackStats, TrackingMode, str]:
        """The account's callback stats, its tracking mode, and the reason for the mode."""
        callback_stats = self._callback_stats(account, fresh=True)
        return callback_stats, *tracking_mode(callback_stats, hooked=self.hooked)

    def receiving_since(self) -> float | None:
        """Since when proofs have shown that callbacks reach us; None: they do not."""
        presence = self.store.presence.get(self._way)
        return presence.since if presence and presence.lasts(self.clock()) else None

    def learn_parent_lag(self, account: str, age_s: float, refused_age_s: float | None) -> None:
        """A press was accepted so long after its parent's end; see ``ParentLag.after_press``."""
        known = self._callback_stats(account).parent_lag
        learnt = known.after_press(age_s, refused_age_s)
        if learnt != known:
            self.store.accounts.learn_parent_lag(account, learnt)
            self._callback_stats_cache.pop(account, None)

    def dialect(self, account: str) -> str:
        """The account's dialect, as set or as learnt from its replies; ``auto``: not known yet."""
        known = self.accounts.get(account)
        if known is not None and known.dialect != "auto":
            return known.dialect
        return self._callback_stats(account).dialect or "auto"

    def ledger_calls(self, account: str) -> frozenset[ledger.Call]:
        """The calls to the account's ledger that its settings ask for."""
        if account not in self.accounts:
            return frozenset()
        return ledger.calls(self.accounts[account], self._callback_stats(account).dialect)

    def is_gateway(self, account: str) -> bool | None:
        """Whether the account's provider is a gateway; None while that is unknown."""
        return ledger.is_gateway(self.accounts[account], self._callback_stats(account).dialect)

    def costs_by(self, account: str) -> ledger.Call | None:
        """The call that shows what the account's tasks cost; None if its price list counts."""
        wanted = self.ledger_calls(account)
        return ledger.costs_by(self.accounts[account], wanted) if wanted else None

    def _notify(self, job: Job) -> Notify | None:
        account = self.accounts.get(job.account)
        return job.options.notify or (account.notify if account else None)

    def _unbooked(self, before: Job, job: Job, now: float) -> Mapping[str, float]:
        """When to read what the job cost, by the accounts whose ledgers say so."""
        names = {name for name, _ in unbooked(job) - unbooked(before)}
        return {name: now + ledger.SETTLED_S for name in names if self.costs_by(name)}

    def _poll_soon(self, job: Job, now: float) -> None:
        """Poll at once if somebody waits for it; the sweep finds everything else that is due."""
        if job.askable and job.due_at is not None and job.due_at <= now:
            self._wakeups.ask(job.account, [job.id])

    def _wake_dependents(self, job: Job) -> None:
        """A blend needs only the finished job, a choose also its files."""
        if not job.awaited_by or not job.status.terminal:
            return
        try:
            awaiting = self.store.jobs.get_many(job.awaited_by)
            for waiting in filter(lambda each: each.waiting, awaiting):
                if waiting.kind is not Kind.CHOOSE:
                    self.recheck_dependencies(waiting)
                elif job.result.assets_status is not AssetsStatus.PENDING:
                    self._wakeups.choose(waiting.id)
        except HooklineError as error:  # this job's change is committed all the same
            log.warning("job.dependents_left_to_sweep", job_id=job.id, error=str(error))

    def _callback_stats(self, account: str, *, fresh: bool = False) -> CallbackStats:
        read_at, callback_stats = self._callback_stats_cache.get(account, _NEVER_READ)
        if fresh or monotonic() - read_at > _STATS_AGE_S:
            callback_stats = self.store.accounts.callback_stats(account, self._way)
            self._callback_stats_cache[account] = (monotonic(), callback_stats)
        return callback_stats

    def _log(self, before: Job, decision: Decision) -> None:
        job = decision.job
        known = {paid.number for paid in before.double_payments}
        for paid in (each for each in job.double_payments if each.number not in known):
            log.error(
                "job.paid_twice",
                job_id=job.id,
                account=job.account,
                attempt=paid.number,
                task_id=paid.task_id,
                followed_task_id=job.task_id,
            )
        if job.status is before.status:
            return
        # Most callbacks report progress, and a submit has a line of its own.
        write = log.debug if job.status in _QUIET else log.info
        write(
            "job.status_changed",
            status=job.status.value,
            job_id=job.id,
            kind=job.kind.value,
            account=job.account,
            task_id=job.task_id,
            children=len(decision.children) or None,
            error=job.error.code if job.error else None,
        )


def _sample(before: Job, job: Job, source: Source, now: float) -> Sample:
    ended = job.status.terminal and not before.status.terminal
    lag = None if before.heard_at is None else max(0.0, now - before.heard_at)
    # An overdue one would stretch what a task usually takes.
    succeeded = ended and job.status is Status.SUCCEEDED and before.status is not Status.OVERDUE
    posted_at = followed(job).posted_at if succeeded and job.attempts else None
    took = None if posted_at is None else max(0.0, now - posted_at)
    return Sample(source, now, sort_of(job), ended=ended, lag_s=lag, took_s=took)


def _accepted(before: Job, event: Event, job: Job, now: float) -> Accepted | None:
    """The task that was accepted with this change, as far as it is sure when it was submitted.

    An open window's task may not be listed, and a task that somebody names may be any.
    """
    named = isinstance(event, Resolved) or (
        isinstance(event, Replied) and event.verdict.outcome is Outcome.EXISTS
    )
    if job.task_id in (None, before.task_id) or named or job.window is not Window.NONE:
        return None
    posted_at = followed(job).posted_at
    if posted_at is None:
        return None
    return Accepted(job.task_id, sort_of(job), posted_at, now)
