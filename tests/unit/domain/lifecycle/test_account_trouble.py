"""What becomes of a job whose account is in trouble: nothing is lost, and nothing waits in vain."""

from dataclasses import replace

import pytest

from tests.support.jobs import NOW, a_job, after, in_status
from worker.domain import retry_policy
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import (
    LOOK_AGAIN_S,
    UNSEEN_S,
    Disposition,
    Policy,
    Replied,
    Started,
    TimePassed,
    TroubleOver,
)
from worker.domain.job import AttemptOutcome, Job, Status, Window
from worker.domain.provider_reports import Outcome, Verdict

TROUBLES = {
    code: Verdict(outcome, error=job_error(code, "words"), account_trouble=account, slow=slow)
    for code, outcome, account, slow in (
        (ErrorCode.UNREACHABLE, Outcome.TRY_LATER, False, False),
        (ErrorCode.UNAVAILABLE, Outcome.TRY_LATER, False, False),
        (ErrorCode.PROVIDER_ERROR, Outcome.TRY_LATER, False, False),
        (ErrorCode.NO_ACCOUNT, Outcome.TRY_LATER, False, False),
        (ErrorCode.NO_CHANNEL, Outcome.TRY_LATER, False, True),
        (ErrorCode.QUOTA, Outcome.PERMANENT, True, False),
        (ErrorCode.UNAUTHORIZED, Outcome.PERMANENT, True, False),
        (ErrorCode.FORBIDDEN, Outcome.PERMANENT, True, False),
        (ErrorCode.NO_ENDPOINT, Outcome.PERMANENT, True, False),
    )
}
CLOSING = [code for code, verdict in TROUBLES.items() if verdict.account_trouble]
KNOWN = Policy(account_accepts=True)


def refused(code: ErrorCode, policy: Policy = KNOWN, refusals: int = 0, **fields: object) -> Job:
    job = in_status(Status.SUBMITTING, refusals=refusals, **fields)
    return after(job, Replied(1, TROUBLES[code]), policy=policy).job


@pytest.mark.parametrize("code", TROUBLES)
def test_a_job_that_met_trouble_of_its_account_waits_for_it(code: ErrorCode) -> None:
    job = refused(code)
    assert (job.status, job.held_back, job.attempt) == (Status.QUEUED, True, 1)
    assert job.attempts[0].outcome is AttemptOutcome.TRY_LATER
    ready = after(job, TroubleOver()).job
    assert (ready.ready, ready.held_back) == (True, False)
    assert after(ready, Started("default")).job.attempt == 1, "a refusal uses up no attempt"


@pytest.mark.parametrize("code", TROUBLES)
@pytest.mark.parametrize("refusals", [0, 1, 5, 50])
def test_it_waits_for_seconds_then_for_the_account(code: ErrorCode, refusals: int) -> None:
    due_at = refused(code, refusals=refusals).due_at
    assert due_at is not None
    most = retry_policy.SLOW_BACKOFF_S if TROUBLES[code].slow else retry_policy.IN_TROUBLE_CAP_S
    assert due_at - NOW <= most


@pytest.mark.parametrize("code", TROUBLES)
def test_who_was_refused_after_a_rest_lets_others_try_first(code: ErrorCode) -> None:
    """One whose model has no channel would fail each trial, and the account never come back."""
    resting = replace(KNOWN, account_rests_until=NOW + 60)
    due_at = refused(code, resting).due_at
    assert due_at is not None
    assert due_at >= NOW + 60 + retry_policy.BEHIND_OTHERS_S
    elsewhere = refused(code, resting, anywhere=True).due_at
    assert elsewhere is not None
    assert elsewhere < NOW + 60, "another account need not wait"


@pytest.mark.parametrize("code", CLOSING)
def test_an_account_that_never_accepted_anything_fails_the_job(code: ErrorCode) -> None:
    assert refused(code, Policy()).status is Status.FAILED
    assert refused(code, Policy(), anywhere=True).status is Status.QUEUED, "others may take it"


@pytest.mark.parametrize("code", CLOSING)
def test_an_account_that_changed_is_still_one_of_many(code: ErrorCode) -> None:
    job = refused(code, anywhere=True)
    assert (job.account, job.attempts[0].outcome) == ("", AttemptOutcome.PERMANENT)


@pytest.mark.parametrize("code", CLOSING)
def test_a_windows_answer_waits_for_its_account(code: ErrorCode) -> None:
    job = refused(code, anywhere=True, task_id="t1", window=Window.OPEN)
    assert (job.account, job.status, job.window) == ("default", Status.QUEUED, Window.OPEN)


def test_trouble_that_is_over_changes_nothing_else() -> None:
    for status in Status:
        assert after(in_status(status), TroubleOver()).disposition is Disposition.STALE
    asked_for = a_job(due_at=NOW + 60)
    assert after(asked_for, TroubleOver()).disposition is Disposition.STALE, "its caller's pause"


def test_a_ready_job_whose_account_does_not_come_back_ends_at_its_deadline() -> None:
    ready = after(refused(ErrorCode.QUOTA), TroubleOver()).job
    deadline = ready.deadline_at
    assert deadline is not None
    assert ready.look_at == deadline
    assert after(ready, TimePassed(), now=deadline - 1).disposition is Disposition.STALE
    over = after(ready, TimePassed(), now=deadline).job
    assert over.status is Status.TIMED_OUT
    assert over.error
    assert over.error.hint == "words", "what it waited for"


GRACE_OVER = NOW + Policy().grace_s
UNSEEN = {
    "seen": (Policy(), GRACE_OVER, True),
    "not asked": (Policy(unanswered="HTTP 401"), GRACE_OVER, False),
    "for a day": (Policy(unanswered="HTTP 401"), NOW + UNSEEN_S, True),
    "answers again": (Policy(answers_since=GRACE_OVER), GRACE_OVER + LOOK_AGAIN_S - 1, False),
    "and was asked": (Policy(answers_since=GRACE_OVER), GRACE_OVER + LOOK_AGAIN_S, True),
}


@pytest.mark.parametrize(("policy", "now", "over"), UNSEEN.values(), ids=UNSEEN)
def test_an_overdue_job_is_not_given_up_while_nobody_can_see_it(
    policy: Policy, now: float, over: bool
) -> None:
    job = after(in_status(Status.OVERDUE), TimePassed(), now=now, policy=policy).job
    assert (job.status is Status.TIMED_OUT) == over
