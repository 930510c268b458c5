"""The sweep looks at all that is due; the asker asks about the quiet ones."""

import pytest

from tests.support.jobs import GRID, NOW, a_job, a_snapshot, after, in_status
from tests.support.shell import Shell
from worker.errors import HooklineError, ProviderUnavailable, StoreUnavailable
from worker.events import Policy, Started
from worker.evidence import TaskStatus
from worker.job import Result, Status
from worker.provider.client import MAX_IDS
from worker.reconcile import CLAIM_S, WAKE_AGAIN_S, Asker, Sweep
from worker.tokens import Tokens

tokens = Tokens(["a secret for this test only"])


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def sweep(shell: Shell) -> Sweep:
    return Sweep(shell.orchestrator, shell.wakeups)


@pytest.fixture
def asker(shell: Shell) -> Asker:
    return Asker(shell.orchestrator, {"default": shell.provider}, tokens)


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
    job = shell.put(after(a_job(), Started()).job)
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
    assert woken(shell, "start") == [("start", "default", 1)], "but not at every sweep"
    assert WAKE_AGAIN_S < CLAIM_S


def test_one_bad_job_does_not_stop_the_others(shell: Shell, sweep: Sweep) -> None:
    bad = shell.put(after(a_job(), Started()).job)
    good = shell.put(after(a_job(created_at=NOW + 1), Started()).job)
    shell.now += Policy().lease_s
    shell.store.failure = StoreUnavailable()
    assert sweep.run() == 2
    assert sorted(shell.job(job).ready for job in (bad, good)) == [False, True]


def test_what_is_seen_goes_through_the_same_door_as_a_callback(shell: Shell, asker: Asker) -> None:
    done, running = (shell.put(in_status(Status.SUBMITTED)) for _ in range(2))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    asker.ask("default", [done.id])
    assert shell.job(done).status is Status.SUCCEEDED
    assert shell.store.delivery("default").silent == 1, "an end that we had to ask for"
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS, progress=50)}
    asker.ask("default", [running.id])
    assert shell.job(running).progress == 50
    assert shell.store.delivery("default").silent == 1


def test_an_unchanged_task_is_asked_about_again_later(shell: Shell, asker: Asker) -> None:
    job = shell.put(in_status(Status.IN_PROGRESS))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS, progress=40)}
    shell.now += 100
    asker.ask("default", [job.id])
    assert shell.store.claim_due(shell.now + 5, 9, 1) == []
    assert len(shell.store.claim_due(shell.now + 60, 9, 1)) == 1


def test_a_task_that_a_list_leaves_out_costs_no_call_of_its_own(shell: Shell, asker: Asker) -> None:
    jobs = [shell.put(in_status(Status.SUBMITTED, task_id=f"t{n}")) for n in range(9)]
    asker.ask("default", [job.id for job in jobs])
    assert len(shell.provider.asked) == 1
    assert {shell.job(job).status for job in jobs} == {Status.SUBMITTED}


def test_buttons_that_a_list_leaves_out_are_asked_for(shell: Shell, asker: Asker) -> None:
    job = shell.put(in_status(Status.SUBMITTED, then=({"press": "U*"},)))
    bare = a_snapshot(TaskStatus.SUCCEEDED, result=Result(image_url="u"))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    shell.provider.listed = {"t1": bare}
    asker.ask("default", [job.id])
    assert shell.job(job).result.buttons == GRID
    plain = shell.put(in_status(Status.SUBMITTED))
    shell.provider.asked.clear()
    asker.ask("default", [plain.id])
    assert shell.provider.asked == ["t1"], "only where a step needs them"


def test_a_task_that_nobody_knows_is_lost_in_the_end(shell: Shell, asker: Asker) -> None:
    job = shell.put(in_status(Status.SUBMITTED))
    shell.now += 10
    asker.ask("default", [job.id])
    assert shell.job(job).status is Status.SUBMITTED
    shell.now += Policy().lost_after_s
    asker.ask("default", [job.id])
    assert shell.job(job).status is Status.FAILED


def test_a_provider_that_is_away_changes_nothing(shell: Shell, asker: Asker) -> None:
    job = shell.put(in_status(Status.SUBMITTED))
    shell.provider.trouble = ProviderUnavailable()
    asker.ask("default", [job.id])
    assert shell.job(job) == job
    shell.provider.trouble = HooklineError("The provider refuses the key.")
    with pytest.raises(HooklineError, match="refuses the key"):
        asker.ask("default", [job.id])


def test_nobody_is_asked_about_what_has_no_task(shell: Shell, asker: Asker) -> None:
    job = shell.put(in_status(Status.SUBMITTING))
    asker.ask("default", [job.id, "gone"])
    asker.ask("an account that left the settings", [job.id])
    assert shell.provider.asked == []
