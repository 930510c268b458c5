"""How an account fares, by what it answers."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW
from worker.domain.account.circuit_breaker import (
    FAILURES,
    LONGEST_REST_S,
    REST_S,
    SLOT_BACK_S,
    Health,
    after,
    opened,
)
from worker.domain.error_codes import Reason, job_error
from worker.domain.provider_reports import Outcome, Verdict

ACCEPTED = Verdict(Outcome.ACCEPTED, task_id="t")


def refused(
    reason: Reason, outcome: Outcome = Outcome.TRY_LATER, *, account: bool = False
) -> Verdict:
    return Verdict(outcome, error=job_error(reason, "words"), account_trouble=account)


AWAY = refused(Reason.UNREACHABLE)


def often(verdict: Verdict, times: int, health: Health = Health(), now: float = NOW) -> Health:  # noqa: B008
    for _ in range(times):
        health = after(health, verdict, 3, now)
    return health


@pytest.mark.parametrize("reason", [Reason.UNAUTHORIZED, Reason.FORBIDDEN, Reason.QUOTA])
def test_a_refused_key_or_an_empty_account_closes_it(reason: Reason) -> None:
    closed = after(Health(), refused(reason, Outcome.PERMANENT, account=True), 1, NOW, settings="k")
    assert closed.closed == f"{reason}: words"
    assert (closed.closed_at, closed.settings) == (NOW, "k")
    assert closed.slots(9, NOW + 1e6) == 0, "time does not mend it"
    assert opened(closed).slots(9, NOW) == 9


@pytest.mark.parametrize("reason", [Reason.QUEUE_FULL, Reason.RATE_LIMITED, Reason.LIMIT_REACHED])
def test_a_full_account_is_believed_to_take_less_for_a_while(reason: Reason) -> None:
    full = after(Health(), refused(reason), 5, NOW)
    assert full.slots(12, NOW) == 4
    assert full.slots(2, NOW) == 2
    assert full.slots(12, NOW + SLOT_BACK_S) == 5, "one after the other is tried again"
    assert full.slots(12, NOW + 99 * SLOT_BACK_S) == 12
    assert after(full, refused(reason), 1, NOW).slots(12, NOW) == 1, "one may always try"
    assert full.failures == 0, "it fares well"


def test_an_account_that_keeps_failing_rests_and_is_tried_with_one_job() -> None:
    tired = often(AWAY, FAILURES - 1)
    assert tired.slots(9, NOW) == 9
    resting = after(tired, AWAY, 3, NOW)
    assert resting.slots(9, NOW + REST_S - 1) == 0
    assert resting.slots(9, NOW + REST_S) == 1
    longer = after(resting, AWAY, 1, NOW + REST_S)
    assert longer.slots(9, NOW + 3 * REST_S - 1) == 0, "twice as long, after the single job failed"
    well = after(longer, ACCEPTED, 1, NOW + 999)
    assert well.slots(9, NOW + 999) == 9
    assert (well.failures, well.rests) == (0, 0)


def test_no_rest_is_longer_than_ten_minutes() -> None:
    health, now = Health(), NOW
    for _ in range(99):
        health = after(health, AWAY, 1, now)
        now = health.rest_until or now
    assert health.rest_until is not None
    assert after(health, AWAY, 1, now).rest_until == now + LONGEST_REST_S


@pytest.mark.parametrize("reason", [Reason.MODERATED, Reason.BAD_PARAMETER, Reason.NOT_FOUND])
def test_what_is_the_jobs_fault_tells_nothing_about_the_account(reason: Reason) -> None:
    known = often(AWAY, 2)
    assert after(known, refused(reason, Outcome.PERMANENT), 3, NOW) == known


def test_success_after_success_writes_nothing() -> None:
    assert after(Health(), ACCEPTED, 3, NOW) == Health()


def test_the_error_rate_looks_back_on_the_last_ones() -> None:
    bad = often(AWAY, 60)
    assert bad.error_rate > 0.9
    assert often(ACCEPTED, 60, replace(bad, rest_until=None)).error_rate < 0.1
