"""SHELL. Polls the provider about silent jobs; results are recorded the way callbacks are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from config.logger import get_logger
from worker.adapters.limiter import Limiter
from worker.adapters.provider.client import ProviderClient
from worker.adapters.tokens import Tokens
from worker.domain import followups
from worker.domain.account import task_list
from worker.domain.account.callback_stats import Source
from worker.domain.account.calls import BY_IDS, LIST
from worker.domain.account.task_list import Accepted, Listing, Row
from worker.domain.errors import (
    HooklineError,
    NoSuchCall,
    NotFound,
    ProviderRefused,
    ProviderUnavailable,
)
from worker.domain.events import Disposition, Missing, NotListed, Observed
from worker.domain.job import Job
from worker.domain.lifecycle import next_look
from worker.domain.lifecycle.doubting import doubt_of
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.services.ledgers import Ledgers
from worker.services.orchestrator import Orchestrator

log = get_logger(__name__)

#: Concurrent polls of one provider, per process.
POLLS = 2


class Poller:
    """Fetches tasks in bulk."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        clients: Mapping[str, ProviderClient],
        tokens: Tokens,
        ledgers: Ledgers | None = None,
    ) -> None:
        self._orchestrator = orchestrator
        self._clients = clients
        self._tokens = tokens
        self._ledgers = ledgers or Ledgers(orchestrator, {})
        self._limiter = Limiter(self._poll, per_key=POLLS, max_waiting=0)
        # Of its own: polls of a provider that hangs take long, and its recovery must be noticed.
        self._checks = Limiter(self._check, per_key=1, max_waiting=0)

    def poll(self, account: str, job_ids: Sequence[str]) -> None:
        """Fetch the jobs' tasks and record the results.

        Does nothing while ``POLLS`` polls of the account are running: a slow provider must not take
        the threads that start jobs. The jobs are due again when the sweep's claim ends.
        """
        if account in self._clients:
            self._limiter.run(account, (account, tuple(job_ids)))

    def check(self, account: str) -> None:
        """Ask whether the provider answers questions about tasks, on behalf of no job."""
        if account in self._clients:
            self._checks.run(account, account)

    def _check(self, account: str) -> None:
        # Recorded already, or the provider lacks the call, which says nothing.
        with suppress(HooklineError), self._watching(account):
            self._clients[account].check()

    @contextmanager
    def _watching(self, account: str) -> Iterator[None]:
        """Tell the account's circuit breaker whether the provider answers."""
        asked, clock = self._orchestrator.dispatch.asked, self._orchestrator.clock
        try:
            yield
        except ProviderRefused as error:
            asked(account, clock(), refused=str(error))
            raise
        except ProviderUnavailable as error:
            asked(account, clock(), away=str(error))
            raise
        asked(account, clock())

    def _poll(self, asked: tuple[str, tuple[str, ...]]) -> None:
        account, job_ids = asked
        client = self._clients[account]
        jobs = self._orchestrator.store.jobs.get_many(job_ids)
        try:
            self._fetch(client, account, [job for job in jobs if job.task_id])
            self._search(client, account, {job.id: job for job in jobs if job.unidentified})
        except (ProviderRefused, ProviderUnavailable) as error:
            log.warning("provider.unavailable", account=account, error=str(error))

    def _fetch(self, client: ProviderClient, account: str, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        with self._watching(account):
            found = self._seen(client, jobs)
        seen = {snapshot.task_id: snapshot for snapshot in found}
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
        """Look for jobs in doubt among the tasks that the provider lists."""
        if not jobs:
            return
        known = partial(self._orchestrator.store.accounts.accepted, account)
        listed, listing = self._listed(client, account, jobs.values(), known)
        found: set[str] = set()
        for snapshot in listed:
            named = self._tokens.job(snapshot.state)
            if named and (job := jobs.get(named.job_id)):
                self._record(job, Observed(snapshot, attempt=named.attempt, asked=True))
                found.add(job.id)
        if listing is not None:
            missed = [job for job_id, job in jobs.items() if job_id not in found]
            self._judge_absent(account, listing, missed)

    def _listed(
        self,
        client: ProviderClient,
        account: str,
        jobs: Iterable[Job],
        known: Callable[[], Sequence[Accepted]],
    ) -> tuple[Sequence[Snapshot], Listing | None]:
        """The account's tasks, and the list that shows them if what it lacks may be judged.

        The user's own list at a gateway; else the provider's list, which gateways do not have; else
        those that were charged to the key, which are not all. ``known`` is called after that.
        """
        read_at = self._orchestrator.clock()
        since = min(map(_doubted_at, jobs))
        if ledger := self._ledgers.tasks(account, since):
            tasks = ledger.tasks
            found = [Snapshot(t.task_id, TaskStatus.SUBMITTED, state=t.state) for t in tasks]
            # Once the gateway looked at its provider, only tasks of others have no state.
            rows = [self._row(t.task_id, t.state, stated=t.looked_at) for t in tasks]
            listing = Listing(ledger.read_at, rows, known(), by_gateway=True)
            return found, listing
        calls = self._orchestrator.calls
        if not calls.lacks(account, LIST):
            try:
                found = client.task_list()
            except NoSuchCall as error:  # gateways have no list
                if error.proven:
                    calls.missing(account, LIST, str(error))
            else:
                rows = [self._row(s.task_id or "", s.state, stated=bool(s.state)) for s in found]
                return found, Listing(read_at, rows, known())
        charged = self._ledgers.charged_tasks(account, since)
        return client.fetch_many(charged) if charged else [], None

    def _row(self, task_id: str, state: str | None, *, stated: bool) -> Row:
        return Row(task_id, ours=self._tokens.job(state) is not None, stated=stated)

    def _judge_absent(self, account: str, listing: Listing, jobs: Sequence[Job]) -> None:
        """Decide about the jobs that the listing does not show, and remember what it was like."""
        history, _, _ = self._orchestrator.callback_stats(account)
        for job in jobs:
            doubt = doubt_of(job, self._orchestrator.policy(job))
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


def _doubted_at(job: Job) -> float:
    """When the POST left whose outcome is unknown."""
    return job.attempts[-1].posted_at or job.attempts[-1].started_at


def _incomplete(job: Job, snapshot: Snapshot) -> bool:
    succeeded = snapshot.status is TaskStatus.SUCCEEDED
    return succeeded and followups.incomplete(job, snapshot.result)
