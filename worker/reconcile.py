"""SHELL. The sweep: looks at every job that is due, and asks the provider about the quiet ones.

It runs inside every worker; claims in the store make that safe, so there is no scheduler process to
lose. What is learnt goes through the same door as a callback. Asking is a Celery task of its own
(``Asker``), so that the sweep never waits for a provider.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import structlog

from worker import followups, retries
from worker.errors import HooklineError, ProviderUnavailable
from worker.events import Disposition, Missing, Observed, TimePassed
from worker.evidence import Snapshot, TaskStatus
from worker.job import AssetsStatus, Job
from worker.orchestrator import Orchestrator
from worker.provider.client import MAX_IDS, ProviderClient
from worker.store import Heard, Store
from worker.wakeups import Wakeups

log = structlog.get_logger(__name__)

#: Jobs claimed by one sweep, and for how long nobody else looks at them, in seconds.
BATCH = 500
CLAIM_S = 20.0
#: An account's free slots are offered again this often, in seconds: a wake-up may be lost.
WAKE_AGAIN_S = 2.0


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
        for job in due:
            try:
                looked = self._orchestrator.record(job, TimePassed()).job
            except HooklineError as error:  # one bad job must not stop the others
                log.warning("cannot look at a job", job_id=job.id, error=str(error))
                continue
            if looked.askable:
                quiet[looked.account].append(looked.id)
            elif looked.result.assets_status is AssetsStatus.PENDING:
                self._wakeups.store_assets(looked.id)
        for account, job_ids in quiet.items():
            for start in range(0, len(job_ids), MAX_IDS):
                self._wakeups.ask(account, job_ids[start : start + MAX_IDS])
        self._wake_again()
        return len(due)

    def _wake_again(self) -> None:
        """A wake-up may be lost on its way: a free slot with a ready job behind it tells."""
        for account in self._orchestrator.accounts.values():
            if self._store.once(f"wake:{account.name}", WAKE_AGAIN_S):
                count = self._store.startable(account.name, account.max_running)
                if count:
                    self._wakeups.start(account.name, count)


class Asker:
    """Asks one account's provider about some jobs, in as few calls as it allows."""

    def __init__(self, orchestrator: Orchestrator, clients: Mapping[str, ProviderClient]) -> None:
        self._orchestrator = orchestrator
        self._clients = clients

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        """Fetch the jobs' tasks and record what is seen; a provider that is away is asked later."""
        client = self._clients.get(account)
        jobs = [job for job in self._orchestrator.store.get_many(job_ids) if job.task_id]
        if client is None or not jobs:
            return
        try:
            seen = {s.task_id: s for s in client.fetch_many([j.task_id for j in jobs if j.task_id])}
            for job in jobs:
                self._record(client, job, seen.get(job.task_id))
        except ProviderUnavailable as error:
            log.warning("the provider cannot be asked", account=account, error=str(error))

    def _record(self, client: ProviderClient, job: Job, snapshot: Snapshot | None) -> None:
        if snapshot is None or _incomplete(job, snapshot):
            # A list may leave out a task or some of it; the task's own page is the last word.
            snapshot = client.fetch(job.task_id or "") or snapshot
        event = Missing() if snapshot is None else Observed(snapshot, asked=True)
        ended = snapshot is not None and snapshot.status.terminal
        decision = self._orchestrator.record(job, event, heard=Heard.ASKED if ended else None)
        if decision.disposition is not Disposition.APPLIED:
            self._look_again(decision.job)

    def _look_again(self, job: Job) -> None:
        now = self._orchestrator.clock()
        policy = self._orchestrator.policy(job.account)
        age = now - (job.submitted_at or now)
        wait = retries.look_after(age, callbacks_flow=policy.callbacks_flow)
        self._orchestrator.store.reschedule(job.id, now + wait)


def _incomplete(job: Job, snapshot: Snapshot) -> bool:
    succeeded = snapshot.status is TaskStatus.SUCCEEDED
    return succeeded and followups.incomplete(job, snapshot.result)
