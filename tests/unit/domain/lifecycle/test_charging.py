"""What a job really cost replaces what its price list made of it."""

from dataclasses import replace

import pytest

from tests.support.jobs import a_job, after
from worker.domain.account.billing import Figures, Standing, charges, figures, total, unbooked
from worker.domain.events import Charged, Disposition, Observed, Posting, Replied, Started
from worker.domain.job import Job
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import JobError, Result

PRICE = 3
ACCEPTED = (Posting(1), Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1")))
PICTURE = Result(image_url="https://p.example/a.png", buttons=())
DONE = Observed(Snapshot("t1", TaskStatus.SUCCEEDED, result=PICTURE))
FAILED = Observed(Snapshot("t1", TaskStatus.FAILED, error=JobError("failed", "no")))


def ended(event: Observed, *, refundable: bool = False) -> Job:
    return after(a_job(), Started("main", PRICE, refundable), *ACCEPTED, event).job


def sums(job: Job) -> dict[str, int]:
    found = charges(job, PRICE)
    return {s.value: value for s in Standing if (value := total(found, s))}


@pytest.mark.parametrize(
    ("job", "charge", "expected"),
    [
        (ended(DONE), Charged("t1", 5), {"spent": 5}),
        (ended(DONE), Charged("t1", 5, 5), {"spent": 5}),
        (ended(DONE), Charged("t1", 0), {}),
        (ended(FAILED), Charged("t1", 5), {"spent": 5}),
        (ended(FAILED), Charged("t1", 0, 5), {"spent": 5, "refunded": 5}),
        (ended(FAILED), Charged("t1", 2, 5), {"spent": 5, "refunded": 3}),
        (ended(FAILED), Charged("t1", 0), {"spent": 3, "refunded": 3}),
        (ended(FAILED, refundable=True), Charged("t1", 5), {"spent": 5, "refunded": 5}),
        (ended(FAILED, refundable=True), Charged("t1", 2, 5), {"spent": 5, "refunded": 3}),
    ],
)
def test_the_figures_are_the_providers(job: Job, charge: Charged, expected: dict[str, int]) -> None:
    assert sums(after(job, charge).job) == expected


def test_a_refund_that_comes_later_keeps_what_was_charged() -> None:
    first = after(ended(FAILED), Charged("t1", 5)).job
    assert unbooked(first) == {("main", "t1")}, "it may still be given back"
    second = after(first, Charged("t1", 0)).job
    assert sums(second) == {"spent": 5, "refunded": 5}
    assert not unbooked(second)


def test_the_same_figures_twice_change_nothing() -> None:
    once = after(ended(DONE), Charged("t1", 5)).job
    assert after(once, Charged("t1", 5)).disposition is Disposition.DUPLICATE


def test_another_task_is_foreign() -> None:
    assert after(ended(DONE), Charged("t2", 5)).disposition is Disposition.FOREIGN
    assert after(a_job(), Charged("t2", 5)).disposition is Disposition.FOREIGN


def test_a_running_job_may_be_charged_too() -> None:
    running = after(a_job(), Started("main", PRICE), *ACCEPTED).job
    assert sums(after(running, Charged("t1", 5)).job) == {"spent": 5}


def test_what_is_paid_for_is_looked_up_once_the_job_is_over() -> None:
    running = after(a_job(), Started("main", PRICE), *ACCEPTED).job
    assert not unbooked(running)
    assert unbooked(ended(DONE)) == {("main", "t1")}
    assert not unbooked(after(ended(DONE), Charged("t1", 0)).job)
    assert not unbooked(a_job())


def test_each_attempt_has_figures_of_its_own() -> None:
    job = ended(DONE)
    assert figures(a_job()) is None
    assert figures(job) is Figures.PRICES
    booked = after(job, Charged("t1", 5)).job
    assert figures(booked) is Figures.PROVIDER
    twice = replace(booked.attempts[0], number=2, task_id="t2", charged=None, extra=True)
    both = replace(booked, attempts=(*booked.attempts, twice))
    assert figures(both) is Figures.BOTH
    assert sums(both) == {"spent": 8}
    assert sums(after(both, Charged("t2", 1)).job) == {"spent": 6}
