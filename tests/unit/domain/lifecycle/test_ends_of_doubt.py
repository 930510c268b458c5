"""Doubts that end late or in an unusual way: after a cancel, and with a window."""

from collections.abc import Callable

import pytest

from tests.support.jobs import NOW, TIMEOUT, after, callback, in_status
from worker.domain.events import (
    Cancelled,
    Disposition,
    Observed,
    Policy,
    Posting,
    Replied,
    Resolved,
    Retried,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Status
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.domain.result import Result

NO_PICTURE = Result(prompt="a cat")
LATER = NOW + Policy().doubt_window_s + Policy().lease_s + 1


def draining() -> Job:
    cancelled = after(in_status(Status.IN_DOUBT), Cancelled()).job
    assert cancelled.draining
    return after(cancelled, TimePassed(), now=LATER).job


def held() -> Job:
    doubtful = after(in_status(Status.IN_DOUBT), TimePassed(), now=LATER).job
    assert doubtful.held
    return doubtful


def cancelled_while_held() -> Job:
    return after(held(), Cancelled(), now=LATER).job


#: Cancelled jobs that are waited for no longer, whose POST was never answered.
cancelled_in_doubt = pytest.mark.parametrize("make", [draining, cancelled_while_held])


@cancelled_in_doubt
def test_the_payment_of_a_cancelled_job_is_written_down(make: Callable[[], Job]) -> None:
    job = make()
    assert not job.draining
    told = after(job, callback(TaskStatus.SUCCEEDED), now=LATER)
    assert told.disposition is Disposition.APPLIED
    assert told.job.status is Status.CANCELLED
    assert told.job.attempts[0].task_id == "t1"
    assert told.job.double_payments == ()
    assert told.job.due_at is None


@cancelled_in_doubt
def test_after_a_retry_the_first_attempt_is_followed(make: Callable[[], Job]) -> None:
    told = after(make(), Retried(), callback(TaskStatus.SUCCEEDED), now=LATER)
    assert told.job.status is Status.SUCCEEDED
    assert told.job.task_id == "t1"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (callback(TaskStatus.MODAL), Status.AWAITING_MODAL),
        (TIMEOUT, Status.OVERDUE),
        (callback(TaskStatus.SUCCEEDED, result=NO_PICTURE), Status.IN_PROGRESS),
    ],
    ids=["a window", "a timeout", "a success without its picture"],
)
def test_whatever_shows_the_task_ends_the_doubt(event: Observed, status: Status) -> None:
    seen = after(held(), event, now=LATER).job
    assert seen.status is status
    assert (seen.held, seen.doubt_until) == (False, None)
    assert seen.holds_slot == (status is Status.IN_PROGRESS)


def test_of_two_attempts_that_were_given_up_both_stay_so() -> None:
    """While the third waits in the queue the first proves accepted, and then the second."""
    again = Resolved("resubmit")
    first_given_up = after(in_status(Status.IN_DOUBT), again).job
    both_given_up = after(
        first_given_up, Started("default"), Posting(2), Replied(2, Verdict(Outcome.IN_DOUBT)), again
    ).job
    told = after(
        both_given_up,
        callback(TaskStatus.IN_PROGRESS, attempt=1, task_id="t1"),
        callback(TaskStatus.IN_PROGRESS, attempt=2, task_id="t2"),
    ).job
    assert told.task_id == "t1"
    assert [paid.task_id for paid in told.double_payments] == ["t2"]


def test_of_two_payments_the_one_that_was_seen_first_stays_the_first() -> None:
    """After a person gave the job up both of its attempts prove accepted, again and again."""
    doubtful = after(
        in_status(Status.IN_DOUBT),
        Resolved("resubmit"),
        Started("default"),
        Posting(2),
        Replied(2, Verdict(Outcome.IN_DOUBT)),
    ).job
    given_up = after(doubtful, Resolved("failed")).job
    told = after(
        given_up,
        *(
            callback(status, attempt=number, task_id=f"t{number}")
            for status in (TaskStatus.IN_PROGRESS, TaskStatus.SUCCEEDED)
            for number in (1, 2)
        ),
    ).job
    assert told.status is Status.FAILED
    assert [paid.task_id for paid in told.double_payments] == ["t2"]
