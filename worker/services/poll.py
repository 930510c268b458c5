"""SHELL. Polls the provider about silent jobs; results are recorded the way callbacks are."""

from collections.abc import Mapping, Sequence

import structlog

from worker.adapters.limiter import Limiter
from worker.adapters.provider.client import ProviderClient
from worker.adapters.tokens import Tokens
from worker.domain import followups
from worker.domain.account import task_list
from worker.domain.account.callback_stats import Source
from worker.domain.account.calls import BY_IDS, LIST
from worker.domain.account.task_list import Listing, Row
from worker.domain.errors import NoSuchCall, NotFound, ProviderUnavailable
from worker.domain.events import Disposition, Missing, NotListed, Observed
from worker.domain.job import Job
from worker.domain.lifecycle import next_look
from worker.domain.lifecycle.doubting import doubt_of
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.services.orchestrator import Orchestrator

log = structlog.get_logger(__name__)

#: Concurrent polls of one provider, per process.
POLLS = 2


class Poller:
    """Fetches tasks in bulk."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        clients: Mapping[str, ProviderClient],
        tokens: Tokens,
    ) -> None:
        self._orchestrator = orchestrator
        self._clients = clients
        self._tokens = tokens
        self._limiter = Limiter(self._poll, per_key=POLLS, max_waiting=0)

    def poll(self, account: str, job_ids: Sequence[str]) -> None:
        """Fetch the jobs' tasks and record the results.

        Does nothing while ``POLLS`` polls of the account are running: a slow provider must not take
        the threads that start jobs. The jobs are due again when the sweep's claim ends.
        """
        if account in self._clients:
            self._limiter.run(account, (account, tuple(job_ids)))

    def _poll(self, asked: tuple[str, tuple[str, ...]]) -> None:
        account, job_ids = asked
        client = self._clients[account]
        try:
            jobs = self._orchestrator.store.jobs.get_many(job_ids)
            self._fetch(client, [job for job in jobs if job.task_id])
            self._search(client, account, {job.id: job for job in jobs if job.unidentified})
        except ProviderUnavailable as error:
            log.warning("provider.unavailable", account=account, error=str(error))

    def _fetch(self, client: ProviderClient, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        seen = {s.task_id: s for s in self._seen(client, jobs)}
        for job in jobs:
            snapshot = seen.get(job.task_id)
            if snapshot is None and self._nearly_lost(job):
                snapshot = client.fetch(job.task_id or "")
            if snapshot and job.missing_since is not None:
                self._orchestrator.store.accounts.learn_came_back(job.account)
            if snapshot and _incomplete(job, snapshot):
                # A list may omit fields; the task's own page is authoritative.
                snapshot = client.fetch(job.task_id or "") or snapshot
            self._record(job, Missing() if snapshot is None else Observed(snapshot, asked=True))

    def _nearly_lost(self, job: Job) -> bool:
        """Whether the job is given up unless the provider knows its task now."""
        if job.missing_since is None:
            return False
        unknown_s = self._orchestrator.clock() - job.missing_since
        return unknown_s >= self._orchestrator.policy(job).lost_after_s

    def _seen(self, client: ProviderClient, jobs: Sequence[Job]) -> list[Snapshot]:
        """The jobs' tasks, as far as the provider knows them: in one call, if it has that call."""
        calls, account = self._orchestrator.calls, jobs[0].account
        task_ids = [job.task_id or "" for job in jobs]
        if not calls.lacks(account, BY_IDS):
            try:
                return client.fetch_many(task_ids)
            except NoSuchCall as error:
                if error.proven:
                    calls.missing(account, BY_IDS, str(error))
        found = (client.fetch(task_id) for task_id in task_ids)
        return [snapshot for snapshot in found if snapshot]

    def _search(self, client: ProviderClient, account: str, jobs: Mapping[str, Job]) -> None:
        """Look for jobs in doubt in the provider's list of recent tasks, if it has one."""
        calls = self._orchestrator.calls
        if not jobs or calls.lacks(account, LIST):
            return
        read_at = self._orchestrator.clock()
        try:
            listed = client.task_list()
        except NoSuchCall as error:  # gateways have no list
            if error.proven:
                calls.missing(account, LIST, str(error))
            return
        found: set[str] = set()
        for snapshot in listed:
            named = self._tokens.job(snapshot.state)
            if named and (job := jobs.get(named.job_id)):
                self._record(job, Observed(snapshot, attempt=named.attempt, asked=True))
                found.add(job.id)
        missed = [job for job_id, job in jobs.items() if job_id not in found]
        self._judge_absent(account, self._listing(account, read_at, listed), missed)

    def _listing(self, account: str, read_at: float, listed: Sequence[Snapshot]) -> Listing:
        """The reading as it is judged."""
        known = self._orchestrator.store.accounts.accepted(account)
        rows = [
            Row(s.task_id or "", ours=self._tokens.job(s.state) is not None, stated=bool(s.state))
            for s in listed
        ]
        return Listing(read_at, rows, known)

    def _judge_absent(self, account: str, listing: Listing, jobs: Sequence[Job]) -> None:
        """Decide about the jobs that the listing does not show, and remember what it was like."""
        history, _, _ = self._orchestrator.callback_stats(account)
        for job in jobs:
            doubt = doubt_of(job, listing.read_at, self._orchestrator.policy(job))
            if doubt and task_list.proves_absence(listing, history.task_list, doubt):
                self._record(job, NotListed(doubt.attempt))
        learnt = task_list.after(history.task_list, listing)
        self._orchestrator.store.accounts.learn_task_list(account, learnt)

    def _record(self, job: Job, event: Missing | NotListed | Observed) -> None:
        ended = isinstance(event, Observed) and event.snapshot.status.terminal
        try:
            decision = self._orchestrator.record(job, event, source=Source.ASKED if ended else None)
        except NotFound:  # deleted meanwhile
            return
        if decision.disposition is not Disposition.APPLIED:
            self._reschedule(decision.job)

    def _reschedule(self, job: Job) -> None:
        now = self._orchestrator.clock()
        due_at = next_look(job, now, self._orchestrator.policy(job))
        self._orchestrator.store.jobs.reschedule(job.id, due_at)


def _incomplete(job: Job, snapshot: Snapshot) -> bool:
    succeeded = snapshot.status is TaskStatus.SUCCEEDED
    return succeeded and followups.incomplete(job, snapshot.result)
