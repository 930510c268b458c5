"""SHELL. Fetches the seeds of finished images, if the request wants them.

Providers may block for half a minute to find a seed, so it is fetched last and nothing waits for
it. The sweep finds the jobs, so a worker's death costs a minute at most.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from config.logger import get_logger
from worker.adapters.limiter import Limiter
from worker.adapters.provider.client import SEED_S, ProviderClient
from worker.domain import retry_policy
from worker.domain.account.calls import SEED, SEEDLESS_JOBS
from worker.domain.errors import HooklineError, NoSuchCall, NotFound, ServiceUnavailable
from worker.domain.events import SeedSettled
from worker.domain.job import Job, changed
from worker.domain.provider_reports import SeedReply
from worker.services.orchestrator import Orchestrator

log = get_logger(__name__)

#: Seconds before another worker may ask for the same seed.
LEASE_S = SEED_S + 15.0
#: Seconds until a job that waits for the answers to others is looked at again.
_AFTER_OTHERS_S = 5.0
#: Seconds for the seeds of one Celery task; the rest are due again anyway.
PATIENCE_S = 20.0


class Seeds:
    """Fetches seeds, one at a time per account, to leave the threads to new jobs.

    ``describe`` rewrites the sidecar of a job's files.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        clients: Mapping[str, ProviderClient],
        describe: Callable[[Job], None],
    ) -> None:
        self._orchestrator = orchestrator
        self._clients = clients
        self._describe = describe
        self._limiter = Limiter(self._ask_all, per_key=1, max_waiting=0)
        #: By account: the jobs whose seeds it refuses, and when it last did. Only one call at a
        #: time changes an account's.
        self._refused: dict[str, dict[str, float]] = {}

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        """Fetch the missing seeds of these jobs of one account.

        What is left after ``PATIENCE_S``, or comes while the account is being asked, is left to the
        sweep.
        """
        if account not in self._clients:  # removed from the settings
            for job in self._orchestrator.store.jobs.get_many(job_ids):
                self._record(job, SeedReply(error="The account is not set any more."))
            return
        self._limiter.run(account, (account, tuple(job_ids)))

    def _ask_all(self, asked: tuple[str, tuple[str, ...]]) -> None:
        account, job_ids = asked
        until = monotonic() + PATIENCE_S
        for job_id in job_ids:
            if monotonic() < until:
                self._ask(self._clients[account], job_id)

    def _ask(self, client: ProviderClient, job_id: str) -> None:
        # Read only now: another worker may have got the seed meanwhile.
        job = self._orchestrator.store.jobs.get(job_id)
        if job is None or job.task_id is None or not job.seed_pending:
            return
        now = self._orchestrator.clock()
        if self._waits_for_others(job, now):
            self._orchestrator.store.jobs.reschedule(job.id, now + _AFTER_OTHERS_S)
            return
        # The call may outlast the sweep's claim: without this a second worker would ask.
        self._orchestrator.store.jobs.reschedule(job.id, now + LEASE_S)
        reply = self._reply(client, job, job.task_id)
        if reply.seed:
            reply = self._described(job, reply)
        self._record(job, reply)

    def _waits_for_others(self, job: Job, now: float) -> bool:
        """Whether enough jobs find out whether the provider has seeds at all."""
        asking = self._refused.get(job.account, {})
        others = [each for each, at in asking.items() if each != job.id and now - at < LEASE_S]
        return len(others) >= SEEDLESS_JOBS

    def _reply(self, client: ProviderClient, job: Job, task_id: str) -> SeedReply:
        """The provider's reply, or why it is not asked."""
        calls = self._orchestrator.calls
        if calls.lacks(job.account, SEED):
            return SeedReply(error=_none_there(job.account), lasting=True)
        try:
            reply = client.image_seed(task_id)
        except NoSuchCall as error:
            calls.missing(job.account, SEED, str(error))
            return SeedReply(error=str(error), lasting=True)
        except HooklineError as error:
            return SeedReply(error=str(error))
        refused = self._refused.setdefault(job.account, {})
        if reply.seed:
            refused.clear()
            calls.gave_seed(job.account)
            return reply
        now = self._orchestrator.clock()
        if not reply.lasting and now - (job.finished_at or 0.0) < retry_policy.SEED_REFUSED_S:
            refused[job.id] = now
            return reply
        refused.pop(job.id, None)
        calls.refused_seed(job.account, reply.error or "")
        return replace(reply, lasting=True)

    def _described(self, job: Job, reply: SeedReply) -> SeedReply:
        """Rewrite the sidecar before the seed is recorded: afterwards nothing would retry it."""
        known = changed(job, result=replace(job.result, seed=reply.seed))
        try:
            self._describe(known)
        except ServiceUnavailable as error:
            age = self._orchestrator.clock() - (job.finished_at or 0.0)
            return reply if age >= retry_policy.SEED_WINDOW_S else SeedReply(error=str(error))
        return reply

    def _record(self, job: Job, reply: SeedReply) -> None:
        """Record the seed, or retry later."""
        now = self._orchestrator.clock()
        age = now - (job.finished_at or now)
        if reply.seed or reply.lasting or age >= retry_policy.SEED_WINDOW_S:
            with suppress(NotFound):  # deleted meanwhile
                self._orchestrator.record(job, SeedSettled(reply.seed, reply.error))
        elif job.seed_pending:
            self._orchestrator.store.jobs.reschedule(job.id, now + retry_policy.ask_for_seed(age))
        if reply.error:
            log.warning("seed.unavailable", job_id=job.id, error=reply.error)


def _none_there(account: str) -> str:
    return (
        "The provider gives no seeds, so it was not asked: it will be a day after it last refused "
        f"one, or after `hookline resume --account {account}`."
    )
