"""SHELL. Takes a ready job, has its POST prepared, sends it, records the reply.

The order protects money: ``submitting`` is committed before anything is prepared, and the intent to
POST before the POST leaves. So a worker that dies leaves a record of what it may have done, and
nobody sends a second POST blindly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, sleep

import structlog

from worker.adapters.provider.client import ProviderClient
from worker.adapters.store import NoFreeSlot
from worker.adapters.store.store import Store
from worker.domain.account.callback_stats import sort_of
from worker.domain.account.calls import call_of
from worker.domain.error_codes import ErrorCode
from worker.domain.errors import (
    HooklineError,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from worker.domain.events import Disposition, Replied, Started
from worker.domain.job import AttemptOutcome, Job, Status
from worker.domain.provider_reports import Outcome, Verdict
from worker.services.orchestrator import Orchestrator
from worker.services.prepare import Preparer, Refused, permanent, verdict_of

log = structlog.get_logger(__name__)

#: Seconds to retry recording a reply while Redis is away.
KEEP_REPLY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Taken:
    """A job that this worker took. Times are seconds since the epoch."""

    job: Job
    at: float
    refused_at: float | None  #: when the provider last refused it for not knowing its parent


class Submitter:
    """Submits jobs, each prepared by ``preparer`` right before its POST."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        clients: Mapping[str, ProviderClient],
        preparer: Preparer,
    ) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._clients = clients
        self._preparer = preparer
        self._learnt: dict[str, str | None] = {}

    def start_next(self, account: str) -> bool:
        """Submit the account's next ready job. False when there is none, or no free slot."""
        taken = self._take(account)
        if taken is None:
            return False
        structlog.contextvars.bind_contextvars(job_id=taken.job.id, account=account)
        try:
            self._submit(taken)
        finally:
            structlog.contextvars.unbind_contextvars("job_id", "account")
        return True

    def _take(self, name: str) -> _Taken | None:
        now = self._orchestrator.clock()
        capacity = self._orchestrator.dispatch.capacity(name, now, fresh=True)
        refunds = self._orchestrator.accounts[name].refunds_failures
        queue = self._store.queue
        while capacity.all_slots and (job := queue.next_ready(capacity, now)) is not None:
            started = Started(name, capacity.price(sort_of(job)), refunds)
            try:
                decision = self._orchestrator.record(job, started)
            except NoFreeSlot:
                return None
            # A job past its deadline times out instead.
            taken = decision.job.status is Status.SUBMITTING
            if decision.disposition is Disposition.APPLIED and taken:
                return _Taken(decision.job, now, _refused_at(job))
        return None

    def _submit(self, taken: _Taken) -> None:
        job = taken.job
        client = self._clients[job.account]
        parent = self._parent(job)
        ended_at = parent.finished_at if parent else None
        try:
            prepared = self._preparer.prepare(job, parent, client)
        except (Refused, HooklineError) as error:
            verdict = verdict_of(error)
            if isinstance(error, ProviderRefused):
                now = self._orchestrator.clock()
                self._orchestrator.dispatch.asked(job.account, now, refused=str(error))
            elif isinstance(error, ProviderUnavailable):
                self._learn(taken, verdict)
            self._orchestrator.record(job, Replied(job.attempt, verdict, ended_at))
            return
        decision = self._orchestrator.record(job, prepared.posting)
        if decision.disposition is not Disposition.APPLIED:
            # Cancelled meanwhile, or this worker was presumed dead: do not send.
            if decision.job.draining:
                self._orchestrator.record(decision.job, Replied(job.attempt, _NOT_SENT))
            return
        lease_end = decision.job.due_at or 0.0
        kind, submission = prepared.kind, prepared.submission
        call = call_of(submission.path)
        exists = call in self._orchestrator.calls.of(job.account).taken
        verdict = client.submit(kind, submission, send_until=lease_end, exists=exists)
        log.info("job.submitted", kind=kind.value, outcome=verdict.outcome.value)
        works_again = self._learn(taken, verdict, call)
        self._record_reply(decision.job, Replied(job.attempt, verdict, ended_at))
        if verdict.outcome in _TAKEN and ended_at is not None:
            self._learn_lag(job.account, ended_at, taken.refused_at)
        if works_again:
            self._orchestrator.release(job.account)
            self._orchestrator.dispatch.wake_again(job.account, self._orchestrator.clock())
        if client.last_dialect not in (None, self._learnt.get(job.account)):
            self._learnt[job.account] = client.last_dialect
            self._store.accounts.learn_dialect(job.account, client.last_dialect)

    def _learn(self, taken: _Taken, verdict: Verdict, call: str | None = None) -> bool:
        """Runs before the reply is recorded, else a refused job would come back at once.

        ``call``: that was answered so; None if nothing was sent. True if the account works again.
        """
        account, calls = taken.job.account, self._orchestrator.calls
        dispatch, now = self._orchestrator.dispatch, self._orchestrator.clock()
        try:
            works_again = dispatch.learn(account, verdict, now, started_at=taken.at)
            if call and verdict.outcome in _TAKEN:
                calls.took(account, call)
            elif call and verdict.lacks_call and not verdict.account_trouble and verdict.error:
                calls.missing(account, call, verdict.error.message)
        except StoreUnavailable as error:
            log.warning("account.outcome_not_stored", account=account, error=str(error))
            return False
        return works_again

    def _learn_lag(self, account: str, ended_at: float, refused_at: float | None) -> None:
        """A press on a task that ended at ``ended_at`` was taken now."""
        accounts, now = self._store.accounts, self._orchestrator.clock()
        known = accounts.callback_stats(account).parent_lag
        refused_age = None if refused_at is None else refused_at - ended_at
        learnt = known.after_press(now - ended_at, refused_age)
        if learnt != known:
            accounts.learn_parent_lag(account, learnt)

    def _record_reply(self, job: Job, reply: Replied) -> None:
        """Retry while Redis is away: a lost reply would put the job in doubt."""
        give_up_at = monotonic() + KEEP_REPLY_S
        while True:
            try:
                self._orchestrator.record(job, reply)
            except StoreUnavailable:
                if monotonic() > give_up_at:
                    raise
                sleep(0.5)
            else:
                return

    def _parent(self, job: Job) -> Job | None:
        """The job whose task the POST acts on, if we have its record."""
        return self._store.jobs.get(job.request["job_id"]) if "job_id" in job.request else None


def _refused_at(job: Job) -> float | None:
    """When the queued job's POST was last refused because of its parent; None: it was not."""
    last = job.attempts[-1] if job.attempts else None
    refused = last is not None and last.outcome is AttemptOutcome.NOT_YET
    return last.posted_at if last and refused else None


#: The provider has a job, so it has the call.
_TAKEN = frozenset({Outcome.ACCEPTED, Outcome.EXISTS, Outcome.NEEDS_MODAL, Outcome.DONE})
_NOT_SENT = permanent(ErrorCode.CANCELLED, "Cancelled before it was sent.")
