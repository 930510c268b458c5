"""SHELL. A callback -> its job -> ``record``.

The job is found by the ``state`` in the body, else by the URL's token, else (an account's token) by
the task id.
"""

from typing import Any

from worker.adapters.provider.snapshots import read_task
from worker.adapters.tokens import AccountToken, BadToken, JobToken, Tokens
from worker.domain.account.callback_stats import Source
from worker.domain.events import Disposition, Observed
from worker.domain.provider_reports import Snapshot
from worker.services.orchestrator import Orchestrator


class CallbackReceiver:
    """Records callbacks. Makes no outgoing calls; whatever follows is committed on return."""

    def __init__(self, orchestrator: Orchestrator, tokens: Tokens) -> None:
        self._orchestrator = orchestrator
        self._tokens = tokens

    def receive(self, url_token: str, body: Any) -> Disposition:
        """Record the callback with the JSON ``body``.

        Raises ``BadToken`` for a forged URL, or a ``state`` of another job than the URL's;
        ``NotFound`` for a job that is gone; ``StoreUnavailable``, with nothing recorded.
        """
        named = self._tokens.read(url_token)
        snapshot = read_task(body)
        echoed = self._tokens.job(snapshot.state)
        if isinstance(named, JobToken) and echoed and echoed.job_id != named.job_id:
            raise BadToken
        match = echoed or self._without_state(named, snapshot)
        if match is None:
            return Disposition.FOREIGN
        job = self._orchestrator.job(match.job_id)
        event = Observed(snapshot, attempt=match.attempt or job.attempt)
        source = Source.CALLBACK_WITH_STATE if echoed else Source.CALLBACK
        return self._orchestrator.record(job, event, source=source).disposition

    def _without_state(self, named: JobToken | AccountToken, snapshot: Snapshot) -> JobToken | None:
        if isinstance(named, JobToken):
            return named
        if snapshot.task_id is None:
            return None
        job_id = self._orchestrator.store.jobs.find_task(named.account, snapshot.task_id)
        return JobToken(job_id, attempt=0) if job_id else None  # 0: the current one
