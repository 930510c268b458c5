"""Doubts that a gateway's own ledger ends, and those that it must not."""

from dataclasses import replace

import pytest

from tests.support.gateway import Gateway
from tests.support.jobs import a_job, a_snapshot
from tests.support.shell import Shell
from worker.adapters.tokens import Tokens
from worker.domain.account import Account
from worker.domain.account.ledger import LedgerTask, TaskCharge
from worker.domain.errors import HooklineError, NoLedger, NoSuchCall, ProviderUnavailable
from worker.domain.events import Observed, Posting, Replied, Started
from worker.domain.job import AttemptOutcome, Job, Status
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.services.ledgers import FRESH_S, Ledgers
from worker.services.poll import Poller

TOKENS = Tokens(["a secret for this test only"])
BY_KEY = Account("default", "https://gateway.example", "sk", dialect="gateway", max_running=20)
BY_TOKEN = replace(BY_KEY, ledger_token="t", ledger_user="1")


class Scene:
    """One gateway whose provider has no list of tasks."""

    def __init__(self, account: Account = BY_TOKEN) -> None:
        self.shell = Shell(account)
        self.gateway = Gateway(account)
        self.books = Ledgers(self.shell.orchestrator, {"default": self.gateway})
        self.poller = Poller(
            self.shell.orchestrator, {"default": self.shell.provider}, TOKENS, self.books
        )
        self.shell.provider.task_list = self._no_list  # type: ignore[method-assign]

    def _no_list(self) -> list:  # type: ignore[type-arg]
        raise NoSuchCall("The provider has no /mj/task/list.", proven=True)

    def accepted(self, task_id: str) -> None:
        """A task of ours that runs, three seconds before now."""
        job = self.shell.put(a_job())
        verdict = Verdict(Outcome.ACCEPTED, task_id=task_id)
        done = Observed(a_snapshot(task_id=task_id), attempt=1)
        for event in (Started("default"), Posting(1), Replied(1, verdict), done):
            self.shell.orchestrator.record(self.shell.job(job), event)
        self.row(task_id, job)
        self.shell.now += 3

    def ended(self, task_id: str) -> None:
        """A job that has just succeeded."""
        job = self.shell.put(a_job())
        verdict = Verdict(Outcome.ACCEPTED, task_id=task_id)
        done = Observed(a_snapshot(TaskStatus.SUCCEEDED, task_id=task_id), asked=True)
        for event in (Started("default"), Posting(1), Replied(1, verdict), done):
            self.shell.orchestrator.record(self.shell.job(job), event)

    def doubted(self) -> Job:
        job = self.shell.put(a_job())
        for event in (Started("default"), Posting(1), Replied(1, Verdict(Outcome.IN_DOUBT))):
            self.shell.orchestrator.record(self.shell.job(job), event)
        self.shell.now += 3
        return self.shell.job(job)

    def row(self, task_id: str, job: Job | None, *, looked_at: bool = True) -> None:
        """A row of the user's list; without a job it is somebody else's."""
        state = TOKENS.for_job(job.id, 1) if job and looked_at else None
        status = TaskStatus.IN_PROGRESS if looked_at else TaskStatus.PENDING
        row = LedgerTask(task_id, task_id, self.shell.now, status, state, looked_at, 7)
        self.gateway.rows.insert(0, row)

    def with_history(self) -> Job:
        """A job in doubt between tasks that were accepted; a minute passed."""
        for number in range(5):
            self.accepted(f"t{number}")
        job = self.doubted()
        for number in range(5, 10):
            self.accepted(f"t{number}")
        self.shell.now += 60
        return job

    def look(self, job: Job) -> Job:
        self.poller.poll("default", [job.id])
        return self.shell.job(job)


def test_a_row_with_our_state_was_accepted() -> None:
    scene = Scene()
    job = scene.doubted()
    scene.row("t1", job)
    found = scene.look(job)
    assert (found.status, found.task_id) == (Status.SUBMITTED, "t1")
    assert scene.gateway.asked == ["tasks 1"]


def test_a_row_before_the_gateways_first_look_is_nobodys() -> None:
    scene = Scene()
    job = scene.doubted()
    scene.row("t1", job, looked_at=False)
    assert scene.look(job).status is Status.IN_DOUBT


def test_doubts_do_not_wait_for_their_turn_but_share_a_reading() -> None:
    scene = Scene()
    job, other = scene.doubted(), scene.doubted()
    scene.look(other)
    scene.look(job)
    assert scene.gateway.asked == ["tasks 1"]
    scene.row("t1", job)
    scene.shell.now += FRESH_S
    assert scene.look(job).status is Status.SUBMITTED
    assert scene.gateway.asked == ["tasks 1"] * 2


def test_what_a_whole_list_does_not_show_is_sent_again() -> None:
    scene = Scene()
    job = scene.with_history()
    found = scene.look(job)
    assert (found.status, found.attempts[0].outcome) == (
        Status.QUEUED,
        AttemptOutcome.NOT_LISTED,
    )


def test_tasks_of_others_among_them_change_nothing() -> None:
    scene = Scene()
    job = scene.with_history()
    scene.row("another program's", None)
    assert scene.look(job).status is Status.QUEUED


def test_a_row_that_may_be_ours_blocks_it() -> None:
    scene = Scene()
    job = scene.with_history()
    scene.row("hidden", job, looked_at=False)
    assert scene.look(job).status is Status.IN_DOUBT


def test_a_list_with_a_gap_is_not_believed() -> None:
    scene = Scene()
    job = scene.with_history()
    scene.gateway.rows = [row for row in scene.gateway.rows if row.task_id != "t4"]
    assert scene.look(job).status is Status.IN_DOUBT


def test_a_list_of_another_user_is_not_believed() -> None:
    scene = Scene()
    job = scene.with_history()
    scene.gateway.rows = [replace(row, state=None) for row in scene.gateway.rows]
    assert scene.look(job).status is Status.IN_DOUBT


def test_a_gateway_may_still_wait_for_its_provider() -> None:
    scene = Scene()
    job = scene.with_history()
    scene.shell.now -= 40
    assert scene.look(job).status is Status.IN_DOUBT


@pytest.mark.parametrize("error", [NoLedger(), ProviderUnavailable("x"), HooklineError("refused")])
def test_a_list_that_cannot_be_read_tells_nothing(error: HooklineError) -> None:
    scene = Scene()
    job = scene.with_history()
    scene.gateway.trouble["tasks"] = error
    assert scene.look(job).status is Status.IN_DOUBT
    scene.look(job)
    assert scene.gateway.asked == ["tasks 1"], "and it is not asked again at once"


def test_without_the_users_token_the_charges_of_the_key_name_the_task() -> None:
    scene = Scene(BY_KEY)
    job = scene.doubted()
    scene.accepted("t1")
    scene.gateway.charges = {t: TaskCharge(t, 7, 7) for t in ("t2", "t1")}
    state = TOKENS.for_job(job.id, 1)
    scene.shell.provider.tasks["t2"] = replace(a_snapshot(task_id="t2"), state=state)
    found = scene.look(job)
    assert found.task_id == "t2"
    assert scene.shell.provider.asked[-1] == "t2", "what is known is not asked for"


def test_charges_of_the_key_prove_no_absence_and_are_not_read_at_every_look() -> None:
    scene = Scene(BY_KEY)
    job = scene.with_history()
    scene.gateway.charges = {f"t{n}": TaskCharge(f"t{n}", 7, 7) for n in range(10)}
    assert scene.look(job).status is Status.IN_DOUBT
    scene.shell.now += 149
    scene.look(job)
    assert scene.gateway.asked == ["log"]
    scene.shell.now += 1
    scene.look(job)
    assert scene.gateway.asked == ["log", "log"]


def test_a_log_that_was_read_for_costs_settles_older_doubts_too() -> None:
    scene = Scene(replace(BY_KEY, costs="provider"))
    job = scene.doubted()
    scene.gateway.charges = {"t1": TaskCharge("t1", 7, 7)}
    scene.ended("t0")
    scene.shell.now += 10
    scene.books.read("default")
    assert scene.gateway.asked == ["balance", "log"]
    newer = scene.doubted()
    assert scene.look(newer).status is Status.IN_DOUBT
    assert scene.shell.provider.asked == [], "the log is older than this doubt"
    scene.shell.provider.tasks["t1"] = replace(
        a_snapshot(task_id="t1"), state=TOKENS.for_job(job.id, 1)
    )
    assert scene.look(job).task_id == "t1"
    assert scene.gateway.asked == ["balance", "log"], "without another reading"


def test_proxies_are_not_asked_for_a_ledger() -> None:
    scene = Scene(replace(BY_KEY, dialect="novicezk"))
    job = scene.doubted()
    assert scene.look(job).status is Status.IN_DOUBT
    assert scene.gateway.asked == []
