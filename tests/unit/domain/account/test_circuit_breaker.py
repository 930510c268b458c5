"""How an account fares, by what it answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import NOW
from worker.domain.account.circuit_breaker import (
    AWAY_S,
    FAILURES,
    LONGEST_REST_S,
    REST_S,
    SLOT_BACK_S,
    CircuitBreaker,
    after,
    asked,
    opened,
    stuck,
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


def test_what_was_never_sent_says_nothing_about_the_account() -> None:
    """A worker that was cut off comes back with many jobs whose leases are over."""
    resting = often(AWAY, FAILURES)
    for breaker in (CLOSED, resting):
        assert often(refused(ErrorCode.NOT_PREPARED), FAILURES, breaker) == breaker


@pytest.mark.parametrize("reason", [ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN, ErrorCode.QUOTA])
def test_a_refused_key_or_an_empty_account_closes_it(reason: ErrorCode) -> None:
    closed = after(
        CircuitBreaker(), refused(reason, Outcome.PERMANENT, account=True), 1, NOW, settings="k"
    )
    assert closed.closed == f"{reason}: words"
    assert (closed.closed_at, closed.settings) == (NOW, "k")
    assert closed.slots(9, NOW + REST_S - 1) == 0
    assert closed.slots(9, NOW + REST_S) == 1, "a person may have mended it"
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
    known = CircuitBreaker(accepted=True)
    assert after(CircuitBreaker(), ACCEPTED, 3, NOW) == known
    assert after(known, ACCEPTED, 3, NOW) == known


@given(st.integers(0, 50), st.floats(0, 600))
def test_one_burst_counts_once(more: int, took_s: float) -> None:
    """Replies to what left before the rest began may come during the rest, and after it."""
    resting = often(AWAY, FAILURES)
    burst = resting
    for n in range(more):
        burst = after(burst, AWAY, 3, NOW + took_s * n / 50, started_at=NOW - 1)
    assert (burst.rests, burst.rest_until) == (1, NOW + REST_S)


QUOTA = refused(ErrorCode.QUOTA, Outcome.PERMANENT, account=True)
NO_CHANNEL = replace(refused(ErrorCode.NO_CHANNEL), slow=True)
IN_DOUBT = refused(ErrorCode.IN_DOUBT, Outcome.IN_DOUBT)
ANSWERS = {
    "accepted": ACCEPTED,
    "full": refused(ErrorCode.QUEUE_FULL),
    "moderated": refused(ErrorCode.MODERATED, Outcome.PERMANENT),
    "bad parameter": refused(ErrorCode.BAD_PARAMETER, Outcome.PERMANENT),
    "parent": refused(ErrorCode.PARENT_NOT_READY, Outcome.NOT_YET),
}
TROUBLES = {"away": AWAY, "quota": QUOTA, "no channel": NO_CHANNEL, "in doubt": IN_DOUBT}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_any_answer_that_is_no_trouble_of_the_account_ends_the_rest(
    trouble: Verdict, answer: Verdict
) -> None:
    resting = often(trouble, FAILURES)
    assert resting.trial(NOW + LONGEST_REST_S) is not None
    well = after(resting, answer, 9, NOW + REST_S)
    assert (well.tries_at, well.closed, well.rests, well.failures) == (None, None, 0, 0)
    assert well.trial(NOW + REST_S) is None


@pytest.mark.parametrize("first", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("second", TROUBLES.values(), ids=TROUBLES)
def test_a_trial_that_fails_makes_the_next_rest_longer_whatever_it_failed_of(
    first: Verdict, second: Verdict
) -> None:
    resting = often(first, FAILURES)
    due = resting.tries_at
    assert due is not None
    again = after(resting, second, 1, due, started_at=due)
    assert again.tries_at == due + 2 * REST_S
    assert again.rest != resting.rest
    assert bool(again.closed) == second.account_trouble, "the last trouble is the one that is told"


def test_an_account_that_cannot_be_asked_takes_nothing_until_it_answers() -> None:
    blind = asked(CircuitBreaker(), NOW, refused="HTTP 403: no model")
    assert (blind.blind, blind.slots(9, NOW + 1e6)) == ("HTTP 403: no model", 0)
    assert asked(blind, NOW + 9, refused="HTTP 403: (request id: 5)") == blind, "said once"
    sees = asked(blind, NOW + 60)
    assert (sees.slots(9, NOW + 60), sees.seen_at) == (9, NOW + 60)
    assert asked(sees, NOW + 99) == sees
    assert asked(blind, NOW + 1, away="no route").blind is None


@pytest.mark.parametrize(
    ("lasted", "due"), [(AWAY_S - 1, NOW + REST_S), (AWAY_S, NOW + AWAY_S), (300.0, NOW + REST_S)]
)
def test_an_account_that_answers_questions_again_is_tried_at_once(
    lasted: float, due: float
) -> None:
    resting = asked(often(IN_DOUBT, FAILURES), NOW, away="no route")
    assert resting.trial(NOW + LONGEST_REST_S - 1) is None, "it would fail, or end in doubt"
    assert resting.trial(NOW + LONGEST_REST_S) is not None
    assert asked(resting, NOW + lasted).tries_at == due


def test_an_account_that_answers_no_question_either_rests_after_one_failure() -> None:
    """Doubts may have taken all its places before five submissions failed."""
    away = asked(CircuitBreaker(), NOW, away="no route")
    assert after(away, IN_DOUBT, 3, NOW + 1).tries_at is None, "an accident, as far as that shows"
    assert after(away, IN_DOUBT, 3, NOW + AWAY_S).rests == 1
    failed = asked(after(CircuitBreaker(), IN_DOUBT, 3, NOW), NOW + 1, away="no route")
    assert failed.tries_at is None
    resting = asked(failed, NOW + 1 + AWAY_S, away="no route")
    assert (resting.rests, resting.trouble) == (1, "in_doubt: words")
    assert asked(away, NOW + 99, away="no route") == away, "nothing failed: it takes jobs"


@pytest.mark.parametrize("trouble", [AWAY, IN_DOUBT])
def test_what_left_before_a_submission_that_was_accepted_says_nothing(trouble: Verdict) -> None:
    """One of several workers is cut off: the others' submissions are accepted all the while."""
    alone = CircuitBreaker()
    for _ in range(3 * FAILURES):
        alone = after(alone, trouble, 3, NOW, started_at=NOW - 9, accepted_at=NOW - 8)
    assert (alone.failures, alone.tries_at) == (0, None)
    all_of_them = CircuitBreaker()
    for _ in range(FAILURES):
        all_of_them = after(all_of_them, trouble, 3, NOW, started_at=NOW - 8, accepted_at=NOW - 9)
    assert all_of_them.rests == 1


def test_a_refused_key_closes_it_whatever_was_accepted_meanwhile() -> None:
    assert after(CircuitBreaker(), QUOTA, 3, NOW, started_at=NOW - 9, accepted_at=NOW).closed


def test_an_account_that_accepts_submissions_is_not_away() -> None:
    """It was another worker that could not ask."""
    away = asked(after(CircuitBreaker(), IN_DOUBT, 3, NOW), NOW, away="no route")
    later = NOW + 2 * AWAY_S
    assert asked(away, later, away="no route", accepted_at=later - 1).tries_at is None
    assert after(away, IN_DOUBT, 3, later, accepted_at=later - 1).tries_at is None
    assert asked(away, later, away="no route", accepted_at=NOW).rests == 1


def test_an_answer_ends_a_rest_of_an_account_that_was_not_reached() -> None:
    """A worker that is cut off took all its places, and its submissions failed together."""
    resting = often(AWAY, FAILURES)
    assert asked(resting, NOW + 1).trial(NOW + 1) == NOW
    doubtful = often(IN_DOUBT, FAILURES)
    assert asked(doubtful, NOW + 1) == doubtful, "it was reached, and broke"
    unseen = asked(resting, NOW + 1, away="no route")
    assert asked(unseen, NOW + 2).trial(NOW + 2) == NOW, "it was the other one that could not ask"


def test_a_full_account_whose_last_submission_failed_is_tried_after_a_while() -> None:
    failed = after(CircuitBreaker(), IN_DOUBT, 3, NOW)
    assert stuck(failed, NOW + REST_S - 1) == failed
    tried = stuck(failed, NOW + REST_S)
    assert (tried.trial(NOW + REST_S), tried.rests) == (NOW + REST_S, 1)
    again = after(tried, IN_DOUBT, 3, NOW + REST_S + 1)
    assert again.tries_at == NOW + REST_S + 1 + 2 * REST_S
    assert stuck(again, NOW + 9999) == again
    worked = after(failed, ACCEPTED, 3, NOW + 1)
    assert stuck(worked, NOW + 9999) == worked


def test_a_record_of_before_closed_accounts_tried_again_is_tried() -> None:
    assert CircuitBreaker(closed="quota: none", closed_at=NOW).trial(NOW) == NOW
    assert CircuitBreaker(rests=1, rest_until=NOW).trial(NOW) == 0.0


def test_the_error_rate_looks_back_on_the_last_ones() -> None:
    bad = often(AWAY, 60)
    assert bad.error_rate > 0.9
    assert often(ACCEPTED, 60, replace(bad, rest_until=None)).error_rate < 0.1
