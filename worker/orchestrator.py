"""SHELL. The one door for every change of a job: load -> transition -> commit -> wake."""

from collections.abc import Callable, Mapping
from time import monotonic, time

import structlog

from worker.errors import NotFound, StaleVersion
from worker.events import Decision, Disposition, Event, Policy
from worker.habits import Delivery, Heard, Mode, News, mode_of, policy_for, sort_of
from worker.job import Job, Status
from worker.provider.account import Account
from worker.store import Store
from worker.transition import transition
from worker.wakeups import Wakeups

log = structlog.get_logger(__name__)

#: How long what is known of an account's callbacks may be out of date, in seconds.
_DELIVERY_AGE_S = 5.0


class Orchestrator:
    """Carries out what ``transition`` decides.

    ``hooked``: whether submits carry our hook at all. ``rules``: what is set of the policies.
    ``clock`` gives seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        wakeups: Wakeups,
        accounts: Mapping[str, Account],
        *,
        hooked: bool,
        rules: Policy | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.clock = clock
        self._rules = rules or Policy()
        self._wakeups = wakeups
        self._hooked = hooked
        self._deliveries: dict[str, tuple[float, Delivery]] = {}

    def job(self, job_id: str) -> Job:
        """The job. Raises ``NotFound``."""
        job = self.store.get(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}.")
        return job

    def record(self, job: Job, event: Event, *, heard: Heard | None = None) -> Decision:
        """Offer ``event`` to ``job``; it may be applied, duplicate, stale or foreign.

        Raises ``Conflict`` for a wish that the job's status does not allow, ``NoFreeSlot`` when a
        job shall start and cannot, ``NotFound`` when the job is gone.
        """
        while True:
            now = self.clock()
            decision = transition(job, event, now, self.policy(job))
            if decision.disposition is not Disposition.APPLIED:
                return decision
            news = _news(job, decision.job, heard, now) if heard else None
            try:
                openings = self._commit(decision, news)
            except StaleVersion:
                # Somebody else changed the job between our read and our write: decide again.
                job = self.job(job.id)
                continue
            self._log(job, decision)
            self._wake(decision.job, openings, now)
            return decision

    def create(self, job: Job) -> bool:
        """Store a new job and wake a worker for it. False when a job of this id exists already."""
        try:
            openings = self.store.commit(job, max_running=self._max_running(job))
        except StaleVersion:
            return False
        self._wake(job, openings, self.clock())
        return True

    def policy(self, job: Job) -> Policy:
        """How patient to be with the job, from how its account has called back so far."""
        # What silence tells must not be judged by what was known some seconds ago.
        delivery = self._delivery(job.account, fresh=job.status is Status.IN_DOUBT)
        return policy_for(job, self._rules, delivery, hooked=self._hooked)

    def delivery(self, account: str) -> tuple[Delivery, Mode, str]:
        """How the account calls back: what was counted, its delivery mode, and why."""
        delivery = self._delivery(account, fresh=True)
        return delivery, *mode_of(delivery, hooked=self._hooked)

    def _commit(self, decision: Decision, news: News | None) -> int:
        job = decision.job
        return self.store.commit(
            job, decision.children, max_running=self._max_running(job), news=news
        )

    def _wake(self, job: Job, openings: int, now: float) -> None:
        """Only what somebody waits for; all else that is due is found by the next sweep."""
        if openings:
            self._wakeups.start(job.account, openings)
        if job.askable and job.due_at is not None and job.due_at <= now:
            self._wakeups.ask(job.account, [job.id])

    def _delivery(self, account: str, *, fresh: bool = False) -> Delivery:
        read_at, delivery = self._deliveries.get(account, (float("-inf"), Delivery()))
        if fresh or monotonic() - read_at > _DELIVERY_AGE_S:
            delivery = self.store.delivery(account)
            self._deliveries[account] = (monotonic(), delivery)
        return delivery

    def _max_running(self, job: Job) -> int:
        account = self.accounts.get(job.account)
        return (
            account.max_running if account else 0
        )  # of an account that was taken out of the settings

    def _log(self, before: Job, decision: Decision) -> None:
        job = decision.job
        known = {paid.number for paid in before.double_payments}
        for paid in (each for each in job.double_payments if each.number not in known):
            log.error(
                "paid twice",
                job_id=job.id,
                account=job.account,
                attempt=paid.number,
                task_id=paid.task_id,
                followed_task_id=job.task_id,
            )
        if job.status is before.status:
            return
        # Most callbacks tell of progress, and a line of log costs as much as the rest of them.
        write = log.debug if job.status is Status.IN_PROGRESS else log.info
        write(
            "job",
            status=job.status.value,
            job_id=job.id,
            kind=job.kind.value,
            account=job.account,
            task_id=job.task_id,
            children=len(decision.children) or None,
            error=job.error.code if job.error else None,
        )


def _news(before: Job, job: Job, heard: Heard, now: float) -> News:
    ended = job.status.terminal and not before.status.terminal
    lag = None if before.heard_at is None else max(0.0, now - before.heard_at)
    return News(heard, now, sort_of(job), ended=ended, lag_s=lag)
