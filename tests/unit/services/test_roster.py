"""The workers that run are known, and a key that one of them was started with differs is told."""

from dataclasses import replace
from typing import Any

import pytest
import structlog

from tests.support.jobs import NOW, a_job
from tests.support.shell import Shell
from tests.support.stores import OwnStore
from worker.adapters.store.workers import ABSENT_S
from worker.domain.account import Account
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.services.doctor import findings
from worker.services.reports.answers.waiting import Reason
from worker.services.reports.waits import waiting
from worker.services.roster import APPEAR_EVERY_S, Roster

MAIN = Account("main", "https://a.example", "sk-old-key-of-main")
SPARE = Account("spare", "https://b.example", "sk-of-spare", "raw")


class World:
    """A store, and a time that is set."""

    def __init__(self) -> None:
        self.store = OwnStore()
        self.now = NOW

    def roster(self, *accounts: Account, secret: str = "s3cret-of-ours") -> Roster:
        known = {account.name: account for account in accounts or (MAIN, SPARE)}
        return Roster(self.store, known, secret, clock=lambda: self.now)

    def keys(self) -> str:
        return str(self.store.snapshot().keys)


def test_a_worker_is_there_while_it_says_so() -> None:
    world = World()
    here, worker = world.roster(), world.roster()
    assert here.workers() == 0
    worker.appear()
    assert here.workers() == 1
    world.now += ABSENT_S + 1
    assert here.workers() == 0, "killed"
    worker.appear()
    assert (here.workers(), here.problems()) == (1, [])
    worker.leave()
    assert here.workers() == 0


def test_a_sign_of_life_is_written_every_few_seconds_only() -> None:
    world = World()
    worker = world.roster()
    worker.appear()
    worker.leave()
    world.now += APPEAR_EVERY_S - 0.1
    worker.appear()
    assert worker.workers() == 0
    world.now += 0.2
    worker.appear()
    assert worker.workers() == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"key": "sk-new-key-of-main"}, "another key of account main"),
        ({"url": "https://c.example"}, "another url of account main"),
        ({"auth": "raw"}, "another auth of account main"),
        ({"key": "k", "auth": "raw"}, "another key and auth of account main"),
        ({"max_running": 9, "weight": 2.0}, None),
    ],
)
def test_what_a_worker_was_started_with_is_compared(
    change: dict[str, Any], word: str | None
) -> None:
    world = World()
    world.roster().appear()
    problems = world.roster(replace(MAIN, **change), SPARE).problems()
    assert len(problems) == (word is not None)
    for problem in problems:
        assert word is not None
        assert word in problem
        assert problem.endswith("restart it")
        assert problem.startswith("the worker (process ")


def test_an_account_that_a_worker_does_not_know_is_told_and_one_too_many_is_not() -> None:
    world = World()
    world.roster(MAIN).appear()
    [problem] = world.roster(MAIN, SPARE).problems()
    assert "without account spare" in problem
    assert world.roster(MAIN).problems() == []
    world.roster(MAIN, SPARE).appear()
    assert len(world.roster(MAIN).problems()) == 0


def test_under_another_secret_nothing_else_can_be_told() -> None:
    world = World()
    world.roster().appear()
    [problem] = world.roster(replace(MAIN, key="x"), secret="another").problems()
    assert "another HOOKLINE_SECRET" in problem


def test_neither_keys_nor_equal_hashes_of_equal_keys_are_stored() -> None:
    world = World()
    twin = replace(SPARE, key=MAIN.key, url=MAIN.url)
    world.roster(MAIN, twin).appear()
    stored = world.keys()
    assert MAIN.key not in stored
    assert "s3cret" not in stored
    assert "a.example" not in stored
    hashes = [h for account in world.store.workers.present(NOW)[0].fingerprint.accounts.values()
              for h in account.values()]  # fmt: skip
    assert len(set(hashes)) == len(hashes)


def test_a_worker_that_starts_beside_another_says_what_differs() -> None:
    world = World()
    world.roster().appear()
    with structlog.testing.capture_logs() as logs:
        late = world.roster(replace(MAIN, key="new"), SPARE)
        late.appear()
        world.now += APPEAR_EVERY_S + 1
        late.appear()
    [line] = [each for each in logs if each["event"] == "worker.other_settings"]
    assert "another key of account main" in line["problem"]


def test_a_job_that_nothing_keeps_says_that_no_worker_runs_or_another_key() -> None:
    shell = Shell(MAIN, SPARE)
    here = Roster(shell.store, shell.accounts, "s", clock=lambda: shell.now)
    job = shell.put(a_job(account="main"))

    def said() -> str:
        found = waiting(shell.orchestrator, job, here)
        assert found is not None
        assert found.reason is Reason.NEXT
        return found.message

    assert "but no worker runs: start `hookline up`, or `hookline worker`" in said()
    old = {"main": replace(MAIN, key="old"), "spare": replace(SPARE, key="old")}
    worker = Roster(shell.store, old, "s", clock=lambda: shell.now)
    worker.appear()
    assert "another key of account main than this command reads: restart it" in said()
    assert "spare" not in said()
    worker.leave()
    Roster(shell.store, shell.accounts, "s", clock=lambda: shell.now).appear()
    assert said() == "nothing keeps it from main: a worker takes it in a moment"


def test_a_closed_account_says_that_a_worker_knows_another_key() -> None:
    shell = Shell(MAIN)
    settings = shell.orchestrator.dispatch.settings_of("main")
    closed = CircuitBreaker(closed="unauthorized: bad key", closed_at=NOW, settings=settings)
    assert shell.store.accounts.save_breaker("main", closed, CircuitBreaker())
    here = Roster(shell.store, shell.accounts, "s", clock=lambda: shell.now)
    Roster(shell.store, {"main": replace(MAIN, key="old")}, "s", clock=lambda: shell.now).appear()
    found = waiting(shell.orchestrator, shell.put(a_job(account="main")), here)
    assert found is not None
    assert found.reason is Reason.CLOSED
    assert "`hookline resume main` tries it at once; but the worker" in found.message


def test_the_doctor_tells_of_workers() -> None:
    [none] = findings.workers({}, [])
    assert (none.verdict, none.message) == ("warn", "none runs")
    [well] = findings.workers({"2.0": 2}, [])
    assert (well.verdict, well.message) == ("ok", "2 workers of version 2.0 with these settings")
    [other] = findings.workers({"2.0": 1}, ["the worker was started with another key"])
    assert other.verdict == "warn"
