"""SHELL. Takes ready jobs, has their POSTs prepared, sends them, records the replies.

The order protects money: ``submitting`` is committed before anything is fetched for a POST, and the
intent to POST before the POST leaves. So a worker that dies leaves a record of what it may have
done, and nobody sends a second POST blindly. Where nothing has to be fetched, both are one commit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic, sleep

from config.logger import get_logger
from config.without_rich import structlog
from worker.adapters.provider.client import ProviderClient
from worker.adapters.store import NoFreeSlot, NotReplicated
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
from worker.domain.events import Decision, Disposition, Replied, Started
from worker.domain.job import AttemptOutcome, Job, Status
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.result import JobError
from worker.services.orchestrator import Orchestrator, Recorded
from worker.services.prepare import Prepared, Preparer, Refused, permanent, verdict_of

log = get_logger(__name__)

#: Seconds to retry recording a reply while Redis is away.
KEEP_REPLY_S = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that this worker took. Times are seconds since the epoch."""

    job: Job
    at: float
    parent: Job | None  #: the job whose task the POST acts on, if we have its record
    prepared: Prepared | None  #: the POST if its intent is recorded already
    refused_at: float | None  #: when the provider last refused it for not knowing its parent
    replicated: bool = True  #: False: a fail-over of Redis may forget that it was taken

    @property
    def parent_ended_at(self) -> float | None:
        """When the task ended that the POST acts on."""
        return self.parent.finished_at if self.parent else None


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

    @property
    def accounts(self) -> Collection[str]:
        """The accounts that there are, by name."""
        return self._clients.keys()

    def take(self, account: str, limit: int) -> tuple[list[Taken], bool]:
        """Take the jobs that the account should start next, at most ``limit``; and whether there
        may be more.
        """
        now = self._orchestrator.clock()
        capacity = self._orchestrator.dispatch.capacity(account, now, fresh=True)
        most = self._orchestrator.dispatch.most_here(account, now, trial=capacity.trial is not None)
        if not capacity.all_slots or most == 0:
            return [], False
        if capacity.one_by_one or most:
            limit = 1
        jobs = self._store.queue.next_ready(capacity, now, limit)
        parents = self._parents(jobs)
        refunds = self._orchestrator.accounts[account].refunds_failures
        started = [
            self._started(
                job,
                Started(account, capacity.price(sort_of(job)), refunds),
                parents.get(job.request.get("job_id", "")),
                now,
            )
            for job in jobs
        ]
        done = self._orchestrator.record_all(
            [(job, decision) for job, (decision, _) in zip(jobs, started, strict=True)], now
        )
        taken = [
            held
            for (_, each), recorded in zip(started, done, strict=True)
            if each and (held := _held(each, recorded))
        ]
        if taken:
            self._orchestrator.dispatch.took(account, now)
        full = any(isinstance(each, NoFreeSlot) for each in done)
        return taken, not full and (len(jobs) == limit or len(taken) < len(jobs))

    def _started(
        self, job: Job, event: Started, parent: Job | None, now: float
    ) -> tuple[Decision, Taken | None]:
        """The decision to start the job, with the intent to POST if nothing has to be fetched for
        it; a job past its deadline times out instead.
        """
        decision = self._orchestrator.decide(job, event, now)
        if decision.job.status is not Status.SUBMITTING:
            return decision, None
        prepared = self._preparer.at_once(decision.job, parent, self._clients[event.account])
        if prepared:
            decision = self._orchestrator.decide(decision.job, prepared.posting, now)
        return decision, Taken(decision.job, now, parent, prepared, _refused_at(job))

    def submit(self, taken: Taken) -> None:
        """Send the POST of a job that was taken, and record the reply."""
        bound = structlog.contextvars.bound_contextvars
        with bound(job_id=taken.job.id, account=taken.job.account):
            if taken.prepared and not taken.replicated:
                self._not_sent(taken.job)
            elif taken.prepared:
                self._send(taken, taken.prepared)
            elif ready := self._prepared(taken):
                self._send(*ready)

    def _prepared(self, taken: Taken) -> tuple[Taken, Prepared] | None:
        """The job's POST, its intent recorded; None if it must not be sent."""
        job, client = taken.job, self._clients[taken.job.account]
        try:
            prepared = self._preparer.prepare(job, taken.parent, client)
        except (Refused, HooklineError) as error:
            verdict = verdict_of(error)
            if isinstance(error, ProviderRefused):
                now = self._orchestrator.clock()
                self._orchestrator.dispatch.asked(job.account, now, refused=str(error))
            elif isinstance(error, ProviderUnavailable):
                self._learn(taken, verdict)
            reply = Replied(job.attempt, verdict, taken.parent_ended_at)
            self._orchestrator.record(job, reply)
            return None
        try:
            decision = self._orchestrator.record(job, prepared.posting)
        except NotReplicated:
            self._not_sent(job)
            return None
        if decision.disposition is Disposition.APPLIED:
            return replace(taken, job=decision.job), prepared
        # Cancelled meanwhile, or this worker was presumed dead: do not send.
        if decision.job.draining:
            self._orchestrator.record(decision.job, Replied(job.attempt, _NOT_SENT))
        return None

    def _not_sent(self, job: Job) -> None:
        """Take an intent back that a fail-over of Redis may forget: its POST would look as if it
        had never left.
        """
        log.warning("submit.not_replicated")
        began = job.attempts[-1].started_at if job.attempts else None
        self._record_reply(job, Replied(job.attempt, _NOT_REPLICATED, started_at=began))

    def _send(self, taken: Taken, prepared: Prepared) -> None:
        job, ended_at = taken.job, taken.parent_ended_at
        client = self._clients[job.account]
        lease_end = job.due_at or 0.0
        kind, submission = prepared.kind, prepared.submission
        call = call_of(submission.path)
        exists = call in self._orchestrator.calls.of(job.account).taken
        verdict = client.submit(kind, submission, send_until=lease_end, exists=exists)
        log.info("job.submitted", kind=kind.value, outcome=verdict.outcome.value)
        works_again = self._learn(taken, verdict, call)
        self._record_reply(job, Replied(job.attempt, verdict, ended_at))
        if verdict.outcome in _TAKEN and ended_at is not None:
            self._learn_lag(job.account, ended_at, taken.refused_at)
        if works_again:
            self._orchestrator.release(job.account)
            self._orchestrator.dispatch.wake_again(job.account, self._orchestrator.clock())
        if client.last_dialect not in (None, self._learnt.get(job.account)):
            self._learnt[job.account] = client.last_dialect
            self._store.accounts.learn_dialect(job.account, client.last_dialect)

    def _learn(self, taken: Taken, verdict: Verdict, call: str | None = None) -> bool:
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
        age_s = self._orchestrator.clock() - ended_at
        refused_age_s = None if refused_at is None else refused_at - ended_at
        self._orchestrator.learn_parent_lag(account, age_s, refused_age_s)

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

    def _parents(self, jobs: Sequence[Job]) -> Mapping[str, Job]:
        """The jobs whose tasks the POSTs act on, by id, as far as we have their records."""
        wanted = {job.request["job_id"] for job in jobs if "job_id" in job.request}
        return {parent.id: parent for parent in self._store.jobs.get_many(list(wanted))}


def _held(taken: Taken, recorded: Recorded) -> Taken | None:
    """The job as it was stored; None: it was not."""
    if isinstance(recorded, Decision):
        return replace(taken, job=recorded.job)
    return replace(taken, replicated=False) if isinstance(recorded, NotReplicated) else None


def _refused_at(job: Job) -> float | None:
    """When the queued job's POST was last refused because of its parent; None: it was not."""
    last = job.attempts[-1] if job.attempts else None
    refused = last is not None and last.outcome is AttemptOutcome.NOT_YET
    return last.posted_at if last and refused else None


#: The provider has a job, so it has the call.
_TAKEN = frozenset({Outcome.ACCEPTED, Outcome.EXISTS, Outcome.NEEDS_MODAL, Outcome.DONE})
_NOT_REPLICATED = Verdict(
    Outcome.TRY_LATER,
    error=JobError(
        ErrorCode.NOT_PREPARED,
        "Too few replicas of Redis had the record of this submit in time.",
        "Nothing was sent; the job is submitted again automatically. `hookline doctor` counts the "
        "replicas.",
        retryable=True,
    ),
)
_NOT_SENT = permanent(ErrorCode.CANCELLED, "Cancelled before it was sent.")
