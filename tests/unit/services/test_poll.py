"""Polling: the provider is asked about quiet jobs."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Thread

import pytest

from tests.support.jobs import GRID, a_job, a_snapshot, in_status
from tests.support.processes import wait_for
from tests.support.shell import Shell
from worker.adapters.tokens import Tokens
from worker.domain.errors import HooklineError, NoSuchCall, ProviderUnavailable
from worker.domain.events import Cancelled, Observed, Policy, Posting, Replied, Resolved, Started
from worker.domain.job import AttemptOutcome, Job, Status
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import Result
from worker.services.calls import KnownCalls
from worker.services.poll import POLLS, Poller

tokens = Tokens(["a secret for this test only"])


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def poller(shell: Shell) -> Poller:
    return Poller(shell.orchestrator, {"default": shell.provider}, tokens)


def test_what_is_seen_goes_through_the_same_door_as_a_callback(
    shell: Shell, poller: Poller
) -> None:
    done, running = (shell.put(in_status(Status.SUBMITTED)) for _ in range(2))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    poller.poll("default", [done.id])
    assert shell.job(done).status is Status.SUCCEEDED
    assert shell.store.accounts.callback_stats("default").silent == 1, (
        "an end that we had to ask for"
    )
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS, progress=50)}
    poller.poll("default", [running.id])
    assert shell.job(running).progress == 50
    assert shell.store.accounts.callback_stats("default").silent == 1


def test_an_unchanged_task_is_asked_about_again_later(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.IN_PROGRESS))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS, progress=40)}
    shell.now += 100
    poller.poll("default", [job.id])
    assert shell.store.jobs.claim_due(shell.now + 5, 9, 1) == []
    assert len(shell.store.jobs.claim_due(shell.now + 60, 9, 1)) == 1


def test_a_task_that_a_list_leaves_out_costs_no_call_of_its_own(
    shell: Shell, poller: Poller
) -> None:
    jobs = [shell.put(in_status(Status.SUBMITTED, task_id=f"t{n}")) for n in range(9)]
    poller.poll("default", [job.id for job in jobs])
    assert len(shell.provider.asked) == 1
    assert {shell.job(job).status for job in jobs} == {Status.SUBMITTED}


def test_buttons_that_a_list_leaves_out_are_asked_for(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.SUBMITTED, then=({"press": "U*"},)))
    bare = a_snapshot(TaskStatus.SUCCEEDED, result=Result(image_url="u"))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    shell.provider.listed = {"t1": bare}
    poller.poll("default", [job.id])
    assert shell.job(job).result.buttons == GRID
    plain = shell.put(in_status(Status.SUBMITTED))
    shell.provider.asked.clear()
    poller.poll("default", [plain.id])
    assert shell.provider.asked == ["t1"], "only where a step needs them"


def test_a_task_that_nobody_knows_is_lost_in_the_end(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.SUBMITTED))
    shell.now += 10
    poller.poll("default", [job.id])
    assert shell.job(job).status is Status.SUBMITTED
    shell.now += Policy().lost_after_s
    poller.poll("default", [job.id])
    assert shell.job(job).status is Status.FAILED


def test_a_task_that_a_restarted_proxy_forgot_is_lost_within_seconds(
    shell: Shell, poller: Poller
) -> None:
    shell.store.accounts.learn_dialect("default", "novicezk")
    job = shell.put(in_status(Status.IN_PROGRESS))
    shell.now += 60
    since = shell.now
    while shell.job(job).status is not Status.FAILED:
        poller.poll("default", [job.id])
        while shell.job(job).status is not Status.FAILED and not due(shell, job):
            shell.now += 0.5
    assert 6 <= shell.now - since <= 11
    assert shell.provider.asked[-1] == "t1", "its own page is the last word"
    assert 3 <= shell.provider.asked.count("t1") <= 5


def test_a_task_that_is_there_again_shows_that_unknown_is_not_gone(
    shell: Shell, poller: Poller
) -> None:
    shell.store.accounts.learn_dialect("default", "novicezk")
    job = shell.put(in_status(Status.IN_PROGRESS))
    poller.poll("default", [job.id])
    assert shell.job(job).missing_since is not None
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS, progress=60)}
    poller.poll("default", [job.id])
    assert shell.job(job).missing_since is None
    assert shell.store.accounts.callback_stats("default").came_back


def due(shell: Shell, job: Job) -> bool:
    return job.id in [one.id for one in shell.store.jobs.claim_due(shell.now, 9, 0.0)]


def test_a_provider_that_is_away_changes_nothing(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.SUBMITTED))
    shell.provider.trouble = ProviderUnavailable()
    poller.poll("default", [job.id])
    assert shell.job(job) == job
    shell.provider.trouble = HooklineError("The provider refuses the key.")
    with pytest.raises(HooklineError, match="refuses the key"):
        poller.poll("default", [job.id])


def test_nobody_is_asked_about_what_has_no_task(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.SUBMITTING))
    poller.poll("default", [job.id, "gone"])
    poller.poll("an account that left the settings", [job.id])
    assert shell.provider.asked == []


# Jobs in doubt are looked for in the provider's list of its newest tasks.


def listed(job: Job, attempt: int = 1, **more: object) -> Snapshot:
    """The job's task as a list shows it, with what was sent as its ``state``."""
    state = tokens.for_job(job.id, attempt)
    status = TaskStatus.IN_PROGRESS
    return replace(a_snapshot(status, progress=30), state=state, **more)  # type: ignore[arg-type]


def test_the_list_finds_a_job_in_doubt(shell: Shell, poller: Poller) -> None:
    found, other, held = (shell.put(in_status(Status.IN_DOUBT)) for _ in range(3))
    held = shell.put(replace(held, held=True))
    strangers = {
        "t8": a_snapshot(TaskStatus.IN_PROGRESS, state=None),
        "t9": a_snapshot(TaskStatus.IN_PROGRESS, state="another program's"),
    }
    shell.provider.tasks = {
        "t1": listed(found, task_id="t1"), "t3": listed(held, task_id="t3"), **strangers
    }  # fmt: skip
    poller.poll("default", [found.id, other.id, held.id])
    assert shell.provider.asked == ["list"], "one call for all of them"
    assert (shell.job(found).status, shell.job(found).task_id) == (Status.IN_PROGRESS, "t1")
    assert (shell.job(held).status, shell.job(held).held) == (Status.IN_PROGRESS, False)
    assert shell.job(other) == other, "that it is not there tells nothing by itself"


def with_history(shell: Shell, before: int, after: int) -> Job:
    """A job in doubt, with tasks that were accepted before its POST and after; a minute passed.

    All of them are listed.
    """

    def submitted(number: int) -> None:
        job = shell.put(a_job())
        verdict = Verdict(Outcome.ACCEPTED, task_id=f"t{number}")
        done = Observed(a_snapshot(task_id=f"t{number}"), attempt=1)
        for event in (Started("default"), Posting(1), Replied(1, verdict), done):
            job = shell.orchestrator.record(shell.job(job), event).job
        shell.provider.tasks[f"t{number}"] = listed(job, task_id=f"t{number}")
        shell.now += 3

    for number in range(before):
        submitted(number)
    job = shell.put(a_job())
    for event in (Started("default"), Posting(1), Replied(1, Verdict(Outcome.IN_DOUBT))):
        shell.orchestrator.record(shell.job(job), event)
    shell.now += 3
    for number in range(before, before + after):
        submitted(number)
    shell.now += 60
    return shell.job(job)


def test_what_a_whole_list_does_not_show_is_sent_again(shell: Shell, poller: Poller) -> None:
    job = with_history(shell, before=5, after=5)
    poller.poll("default", [job.id])
    assert (shell.job(job).status, shell.job(job).attempts[0].outcome) == (
        Status.QUEUED,
        AttemptOutcome.NOT_LISTED,
    )


def test_a_list_with_a_gap_is_not_believed_and_remembered(shell: Shell, poller: Poller) -> None:
    job = with_history(shell, before=5, after=5)
    kept = shell.provider.tasks.pop("t4")
    poller.poll("default", [job.id])
    assert shell.job(job).status is Status.IN_DOUBT
    assert shell.store.accounts.callback_stats("default").task_list.lacked_at == shell.now
    shell.provider.tasks["t4"] = kept
    shell.now += 1
    poller.poll("default", [job.id])
    assert shell.job(job).status is Status.IN_DOUBT, "not although it is whole again"


def test_a_task_without_a_state_may_be_the_one_in_doubt(shell: Shell, poller: Poller) -> None:
    job = with_history(shell, before=5, after=5)
    shell.provider.tasks["hidden"] = a_snapshot(TaskStatus.IN_PROGRESS, task_id="hidden")
    poller.poll("default", [job.id])
    assert shell.job(job).status is Status.IN_DOUBT


def test_a_cancelled_job_is_looked_for_in_the_list_too(shell: Shell, poller: Poller) -> None:
    job = with_history(shell, before=5, after=5)
    gone = shell.orchestrator.record(job, Cancelled()).job
    assert gone.draining
    poller.poll("default", [job.id])
    assert (shell.job(job).status, shell.job(job).draining) == (Status.CANCELLED, False)


@pytest.mark.parametrize(
    "event",
    [Replied(1, Verdict(Outcome.EXISTS, task_id="t1")), Resolved("accepted", "t1")],
    ids=["it existed", "a person names it"],
)
def test_a_task_of_unknown_age_is_no_witness(shell: Shell, event: Replied | Resolved) -> None:
    job = shell.put(in_status(Status.IN_DOUBT))
    shell.orchestrator.record(job, event)
    assert shell.job(job).task_id == "t1"
    assert shell.store.accounts.accepted("default") == []


def test_how_long_a_task_took_is_learnt_from_its_post_to_its_success(
    shell: Shell, poller: Poller
) -> None:
    job, late = shell.put(in_status(Status.SUBMITTED)), shell.put(in_status(Status.OVERDUE))
    shell.now = (job.attempts[0].posted_at or 0.0) + 8
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    poller.poll("default", [job.id])
    learnt = {"imagine": (8.0, 3.0)}
    assert shell.store.accounts.callback_stats("default").took_s == learnt
    shell.now += 900
    poller.poll("default", [late.id])
    assert shell.job(late).status is Status.SUCCEEDED
    assert shell.store.accounts.callback_stats("default").took_s == learnt, "it is no usual one"


def test_the_list_may_show_the_end_and_that_counts_as_asked(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.IN_DOUBT))
    done = replace(a_snapshot(), state=tokens.for_job(job.id, 1))
    shell.provider.tasks = {"t1": done}
    poller.poll("default", [job.id])
    assert shell.job(job).status is Status.SUCCEEDED
    assert shell.store.accounts.callback_stats("default").silent == 1


def test_a_list_that_does_not_exist_is_not_asked_for_again(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.IN_DOUBT))
    shell.provider.trouble = ProviderUnavailable()
    poller.poll("default", [job.id])
    shell.provider.trouble = NoSuchCall("The provider has no /mj/task/list.", proven=True)
    poller.poll("default", [job.id])
    assert shell.provider.asked == ["list", "list"], "one that is away may have one"
    poller.poll("default", [job.id])
    assert shell.provider.asked == ["list", "list"]
    assert shell.job(job) == job


def test_without_a_call_for_many_tasks_each_is_asked_for(
    shell: Shell, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [shell.put(in_status(Status.SUBMITTED)) for _ in range(2)]
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.IN_PROGRESS)}
    asked: list[str] = []

    def no_list(task_ids: Sequence[str]) -> list[Snapshot]:
        asked.append("many")
        raise NoSuchCall("The provider has no list-by-condition.", proven=True)

    monkeypatch.setattr(shell.provider, "fetch_many", no_list)
    for _ in range(2):
        poller.poll("default", [job.id for job in jobs])
    assert [shell.job(job).status for job in jobs] == [Status.IN_PROGRESS] * 2
    assert asked == ["many"]
    assert shell.provider.asked == ["t1", "t1"] * 2


def test_what_one_process_learns_of_the_calls_all_know(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.IN_DOUBT))
    shell.provider.trouble = NoSuchCall("The provider has no /mj/task/list.", proven=True)
    poller.poll("default", [job.id])
    other = KnownCalls(shell.store, shell.orchestrator.dispatch.settings_of, lambda: shell.now)
    assert other.lacks("default", "task/list")
    shell.now += 90_000.0
    assert not other.lacks("default", "task/list"), "the provider may have been updated"


def test_a_list_that_is_missing_with_everything_else_is_asked_for_again(
    shell: Shell, poller: Poller
) -> None:
    job = shell.put(in_status(Status.IN_DOUBT))
    shell.provider.trouble = NoSuchCall("The provider has no /mj/task/list.", proven=False)
    for _ in range(2):
        poller.poll("default", [job.id])
    assert shell.provider.asked == ["list"] * 2


def test_a_task_that_is_listed_twice_counts_once(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.IN_DOUBT))
    rows = [listed(job, task_id="t1"), listed(job, task_id="t1", progress=10)]
    shell.provider.tasks = dict(zip("ab", rows, strict=True))
    poller.poll("default", [job.id])
    seen = shell.job(job)
    assert (seen.status, seen.task_id, seen.progress) == (Status.IN_PROGRESS, "t1", 30)
    assert seen.double_payments == ()


class Twice(Shell):
    """A provider whose answers name each task twice, the stale row last."""

    def __init__(self) -> None:
        super().__init__()
        fetch_many = self.provider.fetch_many

        def doubled(task_ids: Sequence[str]) -> list[Snapshot]:
            rows = fetch_many(task_ids)
            stale = [replace(r, status=TaskStatus.IN_PROGRESS, progress=1) for r in rows]
            return [*rows, *stale]

        self.provider.fetch_many = doubled  # type: ignore[method-assign]


def test_rows_that_name_one_task_twice_break_nothing() -> None:
    shell = Twice()
    poller = Poller(shell.orchestrator, {"default": shell.provider}, tokens)
    job = shell.put(in_status(Status.SUBMITTED))
    shell.provider.tasks = {"t1": a_snapshot(TaskStatus.SUCCEEDED)}
    poller.poll("default", [job.id, job.id])
    assert shell.job(job).status in (Status.IN_PROGRESS, Status.SUCCEEDED)
    assert shell.job(job).task_id == "t1"


# A slow provider, and many silent jobs, leave room for fresh ones.


def test_a_busy_poller_steps_aside(shell: Shell, poller: Poller) -> None:
    jobs = [shell.put(in_status(Status.SUBMITTED)) for _ in range(POLLS)]
    began, go_on = deque[int](), Event()

    def slow(task_ids: Sequence[str]) -> list[Snapshot]:
        began.append(len(task_ids))
        assert go_on.wait(10)
        return []

    shell.provider.fetch_many = slow  # type: ignore[method-assign]
    threads = [Thread(target=poller.poll, args=("default", [job.id])) for job in jobs]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(began) == POLLS, "as many polls as may be under way")
    poller.poll("default", [job.id for job in jobs])  # would wait for ever
    assert len(began) == POLLS
    go_on.set()
    for thread in threads:
        thread.join()
    poller.poll("default", [jobs[0].id])
    assert len(began) == POLLS + 1, "and asks again when there is room"


def test_a_provider_that_fails_gives_its_place_back(shell: Shell, poller: Poller) -> None:
    job = shell.put(in_status(Status.SUBMITTED))
    for trouble in (ProviderUnavailable(), HooklineError("The provider refuses the key.")):
        shell.provider.trouble = trouble
        for _ in range(POLLS + 1):
            try:
                poller.poll("default", [job.id])
            except HooklineError:
                continue
    assert len(shell.provider.asked) == 2 * (POLLS + 1)
