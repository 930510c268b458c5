"""SHELL. The sweep: looks at every job that is due, and asks the provider about the quiet ones.

It runs inside every worker; claims in the store make that safe, so there is no scheduler process to
lose. What is learnt goes through the same door as a callback. Asking is a Celery task of its own
(``Asker``), so that the sweep never waits for a provider.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from threading import BoundedSemaphore

import structlog

from worker.adapters.provider.client import MAX_IDS, ProviderClient
from worker.adapters.store import Store
from worker.adapters.tokens import Tokens
from worker.domain import followups, retry_policy
from worker.domain.account.callback_stats import Source
from worker.domain.errors import HooklineError, NotFound, ProviderUnavailable
from worker.domain.events import Disposition, Missing, Observed, TimePassed
from worker.domain.job import Job, Kind
from worker.domain.lifecycle import next_look
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.domain.result import AssetsStatus
from worker.domain.wakeups import Wakeups
from worker.services import delivery_limits
from worker.services.orchestrator import Orchestrator

log = structlog.get_logger(__name__)

#: Jobs claimed by one sweep, and for how long nobody else looks at them, in seconds.
BATCH = 500
CLAIM_S = 10.0
#: An account's free slots are offered again this often, in seconds: a wake-up may be lost.
WAKE_AGAIN_S = 2.0
#: The same for an account whose pace is limited: nothing else tells when it may start the next.
PACED_S = 0.5
#: Slots are held against the jobs that hold them this often, in seconds.
MEND_S = 60.0
#: Jobs whose seeds are asked for together, one call each.
SEEDS = 20
#: What is over is removed this often, in seconds.
TIDY_S = 10.0
#: Notifications claimed by one sweep.
TOLD = 200
#: Calls that one process makes to one provider at a time to ask about jobs.
ASKING = 2


class Sweep:
    """One look at all that is due. Harmless at any time, in any number of processes."""

    def __init__(self, orchestrator: Orchestrator, wakeups: Wakeups) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._wakeups = wakeups

    def run(self) -> int:
        """Look once; how many jobs were due."""
        due = self._store.claim_due(self._orchestrator.clock(), BATCH, CLAIM_S)
        quiet: dict[str, list[str]] = defaultdict(list)
        seedless: dict[str, list[str]] = defaultdict(list)
        for job in due:
            try:
                looked = self._look(job)
            except HooklineError as error:  # one bad job must not stop the others
                log.warning("cannot look at a job", job_id=job.id, error=str(error))
                continue
            if looked.askable or looked.unidentified:
                quiet[looked.account].append(looked.id)
            elif looked.result.assets_status is AssetsStatus.PENDING:
                self._wakeups.store_assets(looked.id)
            elif looked.seed_pending:  # after the files, whose links die
                seedless[looked.account].append(looked.id)
            elif looked.waiting and looked.kind is Kind.CHOOSE:
                self._wakeups.choose(looked.id)
        for account, job_ids in _pieces(quiet, MAX_IDS):
            self._wakeups.ask(account, job_ids)
        for account, job_ids in _pieces(seedless, SEEDS):
            self._wakeups.ask_seeds(account, job_ids)
        self._wake_again()
        self._mend_slots()
        if self._store.once("tidy", TIDY_S):
            self._wakeups.tidy()
        self._tell()
        return len(due)

    def _look(self, job: Job) -> Job:
        """The job after it was looked at, and after its siblings were where it waits for them."""
        if not job.waiting or job.kind is Kind.CHOOSE:
            return self._orchestrator.record(job, TimePassed()).job
        looked = self._orchestrator.look_at_siblings(job)
        if looked.waiting:
            now = self._orchestrator.clock()
            next_look_at = now + retry_policy.look_at_siblings(now - looked.spec.created_at)
            self._store.reschedule(looked.id, next_look_at)
        return looked

    def _wake_again(self) -> None:
        """A wake-up may be lost on its way: a free slot with a ready job behind it tells."""
        now = self._orchestrator.clock()
        for account in self._orchestrator.accounts.values():
            paced = account.max_starts_per_minute is not None
            if self._store.once(f"wake:{account.name}", PACED_S if paced else WAKE_AGAIN_S):
                self._orchestrator.dispatch.wake_again(account.name, now)

    def _tell(self) -> None:
        """Somebody shall send the notifications that are due."""
        now = self._orchestrator.clock()
        for one in self._store.claim_notifications(now, TOLD, delivery_limits.CLAIM_S):
            self._wakeups.notify(one.id)

    def _mend_slots(self) -> None:
        """A slot belongs to a job that says so; one without is free."""
        for account in self._orchestrator.accounts:
            if self._store.once(f"mend:{account}", MEND_S):
                mended = self._store.mend_slots(account)
                if mended:
                    log.error("slots without a job were freed", account=account, slots=mended)


def _pieces(job_ids: Mapping[str, Sequence[str]], size: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Each account's jobs, ``size`` at a time."""
    for account, ids in job_ids.items():
        for start in range(0, len(ids), size):
            yield account, ids[start : start + size]


class Poller:
    """Asks one account's provider about some jobs, in as few calls as it allows."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        clients: Mapping[str, ProviderClient],
        tokens: Tokens,
    ) -> None:
        self._orchestrator = orchestrator
        self._clients = clients
        self._tokens = tokens
        self._places = {name: BoundedSemaphore(ASKING) for name in clients}
        self._without_list: set[str] = set()

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        """Fetch the jobs' tasks and record what is seen; a provider that is away is asked later.

        Where enough is being asked already this does nothing: a slow provider must not take the
        threads that start fresh jobs. The jobs are due again when the sweep's claim ends.
        """
        client = self._clients.get(account)
        if client is None or not self._places[account].acquire(blocking=False):
            return
        try:
            jobs = self._orchestrator.store.get_many(job_ids)
            self._fetch(client, [job for job in jobs if job.task_id])
            self._search(client, account, {job.id: job for job in jobs if job.unidentified})
        except ProviderUnavailable as error:
            log.warning("the provider cannot be asked", account=account, error=str(error))
        finally:
            self._places[account].release()

    def _fetch(self, client: ProviderClient, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        seen = {s.task_id: s for s in client.fetch_many([job.task_id or "" for job in jobs])}
        for job in jobs:
            snapshot = seen.get(job.task_id)
            if snapshot and _incomplete(job, snapshot):
                # A list may leave out some of a task; the task's own page is the last word.
                snapshot = client.fetch(job.task_id or "") or snapshot
            self._offer(job, Missing() if snapshot is None else Observed(snapshot, asked=True))

    def _search(self, client: ProviderClient, account: str, jobs: Mapping[str, Job]) -> None:
        """Look for jobs in doubt in the provider's list of its newest tasks, if it has one.

        That a job is not there tells nothing: the list is short, and may be another server's.
        """
        if not jobs or account in self._without_list:
            return
        try:
            listed = client.task_list()
        except ProviderUnavailable:
            raise
        except HooklineError:  # gateways have none
            self._without_list.add(account)
            return
        for snapshot in listed:
            named = self._tokens.job(snapshot.state)
            if named and (job := jobs.get(named.job_id)):
                self._offer(job, Observed(snapshot, attempt=named.attempt, asked=True))

    def _offer(self, job: Job, event: Missing | Observed) -> None:
        ended = isinstance(event, Observed) and event.snapshot.status.terminal
        try:
            decision = self._orchestrator.record(job, event, source=Source.ASKED if ended else None)
        except NotFound:  # deleted meanwhile
            return
        if decision.disposition is not Disposition.APPLIED:
            self._look_again(decision.job)

    def _look_again(self, job: Job) -> None:
        now = self._orchestrator.clock()
        due_at = next_look(job, now, self._orchestrator.policy(job))
        self._orchestrator.store.reschedule(job.id, due_at)


def _incomplete(job: Job, snapshot: Snapshot) -> bool:
    succeeded = snapshot.status is TaskStatus.SUCCEEDED
    return succeeded and followups.incomplete(job, snapshot.result)
