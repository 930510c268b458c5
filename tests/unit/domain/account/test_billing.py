"""What a job costs, by its record."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW, a_job, after
from worker.domain.account.billing import Standing, charges, total
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import (
    Cancelled,
    Observed,
    Posting,
    Replied,
    Resolved,
    Started,
    TimePassed,
)
from worker.domain.job import Job
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import JobError, Result

PRICE = 3
START = Started("main", PRICE)
ACCEPTED = Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1"))
BUSY = Replied(1, Verdict(Outcome.TRY_LATER, error=job_error(ErrorCode.QUEUE_FULL, "full")))
REFUSED = Replied(1, Verdict(Outcome.PERMANENT, error=job_error(ErrorCode.MODERATED, "no")))
UNKNOWN = Replied(1, Verdict(Outcome.IN_DOUBT))
FAILED = Observed(Snapshot("t1", TaskStatus.FAILED, error=JobError("failed", "no")))


def sums(job: Job) -> dict[str, int]:
    found = charges(job, PRICE)
    return {s.value: amount for s in Standing if (amount := total(found, s))}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), {"estimated": 3}),
        ((START,), {"reserved": 3}),
        ((START, Posting(1)), {"reserved": 3}),
        ((START, Posting(1), ACCEPTED), {"spent": 3}),
        ((START, Posting(1), BUSY), {"estimated": 3}),
        ((START, Posting(1), REFUSED), {}),
        ((START, Posting(1), UNKNOWN), {"reserved": 3}),
        ((START, Posting(1), UNKNOWN, Resolved("failed")), {"reserved": 3}),
        ((START, Posting(1), UNKNOWN, Resolved("resubmit")), {"reserved": 3, "estimated": 3}),
        ((START, Posting(1), UNKNOWN, Resolved("accepted", "t1")), {"spent": 3}),
        ((START, Posting(1), ACCEPTED, FAILED), {"spent": 3}),
        ((Started("main", PRICE, refundable=True), Posting(1), ACCEPTED, FAILED),
         {"spent": 3, "refunded": 3}),
        ((Cancelled(),), {}),
        ((START, Cancelled()), {}),
        ((START, Posting(1), Cancelled(), ACCEPTED), {"spent": 3}),
        ((START, Posting(1), Cancelled(), REFUSED), {}),
    ],
)  # fmt: skip
def test_each_step_of_a_life_has_its_price(events: tuple, expected: dict[str, int]) -> None:  # type: ignore[type-arg]
    assert sums(after(a_job(), *events).job if events else a_job()) == expected


def test_a_window_is_paid_for_with_its_answer() -> None:
    pan = a_job(
        kind=Kind.ACTION, request={"custom_id": "MJ::JOB::pan_left::1::x"}, modal_prompt="a"
    )
    window = Replied(1, Verdict(Outcome.NEEDS_MODAL, task_id="t1", modal_prompt="a cat"))
    queued = after(pan, START, Posting(1), window).job
    assert sums(queued) == {"reserved": 3}, "its task waits: what was put by for it stays so"
    answered = after(queued, START, Posting(1), ACCEPTED).job
    assert sums(answered) == {"spent": 3}


def test_what_is_done_at_once_is_paid_too() -> None:
    done = Replied(1, Verdict(Outcome.DONE, result=Result(image_urls=("u",))))
    assert sums(after(a_job(kind=Kind.UPLOAD), START, Posting(1), done).job) == {"spent": 3}


def test_a_charge_names_the_account_and_the_day() -> None:
    started = after(a_job(account="", anywhere=True), START).job
    [charge] = charges(started, PRICE)
    assert (charge.account, charge.day) == ("main", "2027-01-15")
    lease_over = after(started, TimePassed(), now=NOW + 999).job
    [estimate] = charges(lease_over, PRICE)
    assert (estimate.account, estimate.standing) == ("", Standing.ESTIMATED)


def test_a_free_account_charges_nothing() -> None:
    assert charges(after(a_job(), Started("main"), Posting(1), ACCEPTED).job, 0) == ()
    assert charges(replace(a_job(), attempts=()), 0) == ()
