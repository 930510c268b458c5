"""The sweep looks at all that is due."""

import pytest

from tests.support.jobs import NOW, a_job, after, in_status
from tests.support.shell import Shell
from worker.adapters.provider.client import MAX_IDS
from worker.adapters.tokens import Tokens
from worker.domain.errors import StoreUnavailable
from worker.domain.events import Policy, Started
from worker.domain.job import Status
from worker.services.sweep import CLAIM_S, WAKE_AGAIN_S, Sweep

tokens = Tokens(["a secret for this test only"])


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def sweep(shell: Shell) -> Sweep:
    return Sweep(shell.orchestrator, shell.wakeups)


def woken(shell: Shell, what: str) -> list[tuple[object, ...]]:
    return [wakeup for wakeup in shell.wakeups.sent if wakeup[0] == what]


def test_a_quiet_job_is_asked_about_once_in_a_while(shell: Shell, sweep: Sweep) -> None:
    job = shell.put(in_status(Status.SUBMITTED))
    assert sweep.run() == 0, "not before it is due"
    shell.now += 5
    assert sweep.run() == 1
    assert sweep.run() == 0, "nobody else looks meanwhile"
    assert woken(shell, "ask") == [("ask", "default", job.id)]
    shell.now += CLAIM_S
    assert sweep.run() == 1, "a look that was lost is repeated"


def test_many_jobs_are_asked_about_in_few_calls(shell: Shell, sweep: Sweep) -> None:
    for _ in range(MAX_IDS + 5):
        shell.put(in_status(Status.SUBMITTED))
    shell.now += 5
    sweep.run()
    assert [len(wakeup) - 2 for wakeup in woken(shell, "ask")] == [MAX_IDS, 5]


def test_a_dead_workers_job_goes_back_to_the_queue(shell: Shell, sweep: Sweep) -> None:
    job = shell.put(after(a_job(), Started("default")).job)
    shell.now += Policy().lease_s
    sweep.run()
    assert shell.job(job).ready
    assert woken(shell, "start")


def test_files_that_were_forgotten_are_fetched(shell: Shell, sweep: Sweep) -> None:
    job = shell.put(in_status(Status.SUCCEEDED))
    sweep.run()
    assert woken(shell, "store_assets") == [("store_assets", job.id)]


def test_a_job_in_doubt_is_looked_for(shell: Shell, sweep: Sweep) -> None:
    doubtful = shell.put(in_status(Status.IN_DOUBT))
    answering = shell.put(in_status(Status.IN_DOUBT, task_id="t5"))
    shell.now += 60
    assert sweep.run() == 2
    [(_, account, *asked)] = woken(shell, "ask")
    assert (account, set(asked)) == ("default", {doubtful.id, answering.id})


def test_a_lost_wake_up_is_repeated(shell: Shell, sweep: Sweep) -> None:
    shell.put(a_job())
    assert shell.wakeups.sent == []
    sweep.run()
    sweep.run()
    assert woken(shell, "start") == [("start", "default")], "but not at every sweep"
    assert WAKE_AGAIN_S < CLAIM_S


def test_one_bad_job_does_not_stop_the_others(shell: Shell, sweep: Sweep) -> None:
    bad = shell.put(after(a_job(), Started("default")).job)
    good = shell.put(after(a_job(created_at=NOW + 1), Started("default")).job)
    shell.now += Policy().lease_s
    shell.store.jobs.failure = StoreUnavailable()
    assert sweep.run() == 2
    assert sorted(shell.job(job).ready for job in (bad, good)) == [False, True]


def test_a_worker_starts_what_waits_without_a_message(shell: Shell, sweep: Sweep) -> None:
    started: list[str] = []
    sweep.start = started.append
    shell.put(a_job())
    sweep.run()
    assert started == ["default"]
    assert woken(shell, "start") == []


def test_what_an_older_version_stored_is_listed_step_by_step(
    shell: Shell, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.services.sweep.STORED", 2)
    monkeypatch.setattr("worker.services.sweep.STORED_S", 0.001)
    key = f"{shell.store.prefix}listings"
    for _ in range(3):
        shell.put(a_job())
    while shell.store.client.get(key) != b"complete":
        sweep.run()
    assert not shell.store.jobs.list_stored(2)
