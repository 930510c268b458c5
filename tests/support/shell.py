"""The shell around the pure core, with nothing real below it but the store.

A clock that is set, wake-ups that are only written down, and a provider that answers what a test
says.
"""

from collections.abc import Callable, Sequence
from typing import Any

import redis

from tests.support.jobs import NOW
from tests.support.jobs import capacity as some_capacity
from tests.support.stores import OwnStore
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.payloads import Submission
from worker.adapters.store import Filter, NotReplicated
from worker.adapters.store.jobs import Change, Committed, JobStore
from worker.domain.account import Account, Budgets
from worker.domain.account.callback_stats import Source
from worker.domain.errors import HooklineError
from worker.domain.events import Policy
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, SeedReply, Snapshot, Verdict
from worker.services.orchestrator import Orchestrator


class Wakeups:
    """Writes down who was woken for what."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.ledgers: list[str] = []  #: apart, as nothing else depends on them

    def start(self, account: str) -> None:
        self.sent.append(("start", account))

    def ask(self, account: str, job_ids: Sequence[str]) -> None:
        self.sent.append(("ask", account, *job_ids))

    def check(self, account: str) -> None:
        self.sent.append(("check", account))

    def store_assets(self, job_id: str) -> None:
        self.sent.append(("store_assets", job_id))

    def ask_seeds(self, account: str, job_ids: Sequence[str]) -> None:
        self.sent.append(("ask_seeds", account, *job_ids))

    def read_ledger(self, account: str) -> None:
        self.ledgers.append(account)

    def choose(self, job_id: str) -> None:
        self.sent.append(("choose", job_id))

    def tidy(self) -> None:
        """Whatever is woken for: nothing depends on it."""

    def notify(self, notification_id: str) -> None:
        self.sent.append(("notify", notification_id))


class FailingJobs(JobStore):
    """The next commit fails with ``failure``, once; ``source`` is how each was heard of.

    ``unreplicated``: of so many more commits no replica has what they wrote.
    """

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self.failure: HooklineError | None = None
        self.unreplicated = 0
        self.source: list[Source | None] = []

    def commit_all(self, changes: Sequence[Change], now: float) -> list[Committed]:
        self.source += [change.sample.how if change.sample else None for change in changes]
        if failure := self.failure:
            self.failure = None
            if isinstance(failure, Committed):
                return [failure]
            raise failure
        outcomes = super().commit_all(changes, now)
        if self.unreplicated:
            self.unreplicated -= 1
            raise NotReplicated(outcomes=outcomes)
        return outcomes


class ShellStore(OwnStore):
    """A store whose next commit may fail."""

    jobs: FailingJobs

    def __init__(self) -> None:
        super().__init__()
        self.jobs = FailingJobs(self._redis, self._prefix)


class Provider(ProviderClient):
    """Knows ``tasks``, answers submits with ``verdicts`` in turn, or is away with ``trouble``.

    ``asked`` and ``submitted`` are what it was asked; ``meanwhile`` runs during every submit.
    """

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.tasks: dict[str, Snapshot] = {}
        self.listed: dict[str, Snapshot] | None = None  #: what a list shows, where it differs
        self.verdicts: list[Verdict] = []
        self.trouble: HooklineError | None = None
        self.asked: list[str] = []
        self.submitted: list[tuple[Kind, Submission]] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.seeds: list[SeedReply | HooklineError] = []  #: what image-seed answers, in turn

    def submit(
        self,
        kind: Kind,
        submission: Submission,
        send_until: float = float("inf"),
        *,
        exists: bool = False,
    ) -> Verdict:
        self.submitted.append((kind, submission))
        self.meanwhile()
        return self.verdicts.pop(0) if self.verdicts else Verdict(Outcome.ACCEPTED, task_id="t1")

    def image_seed(self, task_id: str) -> SeedReply:
        self.asked.append(f"seed of {task_id}")
        reply = self.seeds.pop(0)
        if isinstance(reply, HooklineError):
            raise reply
        return reply

    def check(self) -> None:
        self.asked.append("check")
        if self.trouble:
            raise self.trouble

    def task_list(self) -> list[Snapshot]:
        self.asked.append("list")
        if self.trouble:
            raise self.trouble
        return list(self.tasks.values())

    def fetch(self, task_id: str) -> Snapshot | None:
        self.asked.append(task_id)
        if self.trouble:
            raise self.trouble
        return self.tasks.get(task_id)

    def fetch_many(self, task_ids: Sequence[str]) -> list[Snapshot]:
        self.asked.append(",".join(task_ids))
        if self.trouble:
            raise self.trouble
        shown = self.tasks if self.listed is None else self.listed
        return [shown[task_id] for task_id in task_ids if task_id in shown]


class Shell:
    """An orchestrator at ``now``, with one account of ``max_running`` slots or ``accounts``."""

    def __init__(
        self,
        *accounts: Account,
        max_running: int = 3,
        hooked: bool = True,
        rules: Policy | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        self._now = NOW
        self.store = ShellStore()
        self.wakeups = Wakeups()
        only = Account("default", "http://127.0.0.1:9", max_running=max_running)
        self.accounts = {account.name: account for account in accounts or (only,)}
        self.providers = {name: Provider(account) for name, account in self.accounts.items()}
        self.provider = next(iter(self.providers.values()))
        self.orchestrator = Orchestrator(
            self.store,
            self.wakeups,
            self.accounts,
            hooked=hooked,
            rules=rules,
            budgets=budgets,
            clock=lambda: self.now,
        )

    @property
    def now(self) -> float:
        """Seconds since the epoch; when it is put on, time goes by for the store too."""
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self.store.let_pass(now - self._now)
        self._now = now

    def put(self, job: Job) -> Job:
        """Store the job as it is, and give it back as stored."""
        self.store.jobs.commit(job, capacity=some_capacity(99, job.account))
        return self.job(job)

    def jobs(self) -> list[Job]:
        """All jobs as they are now."""
        return list(self.store.jobs.page(Filter(), 999).jobs)

    def job(self, job: Job) -> Job:
        """The job as it is stored now."""
        return self.orchestrator.job(job.id)
