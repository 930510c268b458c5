"""Load, decide, commit, wake."""

import pytest

from tests.support.jobs import ACCEPTED, NOW, REFUSED, a_job, callback, capacity, in_status, sample
from tests.support.shell import Shell
from worker.adapters.store import NoFreeSlot
from worker.domain.account.callback_stats import Source
from worker.domain.errors import NotFound, StaleVersion, StoreUnavailable
from worker.domain.events import Cancelled, Disposition, Posting, Resolved, Started
from worker.domain.job import Status
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import Result

SUCCESS = callback(TaskStatus.SUCCEEDED)


def test_a_new_job_wakes_a_worker_and_is_stored_once() -> None:
    shell, job = Shell(), a_job()
    assert shell.orchestrator.create(job)
    assert shell.wakeups.sent == [("start", "default")]
    assert not shell.orchestrator.create(job)
    assert shell.job(job).version == 1


def test_nobody_is_woken_where_there_is_no_slot() -> None:
    shell = Shell(max_running=1)
    shell.put(in_status(Status.SUBMITTED))
    shell.orchestrator.create(a_job())
    assert shell.wakeups.sent == []


def test_an_end_frees_a_slot_and_wakes_for_its_children() -> None:
    shell = Shell(max_running=1)
    job = shell.put(in_status(Status.SUBMITTED, then=({"press": "U1"}, {"press": "U2"})))
    decision = shell.orchestrator.record(job, SUCCESS, source=Source.CALLBACK)
    assert decision.disposition is Disposition.APPLIED
    assert shell.store.jobs.get_many([c.id for c in decision.children]) != []
    assert shell.wakeups.sent == [("start", "default")]  # the sweep finds its files


def test_a_job_that_is_due_now_is_asked_about_now() -> None:
    shell = Shell()
    job = shell.put(in_status(Status.IN_DOUBT))
    shell.orchestrator.record(job, Resolved("accepted", "t1"))
    assert shell.wakeups.sent == [("ask", "default", job.id)]
    globbing = shell.put(in_status(Status.SUBMITTED, then=({"press": "U*"},)))
    shell.orchestrator.record(globbing, callback(TaskStatus.SUCCEEDED, result=Result()))
    assert shell.wakeups.sent[1:] == [("ask", "default", globbing.id)]


def test_links_are_recorded_as_they_can_be_followed() -> None:
    shell = Shell()
    url = shell.orchestrator.accounts["default"].url
    job = shell.put(in_status(Status.SUBMITTED))
    shell.orchestrator.record(
        job, callback(TaskStatus.SUCCEEDED, result=Result(image_url="/mj/image/1"))
    )
    assert shell.job(job).result.image_url == f"{url}/mj/image/1"


def test_what_changes_nothing_writes_nothing() -> None:
    shell = Shell()
    job = shell.put(in_status(Status.SUCCEEDED))
    assert shell.orchestrator.record(job, SUCCESS).disposition is Disposition.DUPLICATE
    assert shell.job(job) == job
    assert shell.wakeups.sent == []


def test_the_next_change_builds_on_what_a_record_returned() -> None:
    """Else each would find that somebody was first, read the job and decide a second time."""
    shell = Shell()
    job = shell.put(a_job())
    started = shell.orchestrator.record(job, Started("default")).job
    assert started == shell.job(job)
    assert shell.orchestrator.record(started, Posting(1)).job == shell.job(job)


def test_it_decides_again_when_somebody_else_was_first() -> None:
    shell = Shell()
    old = shell.put(in_status(Status.SUBMITTING))
    shell.orchestrator.record(old, SUCCESS)
    late = shell.orchestrator.record(old, ACCEPTED)
    assert late.disposition is Disposition.STALE
    assert late.job == shell.job(old), "the answer is the job as it is"
    assert late.job.status is Status.SUCCEEDED


def test_a_job_that_vanished_meanwhile_is_not_found() -> None:
    shell = Shell()
    shell.store.jobs.failure = StaleVersion()
    with pytest.raises(NotFound):
        shell.orchestrator.record(a_job(), Cancelled())
    with pytest.raises(NotFound, match="nobody"):
        shell.orchestrator.job("nobody")


def test_no_job_starts_without_a_slot() -> None:
    shell = Shell(max_running=1)
    shell.put(in_status(Status.SUBMITTED))
    waiting = shell.put(a_job())
    with pytest.raises(NoFreeSlot):
        shell.orchestrator.record(waiting, Started("default"))
    assert shell.job(waiting).status is Status.QUEUED


def test_an_account_that_left_the_settings_starts_nothing() -> None:
    shell = Shell()
    shell.orchestrator.create(a_job(account="gone"))
    assert shell.wakeups.sent == []
    running = shell.put(in_status(Status.SUBMITTED, account="gone"))
    assert shell.orchestrator.record(running, SUCCESS).job.status is Status.SUCCEEDED


def test_when_the_store_is_away_nobody_is_woken() -> None:
    shell = Shell()
    job = shell.put(in_status(Status.SUBMITTING))
    shell.store.jobs.failure = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        shell.orchestrator.record(job, REFUSED)
    assert shell.wakeups.sent == []
    assert shell.job(job) == job


@pytest.mark.parametrize(
    ("source", "flow"),
    [
        ([], None),
        ([Source.ASKED] * 2, None),
        ([Source.ASKED] * 3, False),
        ([Source.CALLBACK], True),
        ([Source.CALLBACK, *[Source.ASKED] * 2], True),
        ([Source.CALLBACK_WITH_STATE, *[Source.ASKED] * 3], False),
        ([*[Source.ASKED] * 9, Source.CALLBACK], True),
    ],
)
def test_an_accounts_habits_set_our_patience(source: list[Source], flow: bool | None) -> None:
    shell = Shell()
    for how in source:
        shell.store.jobs.commit(a_job(), capacity=capacity(3), sample=sample(how))
    assert shell.orchestrator.policy(a_job()).callbacks_flow is flow


def test_without_a_hook_nobody_waits_for_callbacks() -> None:
    assert Shell(hooked=False).orchestrator.policy(a_job()).callbacks_flow is False


def test_the_clock_is_the_shells() -> None:
    shell = Shell()
    shell.now = NOW + 77
    job = shell.orchestrator.record(shell.put(a_job()), Started("default")).job
    assert job.attempts[0].started_at == NOW + 77
