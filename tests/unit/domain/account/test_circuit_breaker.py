"""How an account fares, by what it answers."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW
from worker.domain.account.circuit_breaker import (
    FAILURES,
    LONGEST_REST_S,
    REST_S,
    SLOT_BACK_S,
    CircuitBreaker,
    after,
    opened,
)
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.provider_reports import Outcome, Verdict

ACCEPTED = Verdict(Outcome.ACCEPTED, task_id="t")


def refused(
    reason: ErrorCode, outcome: Outcome = Outcome.TRY_LATER, *, account: bool = False
) -> Verdict:
    return Verdict(outcome, error=job_error(reason, "words"), account_trouble=account)


CLOSED = CircuitBreaker()
AWAY = refused(ErrorCode.UNREACHABLE)


def often(
    verdict: Verdict, times: int, breaker: CircuitBreaker = CLOSED, now: float = NOW
) -> CircuitBreaker:
    for _ in range(times):
        breaker = after(breaker, verdict, 3, now)
    return breaker


@pytest.mark.parametrize("reason", [ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN, ErrorCode.QUOTA])
def test_a_refused_key_or_an_empty_account_closes_it(reason: ErrorCode) -> None:
    closed = after(
        CircuitBreaker(), refused(reason, Outcome.PERMANENT, account=True), 1, NOW, settings="k"
    )
    assert closed.closed == f"{reason}: words"
    assert (closed.closed_at, closed.settings) == (NOW, "k")
    assert closed.slots(9, NOW + 1e6) == 0, "time does not mend it"
    assert opened(closed).slots(9, NOW) == 9


@pytest.mark.parametrize(
    "reason", [ErrorCode.QUEUE_FULL, ErrorCode.RATE_LIMITED, ErrorCode.LIMIT_REACHED]
)
def test_a_full_account_is_believed_to_take_less_for_a_while(reason: ErrorCode) -> None:
    full = after(CircuitBreaker(), refused(reason), 5, NOW)
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
    breaker, now = CircuitBreaker(), NOW
    for _ in range(99):
        breaker = after(breaker, AWAY, 1, now)
        now = breaker.rest_until or now
    assert breaker.rest_until is not None
    assert after(breaker, AWAY, 1, now).rest_until == now + LONGEST_REST_S


@pytest.mark.parametrize(
    "reason", [ErrorCode.MODERATED, ErrorCode.BAD_PARAMETER, ErrorCode.NOT_FOUND]
)
def test_what_is_the_jobs_fault_tells_nothing_about_the_account(reason: ErrorCode) -> None:
    known = often(AWAY, 2)
    assert after(known, refused(reason, Outcome.PERMANENT), 3, NOW) == known


def test_success_after_success_writes_nothing() -> None:
    assert after(CircuitBreaker(), ACCEPTED, 3, NOW) == CircuitBreaker()


def test_the_error_rate_looks_back_on_the_last_ones() -> None:
    bad = often(AWAY, 60)
    assert bad.error_rate > 0.9
    assert often(ACCEPTED, 60, replace(bad, rest_until=None)).error_rate < 0.1
