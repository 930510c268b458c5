"""Retries by reason: what is tried again by itself, and what never is."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import (
    NOW,
    REFUSED,
    TIMEOUT,
    a_job,
    after,
    callback,
    changed,
)
from worker.adapters.store.codec import dump, load
from worker.domain import followups, retry_policy
from worker.domain.error_codes import RETRY_ON, TASK_CODES, ErrorCode, job_error
from worker.domain.errors import InvalidRequest
from worker.domain.events import (
    Cancelled,
    Disposition,
    Event,
    Missing,
    Observed,
    Policy,
    Posting,
    Replied,
    Retried,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Modal, Status, Window
from worker.domain.job_spec import Retry
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.domain.requests.requests import parse_request
from worker.domain.result import Button, JobError, Result
from worker.services.reports import answers

THREE = Retry()
START = Started("default")
SUCCESS = TaskStatus.SUCCEEDED


def failure(code: str = "failed", attempt: int = 1, **fields: Any) -> Observed:
    error = JobError(code, "The provider's words.")
    return callback(
        TaskStatus.FAILED, attempt=attempt, error=error, **{"task_id": f"t{attempt}", **fields}
    )


def success(attempt: int = 1, **fields: Any) -> Observed:
    return callback(SUCCESS, attempt=attempt, **{"task_id": f"t{attempt}", **fields})


def sent(attempt: int = 1) -> tuple[Event, ...]:
    return (START, Posting(attempt))


def accepted(attempt: int = 1) -> tuple[Event, ...]:
    verdict = Verdict(Outcome.ACCEPTED, task_id=f"t{attempt}")
    return (*sent(attempt), Replied(attempt, verdict))


def running(retry: Retry | None = THREE, **fields: Any) -> Job:
    return after(a_job(retry=retry, **fields), *accepted()).job


def waiting(retry: Retry | None = THREE, **fields: Any) -> Job:
    """Its first attempt failed."""
    return after(running(retry, **fields), failure()).job


def at_due(job: Job, *events: Event) -> Job:
    """What the events make of it once its wait is over."""
    assert job.due_at is not None
    return after(job, TimePassed(), *events, now=job.due_at).job


def second(*events: Event, **fields: Any) -> Job:
    """Its first attempt failed, and the second one went on so far."""
    return at_due(waiting(**fields), *events)


# What is tried again.


def test_without_the_wish_a_failure_is_the_end() -> None:
    assert waiting(retry=None).status is Status.FAILED


def test_a_failed_task_is_submitted_anew_after_a_wait() -> None:
    job = waiting()
    assert (job.status, job.holds_slot, job.ready) == (Status.QUEUED, False, False)
    assert job.due_at is not None
    assert NOW + 5 <= job.due_at <= NOW + 10
    assert job.attempts[0].outcome == "failed"
    assert (job.task_id, job.other_task_ids, job.progress) == (None, ("t1",), None)
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("failed", "The provider's words.")
    assert job.error.hint == "Attempt 1 of 3; the next starts by itself."
    assert at_due(job).ready
    again = at_due(job, *accepted(2), success(2))
    assert (again.status, again.error, again.task_id) == (Status.SUCCEEDED, None, "t2")
    assert [attempt.task_id for attempt in again.attempts] == ["t1", "t2"]
    assert again.double_payments == (), "the caller asked for it"


def test_the_last_attempt_ends_the_job_with_its_own_error() -> None:
    job = waiting(Retry(attempts=2))
    job = at_due(job, *accepted(2), failure("queue_full", 2))
    assert (job.status, job.due_at) == (Status.FAILED, None)
    assert job.error == JobError("queue_full", "The provider's words.")


@given(st.integers(1, 10), st.integers(1, 3600), st.data())
def test_no_more_submissions_are_accepted_than_asked_for(
    attempts: int, backoff_s: int, data: st.DataObject
) -> None:
    retry, number = Retry(attempts, backoff_s), 1
    job = a_job(retry=retry, deadline_s=86400)
    now = NOW
    while not job.status.terminal:
        if data.draw(st.booleans()):
            refused = replace(REFUSED, attempt=number)
            job = after(job, *sent(number), refused, now=now).job
            now = job.due_at or now
            job = after(job, TimePassed(), now=now).job
        code = data.draw(st.sampled_from(RETRY_ON))
        error = failure("failed" if code == "timeout" else code, number)
        before = now
        job = after(job, *accepted(number), error, now=now).job
        now, number = job.due_at or now, number + 1
        longest = min(3600, backoff_s * 2 ** (number - 2))
        assert now - before <= longest
        assert job.status.terminal or now - before >= longest / 2
        job = after(job, TimePassed(), now=now).job
    assert len(job.attempts) == attempts or now + 3600 > NOW + 86400
    assert len(job.attempts) <= attempts


def test_waits_double_and_differ_from_job_to_job() -> None:
    waits = [
        retry_policy.before_next_attempt(Retry(9, 10), "failed", n, 0.999) for n in range(1, 5)
    ]
    assert [round(wait or 0) for wait in waits] == [10, 20, 40, 80]
    assert len({waiting(id=f"{n:032x}").due_at for n in range(20)}) == 20
    assert waiting(id="a" * 32).due_at == waiting(id="a" * 32).due_at


def test_the_deadline_counts_from_the_first_submit_and_nothing_starts_after_it() -> None:
    job = waiting(deadline_s=60)
    assert job.deadline_at == NOW + 60
    assert second(*accepted(2), deadline_s=60).deadline_at == NOW + 60
    late = after(running(deadline_s=60), failure(), now=NOW + 58).job
    assert (late.status, late.error and late.error.code) == (Status.FAILED, "failed")
    kept_waiting = after(at_due(job), START, now=NOW + 60).job
    assert kept_waiting.status is Status.TIMED_OUT
    assert kept_waiting.attempts[0].outcome == "failed", "that is how it ended"


@pytest.mark.parametrize("code", [reason.value for reason in ErrorCode])
def test_only_what_can_help_is_tried_again(code: str) -> None:
    job = after(running(), failure(code)).job
    if code == "timeout":
        assert job.status is Status.OVERDUE
    else:
        assert (job.status is Status.QUEUED) == (code in RETRY_ON)


def test_only_the_named_errors_are_answered() -> None:
    retry = Retry(on=("failed", "lost"))
    assert waiting(retry).status is Status.QUEUED
    assert after(running(retry), failure("queue_full")).job.status is Status.FAILED


def test_a_moderated_prompt_is_never_sent_again_whatever_a_record_says() -> None:
    assert "moderated" not in RETRY_ON
    banned = Replied(1, Verdict(Outcome.PERMANENT, error=job_error(ErrorCode.MODERATED, "Banned.")))
    assert after(a_job(retry=THREE), *sent(), banned).job.status is Status.FAILED


def test_what_the_provider_cancelled_is_not_tried_again() -> None:
    gone = callback(TaskStatus.CANCELLED, error=job_error(ErrorCode.CANCELLED, "by hand"))
    assert after(running(), gone).job.status is Status.CANCELLED


def test_a_refusal_for_good_ends_the_job() -> None:
    wrong = Replied(1, Verdict(Outcome.PERMANENT, error=JobError("failed", "no")))
    assert after(a_job(retry=THREE), *sent(), wrong).job.status is Status.FAILED


# Time and silence.


def test_a_timeout_is_tried_again_only_when_the_picture_is_not_to_be_hoped_for_any_more() -> None:
    overdue = after(running(), TIMEOUT, now=NOW + 300).job
    grace_over = NOW + 300 + Policy().grace_s
    assert overdue.deadline_at == NOW + 3600
    assert after(overdue, success(), now=grace_over - 1).job.status is Status.SUCCEEDED
    watched = replace(overdue, due_at=NOW)
    assert after(watched, TimePassed(), now=grace_over - 1).job.status is Status.OVERDUE
    job = after(watched, TimePassed(), now=grace_over).job
    assert (job.status, job.attempts[0].outcome) == (Status.QUEUED, "timed_out")
    assert (job.deadline_at, job.overdue_since) == (NOW + 3600, None)
    only_failed = changed(watched, retry=Retry(on=("failed",)))
    assert after(only_failed, TimePassed(), now=grace_over).job.status is Status.TIMED_OUT


def test_past_its_own_deadline_a_job_times_out() -> None:
    overdue = after(replace(running(), due_at=NOW), TimePassed(), now=NOW + 3600).job
    assert overdue.status is Status.OVERDUE
    over = after(overdue, TimePassed(), now=NOW + 3600 + Policy().grace_s).job
    assert (over.status, over.error and over.error.code) == (Status.TIMED_OUT, "deadline")


def test_a_lost_task_is_submitted_anew() -> None:
    unknown = after(running(), Missing()).job
    lost = after(unknown, Missing(), now=NOW + Policy().lost_after_s).job
    assert (lost.status, lost.error and lost.error.code) == (Status.QUEUED, "lost")
    assert lost.missing_since is None


def test_a_doubt_is_no_reason_to_try_again() -> None:
    cut_off = Replied(1, Verdict(Outcome.IN_DOUBT, error=job_error(ErrorCode.IN_DOUBT, "cut")))
    doubtful = after(a_job(retry=THREE), *sent(), cut_off).job
    assert doubtful.status is Status.IN_DOUBT
    late = NOW + 9000
    held = after(doubtful, TimePassed(), now=late).job
    assert (held.status, held.held) == (Status.IN_DOUBT, True)
    failed = after(doubtful, TimePassed(), now=late, policy=Policy(in_doubt="fail")).job
    assert failed.status is Status.FAILED
    proved = after(doubtful, failure()).job
    assert (proved.status, proved.doubt_until) == (Status.QUEUED, None), (
        "its task is known to be over"
    )


def test_an_attempt_given_up_in_doubt_counts_as_one_that_may_be_paid() -> None:
    cut_off = Replied(1, Verdict(Outcome.IN_DOUBT))
    policy = Policy(in_doubt="resubmit")
    doubtful = after(a_job(retry=Retry(attempts=2), deadline_s=86400), *sent(), cut_off).job
    again = after(doubtful, TimePassed(), now=NOW + 1800, policy=policy).job
    assert again.ready
    assert after(again, *accepted(2), failure(attempt=2)).job.status is Status.FAILED


def test_a_worker_that_died_before_its_post_took_no_attempt_away() -> None:
    job = after(a_job(retry=Retry(attempts=2)), START).job
    job = after(job, TimePassed(), now=NOW + 122).job
    assert after(job, *accepted(2), failure(attempt=2)).job.status is Status.QUEUED


def test_the_window_of_a_button_is_opened_and_answered_anew() -> None:
    request = {"task_id": "t0", "custom_id": "MJ::Inpaint::1"}
    job = a_job(retry=THREE, request=request, modal=Modal("a hat"))
    opened = Replied(1, Verdict(Outcome.NEEDS_MODAL, task_id="t1"))
    job = after(job, *sent(), opened, *accepted(), failure()).job
    assert (job.status, job.window, job.modal) == (Status.QUEUED, Window.NONE, Modal("a hat"))
    reopened = replace(opened, attempt=2, verdict=replace(opened.verdict, task_id="t2"))
    job = at_due(job, *sent(2), reopened)
    assert (job.ready, job.window, job.attempt) == (True, Window.OPEN, 2)


# People.


def test_a_job_that_waits_for_its_next_attempt_can_be_cancelled() -> None:
    gone = after(waiting(), Cancelled()).job
    assert (gone.status, gone.draining, gone.attempts[0].outcome) == (
        Status.CANCELLED, False, "failed",
    )  # fmt: skip
    assert after(gone, success()).job.status is Status.CANCELLED


def test_a_retry_by_hand_is_one_attempt_more() -> None:
    job = at_due(waiting(Retry(attempts=2)), *accepted(2), failure(attempt=2))
    by_hand = after(job, Retried(), *accepted(3)).job
    assert after(by_hand, failure(attempt=3)).job.status is Status.FAILED


# Late news of a former attempt.

LATER = (
    (),
    (START,),
    sent(2),
    accepted(2),
    (*sent(2), Replied(2, Verdict(Outcome.IN_DOUBT))),
    (*sent(2), replace(REFUSED, attempt=2)),
    (*accepted(2), failure(attempt=2)),
)
#: As a callback names its attempt: by its token, or as whichever is the present one.
NAMED = (1, 2, None)


@pytest.mark.parametrize("events", LATER)
@pytest.mark.parametrize("named", NAMED)
def test_a_failed_attempt_that_succeeds_after_all_ends_the_job_once(
    events: tuple[Event, ...], named: int | None
) -> None:
    job = second(*events, then=({"press": "U1"},))
    late = replace(success(1), attempt=named)
    decision = after(job, late)
    done = decision.job
    assert (done.status, done.task_id, len(decision.children)) == (Status.SUCCEEDED, "t1", 1)
    assert done.attempts[0].outcome == "succeeded"
    told_again = after(done, late)
    assert (told_again.job, told_again.children) == (done, ())
    after_it = after(done, success(2))
    assert (after_it.job.status, after_it.job.task_id) == (Status.SUCCEEDED, "t1")
    assert after_it.children == ()


def test_nothing_more_is_sent_or_paid_when_the_success_was_faster() -> None:
    for events in ((), (START,)):
        done = after(second(*events), success(1)).job
        assert after(done, Posting(2)).disposition is Disposition.STALE
        assert after(done, START).disposition is Disposition.STALE
        assert done.double_payments == ()


def test_what_was_paid_beside_the_success_is_known_as_a_double_payment() -> None:
    done = after(second(*accepted(2)), success(1)).job
    assert [paid.task_id for paid in done.double_payments] == ["t2"]
    told_late = after(second(*sent(2)), success(1), *accepted(2)[2:]).job
    assert [paid.task_id for paid in told_late.double_payments] == ["t2"]


def test_a_success_after_the_success_of_another_attempt_is_a_double_payment() -> None:
    done = second(*accepted(2), success(2), then=({"press": "U1"},))
    decision = after(done, success(1))
    assert decision.children == ()
    assert decision.job.task_id == "t2"
    assert [paid.task_id for paid in decision.job.double_payments] == ["t1"]
    assert decision.job.attempts[0].outcome == "succeeded", "so it is not given back"
    assert after(decision.job, success(1)).disposition is not Disposition.APPLIED


def test_a_late_success_without_its_buttons_is_asked_for() -> None:
    short = success(1, result=Result(image_url="https://cdn.example/1.png"))
    job = second(*accepted(2), then=({"press": "U*"},))
    asked = after(job, short).job
    assert (asked.task_id, asked.askable, asked.due_at) == ("t1", True, NOW)
    page = Observed(success(1).snapshot, asked=True)
    assert len(after(asked, page).children) == 4


@pytest.mark.parametrize("events", LATER)
@pytest.mark.parametrize("named", NAMED)
def test_all_other_late_news_of_a_former_attempt_change_nothing(
    events: tuple[Event, ...], named: int | None
) -> None:
    job = second(*events)
    for status in (TaskStatus.IN_PROGRESS, TaskStatus.FAILED, TaskStatus.CANCELLED):
        assert after(job, callback(status, attempt=named)).job == job


def test_a_failure_that_overtakes_the_reply_is_tried_again_all_the_same() -> None:
    job = after(a_job(retry=THREE), *sent(), failure()).job
    assert job.status is Status.QUEUED
    reply = Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1"))
    assert after(job, reply).job == job
    assert at_due(job, *sent(2), reply).status is Status.SUBMITTING


def test_a_provider_that_names_the_failed_task_again_is_believed() -> None:
    exists = Replied(2, Verdict(Outcome.EXISTS, task_id="t1"))
    job = second(*sent(2), exists)
    assert job.task_id == "t1"
    assert after(job, success(2, task_id="t1")).job.status is Status.SUCCEEDED
    assert after(job, failure(attempt=2, task_id="t1")).job.status is Status.QUEUED


# What is handed in.


def asked(retry: Any, **fields: Any) -> Any:
    return parse_request({"kind": "imagine", "prompt": "a cat", "retry": retry, **fields})


def test_the_wish_has_defaults() -> None:
    assert asked({}).spec.options.retry == Retry(attempts=3, backoff_s=10, on=None)
    assert asked(None).spec.options.retry is None
    assert asked({"on": ["lost", "failed", "lost"]}).spec.options.retry.on == ("lost", "failed")


@pytest.mark.parametrize(
    ("retry", "field", "words"),
    [
        ({"attempts": 0}, "retry.attempts", "1 to 10"),
        ({"attempts": 11}, "retry.attempts", "1 to 10"),
        ({"attempts": "3"}, "retry.attempts", "whole number"),
        ({"backoff_s": 0}, "retry.backoff_s", "1 to 3600"),
        ({"on": []}, "retry.on", "not 0"),
        ({"on": "failed"}, "retry.on", "must be a list"),
        ({"on": ["faild"]}, "retry.on[0]", "did you mean `failed`?"),
        ({"on": ["failed", "moderated"]}, "retry.on[1]", "is refused again"),
        ({"on": ["bad_parameter"]}, "retry.on[0]", "correct it"),
        ({"on": ["deadline"]}, "retry.on[0]", "longer `deadline_s`"),
        ({"on": ["in_doubt"]}, "retry.on[0]", "hookline resolve"),
        ({"on": ["quota"]}, "retry.on[0]", "does not fix the account"),
        ({"on": ["unreachable"]}, "retry.on[0]", "is repeated automatically"),
        ({"on": ["cancelled"]}, "retry.on[0]", "stays cancelled"),
        ({"tries": 3}, "retry.tries", "is not a field"),
        (3, "retry", "must be an object"),
    ],
)
def test_a_wrong_wish_is_refused_by_name(retry: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(retry)
    (error,) = refused.value.errors
    assert error.field == field
    assert words in error.message
    with pytest.raises(InvalidRequest) as refused:
        asked(None, then=[{"press": "U1", "retry": retry}])
    assert refused.value.errors[0].field == f"then[0].{field}"


def test_a_choose_is_not_submitted_so_it_has_no_retry() -> None:
    with pytest.raises(InvalidRequest, match="a function of yours"):
        asked(None, then=[{"choose": "a:b", "retry": {}}])


def test_the_answer_to_a_window_keeps_what_its_job_was_handed_in_with() -> None:
    with pytest.raises(InvalidRequest, match="keeps its own"):
        parse_request({"kind": "modal", "job_id": "a" * 32, "prompt": "x", "retry": {}})


def test_every_reason_is_in_the_table_and_what_can_help_is_retryable() -> None:
    for code in RETRY_ON:
        assert job_error(TASK_CODES[code], "").retryable, code


# What becomes of it.


def test_children_inherit_the_wish_or_bring_their_own() -> None:
    then = asked(
        {"attempts": 2},
        then=[
            {"press": "U1", "then": [{"press": "V1"}]},
            {"press": "U2", "retry": {"attempts": 4, "on": ["lost"]}, "then": [{"press": "V1"}]},
            {"press": "U3", "retry": {}},
        ],
    ).spec.then
    parent = a_job(retry=Retry(attempts=2), then=then, result=Result(buttons=(Button("c", "U1"),)))
    first, other, plain = followups.children(parent, NOW)
    assert (first.options.retry, plain.options.retry) == (Retry(attempts=2), Retry())
    assert other.options.retry == Retry(attempts=4, on=("lost",))
    (grandchild,) = followups.children(other, NOW)
    assert grandchild.options.retry == other.options.retry


@pytest.mark.parametrize("retry", [None, Retry(), Retry(2, 30, ("failed", "lost"))])
def test_it_is_kept(retry: Retry | None) -> None:
    job = a_job(retry=retry)
    assert load(dump(job)).options.retry == retry


def test_it_is_shown_with_all_that_it_means() -> None:
    assert answers.Job.of(a_job()).to_dict()["retry"] is None
    shown = answers.Job.of(a_job(retry=Retry(2))).to_dict()["retry"]
    assert shown == {"attempts": 2, "backoff_s": 10, "on": list(RETRY_ON)}
