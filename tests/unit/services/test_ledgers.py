"""Whose ledger is read, when, and what becomes of its answers."""

from dataclasses import replace

import pytest

from tests.support.gateway import Gateway
from tests.support.jobs import NOW, a_job
from tests.support.shell import Shell
from worker.adapters.provider.ledger_client import PAGE
from worker.domain.account import Account
from worker.domain.account.ledger import Balance, Call, LedgerTask, TaskCharge
from worker.domain.errors import HooklineError, NoLedger, ProviderUnavailable
from worker.domain.events import Observed, Posting, Replied, Started
from worker.domain.job import Job
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import JobError, Result
from worker.services import ledgers
from worker.services.ledgers import Ledgers
from worker.services.sweep import Sweep

URL = "https://gateway.example"
BY_KEY = Account("default", URL, "sk", costs="provider")
BY_TOKEN = replace(BY_KEY, ledger_token="t", ledger_user="1")


class Reading:
    """One account, its gateway, and the service between them."""

    def __init__(self, account: Account) -> None:
        self.shell = Shell(account)
        self.gateway = Gateway(account)
        self.ledgers = Ledgers(self.shell.orchestrator, {"default": self.gateway})
        self.sweep = Sweep(self.shell.orchestrator, self.shell.wakeups)

    def ended(self, task_id: str, status: TaskStatus = TaskStatus.SUCCEEDED) -> Job:
        """A job that has just ended."""
        job = self.shell.put(a_job())
        accepted = Replied(1, Verdict(Outcome.ACCEPTED, task_id=task_id))
        error = JobError("failed", "no") if status is TaskStatus.FAILED else None
        end = Snapshot(task_id, status, result=Result(buttons=()), error=error)
        for event in (Started("default", 3), Posting(1), accepted, Observed(end, asked=True)):
            self.shell.orchestrator.record(job, event)
            job = self.shell.job(job)
        return job

    def wait(self, seconds: float) -> list[str]:
        """What is asked once so much time has passed."""
        self.shell.now += seconds
        self.gateway.asked.clear()
        if ledgers.wanted(self.shell.orchestrator, "default"):
            self.ledgers.read("default")
        return list(self.gateway.asked)

    def charged(self, *jobs: Job) -> list[int | None]:
        found = self.shell.store.jobs.get_many([job.id for job in jobs])
        return [job.attempts[-1].charged for job in found]

    @property
    def unbooked(self) -> list[str]:
        return self.shell.store.ledgers.unbooked("default", float("inf"), 999)


def row(task_id: str, kept: int = 7, at: float = NOW) -> LedgerTask:
    return LedgerTask(task_id, task_id, at, TaskStatus.SUCCEEDED, "s", looked_at=True, kept=kept)


@pytest.mark.parametrize("account", [BY_KEY, BY_TOKEN])
def test_a_job_is_charged_soon_after_its_end_and_then_left_alone(account: Account) -> None:
    reading = Reading(account)
    job = reading.ended("t1")
    reading.gateway.rows = [row("t1")]
    reading.gateway.charges = {"t1": TaskCharge("t1", 7, 7)}
    assert reading.wait(1.0) == ["balance"]
    assert reading.charged(job) == [None]
    costs = "log" if account is BY_KEY else "tasks 1"
    assert reading.wait(5.0) == [costs]
    assert reading.charged(job) == [7]
    assert reading.unbooked == []
    assert reading.wait(60.0) == []


def test_many_jobs_are_one_call() -> None:
    reading = Reading(BY_TOKEN)
    jobs = [reading.ended(f"t{n}") for n in range(30)]
    reading.gateway.rows = [row(f"t{n}", kept=n) for n in range(30)]
    assert reading.wait(6.0) == ["balance", "tasks 1"]
    assert reading.charged(*jobs) == list(range(30))


def test_what_is_not_among_the_newest_is_asked_for_by_its_id() -> None:
    reading = Reading(BY_TOKEN)
    job = reading.ended("t1")
    others = [row(f"o{n}") for n in range(PAGE * ledgers.PAGES)]
    reading.gateway.rows = [*others, row("t1")]
    pages = [f"tasks {n}" for n in range(1, ledgers.PAGES + 1)]
    assert reading.wait(6.0) == ["balance", *pages, "task t1"]
    assert reading.charged(job) == [7]


def test_a_clock_that_is_days_behind_hides_no_charge() -> None:
    reading = Reading(BY_TOKEN)
    job = reading.ended("t1")
    reading.gateway.rows = [row("t1", at=NOW - 48 * 3600)]
    assert reading.wait(6.0)[-1] == "task t1"
    assert reading.charged(job) == [7]


def test_a_charge_that_is_not_there_yet_is_looked_for_again_and_then_given_up() -> None:
    reading = Reading(BY_KEY)
    job = reading.ended("t1")
    looks = sum("log" in reading.wait(100.0) for _ in range(15))
    assert 2 <= looks <= 1500 / 150
    assert reading.unbooked == []
    assert reading.charged(job) == [None]


def test_a_refund_is_waited_for() -> None:
    reading = Reading(BY_TOKEN)
    failed = reading.ended("t1", TaskStatus.FAILED)
    reading.gateway.rows = [row("t1", kept=7)]
    reading.wait(6.0)
    reading.gateway.rows = [row("t1", kept=0)]
    assert "tasks 1" in reading.wait(15.0)
    [attempt] = reading.shell.store.jobs.get_many([failed.id])[0].attempts
    assert (attempt.charged, attempt.refunded) == (7, 7)
    assert reading.unbooked == []


@pytest.mark.parametrize("account", [BY_KEY, BY_TOKEN])
def test_a_gateway_without_a_ledger_is_asked_once_a_day(account: Account) -> None:
    reading = Reading(account)
    for call in ("tasks", "log", "balance"):
        reading.gateway.trouble[call] = NoLedger()
    asked: list[str] = []
    for n in range(20):
        reading.ended(f"t{n}")
        asked += reading.wait(600.0)
    assert len(asked) == 2
    assert reading.unbooked == [], "nobody would ever read them"
    assert reading.wait(86_400.0) == ["balance"]


def test_a_ledger_that_refuses_us_is_asked_every_ten_minutes_and_that_is_said() -> None:
    reading = Reading(BY_TOKEN)
    job = reading.ended("t1")
    reading.gateway.trouble["tasks"] = HooklineError("refused (HTTP 401): no such token")
    assert "tasks 1" in reading.wait(6.0)
    known = ledgers.known(reading.shell.orchestrator, "default")
    assert known.trouble == {Call.TASKS: "refused (HTTP 401): no such token"}
    assert "tasks 1" not in reading.wait(590.0)
    reading.gateway.trouble.clear()
    reading.gateway.rows = [row("t1")]
    assert "tasks 1" in reading.wait(11.0)
    assert reading.charged(job) == [7]
    assert ledgers.known(reading.shell.orchestrator, "default").trouble == {}


def test_an_unknown_provider_that_refuses_every_strange_path_has_no_ledger() -> None:
    reading = Reading(BY_KEY)
    reading.gateway.trouble["balance"] = HooklineError("refused (HTTP 401)")
    assert reading.wait(0.0) == ["balance"]
    known = ledgers.known(reading.shell.orchestrator, "default")
    assert (known.absent, known.trouble) == (("balance",), {})
    assert reading.wait(3600.0) == []


def test_what_one_call_learnt_outlives_another_that_took_longer() -> None:
    reading = Reading(BY_TOKEN)
    reading.ended("t1")
    reading.shell.now += 6.0

    def meanwhile(since: float, page: int = 1) -> tuple[LedgerTask, ...]:
        known = ledgers.known(reading.shell.orchestrator, "default")
        read_elsewhere = replace(known, balance=Balance(1, 2, NOW))
        reading.shell.store.ledgers.save("default", read_elsewhere)
        return ()

    reading.gateway.tasks = meanwhile  # type: ignore[method-assign]
    reading.ledgers.read("default")
    known = ledgers.known(reading.shell.orchestrator, "default")
    assert known.balance == Balance(1, 2, NOW)
    assert {Call.TASKS, Call.BALANCE} <= known.not_before.keys()


def test_a_ledger_that_is_away_is_asked_again_soon() -> None:
    reading = Reading(BY_TOKEN)
    reading.ended("t1")
    reading.gateway.trouble["tasks"] = ProviderUnavailable("HTTP 502")
    assert "tasks 1" in reading.wait(6.0)
    assert "tasks 1" not in reading.wait(50.0)
    assert "tasks 1" in reading.wait(11.0)


def test_new_settings_forget_what_the_old_ones_met() -> None:
    reading = Reading(BY_KEY)
    reading.gateway.trouble["balance"] = NoLedger()
    assert reading.wait(0.0) == ["balance"]
    assert reading.wait(600.0) == []
    reading.shell.accounts["default"] = replace(BY_KEY, key="sk-other")
    assert reading.wait(0.0) == ["balance"]


def test_a_price_list_that_counts_is_not_replaced() -> None:
    reading = Reading(replace(BY_TOKEN, costs="prices"))
    reading.ended("t1")
    assert reading.unbooked == []
    assert reading.wait(6.0) == ["balance"]


def test_proxies_have_no_ledger_and_are_not_asked() -> None:
    reading = Reading(replace(BY_KEY, dialect="novicezk"))
    reading.ended("t1")
    assert (reading.wait(600.0), reading.unbooked) == ([], [])
    learnt = Reading(BY_KEY)
    learnt.shell.store.accounts.learn_dialect("default", "trueai")
    assert learnt.wait(600.0) == []


def test_a_job_that_retention_removed_is_dropped() -> None:
    reading = Reading(BY_TOKEN)
    job = reading.ended("t1")
    reading.shell.store.client.delete(f"{reading.shell.store.prefix}job:{job.id}")
    reading.wait(6.0)
    assert reading.unbooked == []


def test_every_paid_attempt_is_charged_also_on_another_account() -> None:
    reading = Reading(BY_TOKEN)
    job = reading.ended("t1")
    before = job.attempts[0]
    extra = replace(before, number=2, task_id="t2", extra=True)
    elsewhere = replace(before, number=3, task_id="t3", account="gone")
    both = replace(job, attempts=(before, extra, elsewhere))
    reading.shell.store.jobs.commit(
        both, capacity=reading.shell.orchestrator.dispatch.capacity("default", NOW)
    )
    reading.gateway.rows = [row("t1", 7), row("t2", 8), row("t3", 9)]
    reading.wait(6.0)
    found = reading.shell.store.jobs.get_many([job.id])[0]
    assert [attempt.charged for attempt in found.attempts] == [7, 8, None]


def test_the_sweep_sends_a_message_per_account_and_not_more_often_than_it_may() -> None:
    reading = Reading(BY_TOKEN)
    for n in range(3):
        reading.ended(f"t{n}")
    reading.shell.now += 6.0
    reading.sweep.run()
    reading.sweep.run()
    assert reading.shell.wakeups.ledgers == ["default"]
