"""SHELL. A callback -> its job -> ``record``.

The job is found by the ``state`` in the body, else by the URL's token, else (an account's token) by
the task id.
"""

from typing import Any

from worker.adapters.provider.snapshots import read_task
from worker.adapters.tokens import AccountToken, BadToken, JobToken, Tokens
from worker.domain.account.callback_stats import Source
from worker.domain.errors import Conflict
from worker.domain.events import Disposition, Observed
from worker.domain.job import Job
from worker.domain.lifecycle import takes_no_news
from worker.domain.metrics import Counts, Metrics
from worker.domain.presence import Proof
from worker.domain.provider_reports import Snapshot
from worker.services.orchestrator import Orchestrator


class CallbackReceiver:
    """Records callbacks. Makes no outgoing calls; whatever follows is committed on return."""

    def __init__(self, orchestrator: Orchestrator, tokens: Tokens) -> None:
        self._orchestrator = orchestrator
        self._tokens = tokens

    def expected(self, named: JobToken | AccountToken) -> Job | None:
        """The job that the URL names, before its body is read; None: it names an account.

        Raises ``NotFound`` for a job that is gone, and ``StoreUnavailable``.
        """
        return self._orchestrator.job(named.job_id) if isinstance(named, JobToken) else None

    def takes_no_news(self, job: Job) -> bool:
        """Whether no callback can change the job any more; then this one is counted as stale."""
        late = takes_no_news(job, self._orchestrator.clock(), self._orchestrator.rules)
        if late:
            self.count(job.account, Disposition.STALE.value)
        return late

    def count(self, account: str, outcome: str) -> None:
        """Count a callback that reaches no job."""
        self._orchestrator.tally.add(Counts.of(Metrics.CALLBACKS, account, outcome))

    def receive(self, url_token: str, body: Any, job: Job | None = None) -> Disposition:
        """Record the callback with the JSON ``body``; ``job``: what ``expected`` found.

        Raises ``BadToken`` for a forged URL, or a ``state`` of another job than the URL's;
        ``NotFound`` for a job that is gone; ``StoreUnavailable``, with nothing recorded.
        """
        named = self._tokens.read(url_token)
        if isinstance(named, Proof):
            raise BadToken
        snapshot = read_task(body)
        echoed = self._tokens.job(snapshot.state)
        if isinstance(named, JobToken) and echoed and echoed.job_id != named.job_id:
            raise BadToken
        match = echoed or self._without_state(named, snapshot)
        if match is None:
            account = "" if isinstance(named, JobToken) else named.account
            self.count(account, Disposition.FOREIGN.value)
            return Disposition.FOREIGN
        source = Source.CALLBACK_WITH_STATE if echoed else Source.CALLBACK
        job = job or self._orchestrator.job(match.job_id)
        return self._observe(job, snapshot, match.attempt, source, body)

    def take(self, job_id: str, body: Any, account: str = "") -> Disposition:
        """Record a stray callback for the job that a person bound it to.

        It is no evidence of how the account calls back. ``account``: the one that its token named.
        Raises ``NotFound``, and ``Conflict`` for a job of another account.
        """
        job = self._orchestrator.job(job_id)
        if account and job.account != account:
            on = f"runs on {job.account}" if job.account else "has no account yet"
            raise Conflict(f"The callback came from account {account}, and job {job.id} {on}.")
        return self._observe(job, read_task(body), 0, None, body)

    def _observe(
        self, job: Job, snapshot: Snapshot, attempt: int, source: Source | None, body: Any
    ) -> Disposition:
        event = Observed(snapshot, attempt=attempt or job.attempt, body=body)
        return self._orchestrator.record(job, event, source=source).disposition

    def _without_state(self, named: JobToken | AccountToken, snapshot: Snapshot) -> JobToken | None:
        if isinstance(named, JobToken):
            return named
        if snapshot.task_id is None:
            return None
        job_id = self._orchestrator.store.jobs.find_task(named.account, snapshot.task_id)
        return JobToken(job_id, attempt=0) if job_id else None  # 0: the current one
