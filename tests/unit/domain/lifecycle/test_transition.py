"""What the decisions promise about money, callbacks, windows, time and people."""

from dataclasses import replace

import pytest

from tests.support.jobs import (
    ACCEPTED,
    CUT_OFF,
    GAVE_UP,
    GRID,
    NOW,
    REFUSED,
    TIMEOUT,
    WINDOW,
    a_job,
    a_snapshot,
    after,
    callback,
    in_status,
)
from worker.domain.account.parent_lag import ParentLag
from worker.domain.errors import Conflict
from worker.domain.events import (
    AssetsSettled,
    Cancelled,
    Disposition,
    Event,
    LinksRenewed,
    Missing,
    ModalAnswered,
    Observed,
    Policy,
    Posting,
    Replied,
    Resolved,
    Retried,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Modal, Status, Window
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.domain.result import AssetsStatus, JobError, Keep, Result

PENDING, RUNNING, SUCCESS = TaskStatus.PENDING, TaskStatus.IN_PROGRESS, TaskStatus.SUCCEEDED
U1_U2 = ({"press": "U1"}, {"press": "U2"})
EACH_U = ({"press": "U*"},)
LEASE_OVER = NOW + Policy().lease_s
BUSY = JobError("queue_full", "The queue is full.")


def a_zoom(**fields: object) -> Job:
    """A press of a button whose window wants input."""
    request = {"task_id": "t0", "custom_id": "MJ::CustomZoom::4f2c"}
    return a_job(kind=Kind.ACTION, request=request, **fields)


def a_pan(**fields: object) -> Job:
    """A press of a button whose window only offers its prompt for a change."""
    request = {"task_id": "t0", "custom_id": "MJ::JOB::pan_left::1::4f2c::SOLO"}
    return a_job(kind=Kind.ACTION, request=request, **fields)


def try_again(job: Job) -> Job:
    """The backoff is over, and a worker sends the job once more."""
    return after(job, TimePassed(), Started("default"), Posting(1), now=job.due_at or NOW).job


# Submitting: a lost reply never becomes a second payment.


def test_an_intent_that_was_forgotten_is_not_taken_back_from_its_successor() -> None:
    """A fail-over gave the number of the attempt to another worker, which sends it now."""
    job = in_status(Status.SUBMITTING)
    verdict, [ours] = Verdict(Outcome.TRY_LATER, error=BUSY), job.attempts
    theirs = replace(job, attempts=(replace(ours, started_at=ours.started_at + 0.001),))
    not_sent = Replied(1, verdict, started_at=ours.started_at)
    assert after(job, not_sent).job.status is Status.QUEUED
    assert after(theirs, not_sent).disposition is Disposition.STALE


def test_a_refusal_burns_no_attempt_and_waits_a_little_longer_each_time() -> None:
    job, waits = in_status(Status.SUBMITTING), []
    for _ in range(4):
        job = after(job, REFUSED).job
        assert job.status is Status.QUEUED
        assert not job.ready
        assert not job.holds_slot
        assert job.due_at is not None
        waits.append(job.due_at - NOW)
        job = try_again(job)
        assert (job.attempt, job.attempts[0].outcome) == (1, None)
    assert waits == sorted(waits)
    accepted = after(job, ACCEPTED).job
    assert (accepted.refusals, accepted.error) == (0, None)


def test_lasting_trouble_is_asked_about_less_often() -> None:
    slow = Verdict(Outcome.TRY_LATER, error=BUSY, slow=True)
    for refusals, at_least in enumerate((7.5, 30, 120, 150)):
        job = in_status(Status.SUBMITTING, refusals=refusals)
        due_at = after(job, Replied(1, slow)).job.due_at
        assert due_at is not None
        assert NOW + at_least <= due_at <= NOW + 2 * at_least


def test_a_worker_that_died_before_its_post_left_cost_nothing() -> None:
    claimed = after(a_job(), Started("default")).job
    queued = after(claimed, TimePassed(), now=LEASE_OVER).job
    assert (queued.status, queued.ready) == (Status.QUEUED, True)
    again = after(queued, Started("default")).job
    assert again.attempt == 2, "its number is not used again"


def test_a_worker_that_was_only_slow_has_no_say_in_its_successors_attempt() -> None:
    claimed = after(a_job(), Started("default")).job
    second = after(claimed, TimePassed(), Started("default"), now=LEASE_OVER).job
    for late in (Posting(1), ACCEPTED, REFUSED):
        assert after(second, late).disposition is Disposition.STALE
    assert after(second, Posting(2)).job.posting


def test_only_one_of_two_workers_may_send() -> None:
    queued = a_job()
    claimed = after(queued, Started("default")).job
    assert after(claimed, Started("default")).disposition is Disposition.STALE
    leaving = after(claimed, Posting(1))
    assert leaving.disposition is Disposition.APPLIED
    assert after(leaving.job, Posting(1)).disposition is Disposition.STALE


def test_a_worker_that_died_while_sending_leaves_a_doubt() -> None:
    doubtful = after(in_status(Status.SUBMITTING), TimePassed(), now=LEASE_OVER).job
    assert (doubtful.status, doubtful.holds_slot) == (Status.IN_DOUBT, True)
    assert doubtful.error is not None
    assert "resolve" in (doubtful.error.hint or "")
    assert after(doubtful, ACCEPTED).job.status is Status.SUBMITTED, "the reply came after all"


def test_the_posts_preparation_is_kept() -> None:
    job = after(a_job(kind=Kind.ACTION, request={"button": "U1"}), Started("default")).job
    sent = after(job, Posting(1, "MJ::JOB::upsample::1::4f2c", "a cat")).job
    assert sent.request == {"button": "U1", "custom_id": "MJ::JOB::upsample::1::4f2c"}
    assert sent.modal_prompt == "a cat"


def test_a_gateway_that_lags_behind_its_callback_gets_a_minute() -> None:
    lag = Replied(1, Verdict(Outcome.NOT_YET, error=JobError("parent_not_ready", "Not yet.")))
    job, now = in_status(Status.SUBMITTING), NOW
    while now < NOW + 60:
        job = after(job, lag, now=now).job
        assert job.status is Status.QUEUED
        now = job.due_at or now
        job = after(job, TimePassed(), Started("default"), Posting(1), now=now).job
    ended = after(job, lag, now=now + 1).job
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.code == "parent_not_ready"


def test_a_child_that_waited_long_for_its_slot_is_still_tried_twice() -> None:
    lag = Replied(1, Verdict(Outcome.NOT_YET))
    started = after(a_job(), Started("default"), Posting(1), now=NOW + 900).job
    assert after(started, lag, now=NOW + 900).job.status is Status.QUEUED


def not_yet(code: str, parent_ended_at: float | None = NOW) -> Replied:
    return Replied(1, Verdict(Outcome.NOT_YET, error=JobError(code, "No.")), parent_ended_at)


@pytest.mark.parametrize(
    ("code", "ended_at", "stores_first", "status"),
    [
        ("not_found", NOW - 5, True, Status.FAILED),  # it would have been stored
        ("not_found", None, True, Status.FAILED),
        ("not_found", NOW - 5, False, Status.QUEUED),  # a gateway learns of it late
        ("not_found", NOW - 900, False, Status.FAILED),  # but not that late
        ("not_found", None, False, Status.QUEUED),
        ("parent_not_ready", NOW - 5, True, Status.QUEUED),
        ("parent_not_ready", NOW - 900, False, Status.QUEUED),  # the gateway was down, perhaps
    ],
)
def test_when_a_parent_that_the_provider_does_not_know_is_gone(
    code: str, ended_at: float | None, stores_first: bool, status: Status
) -> None:
    policy = Policy(stores_first=stores_first)
    pressed = in_status(Status.SUBMITTING)
    refused = after(pressed, not_yet(code, ended_at), policy=policy).job
    assert (refused.status, refused.error and refused.error.code) == (status, code)


def test_a_lag_that_is_known_is_waited_for_before_the_first_press_and_the_next() -> None:
    policy = Policy(parent_lag=ParentLag(8.0, 3.0))
    job = in_status(Status.SUBMITTED, then=({"press": "U1"}, {"describe": True}))
    done = after(job, callback(TaskStatus.SUCCEEDED), now=NOW + 30, policy=policy)
    assert [child.due_at for child in done.children] == [NOW + 38, None], "only presses wait"
    asked = Observed(a_snapshot(), asked=True)
    told_by_itself = after(job, asked, now=NOW + 30, policy=policy)
    assert [child.due_at for child in told_by_itself.children] == [None, None], "it knows"
    child = replace(done.children[0], version=1)
    started = after(child, TimePassed(), Started("default"), Posting(1), now=NOW + 38).job
    late = after(started, not_yet("parent_not_ready", NOW + 30), now=NOW + 38, policy=policy).job
    assert late.due_at == NOW + 38 + 2 * 3.0
    early = after(started, not_yet("parent_not_ready", NOW + 30), now=NOW + 32, policy=policy).job
    assert early.due_at == NOW + 38


def test_a_press_is_tried_for_longer_than_the_lag_that_is_known() -> None:
    policy = Policy(parent_lag=ParentLag(50.0, 10.0))
    refused = replace(in_status(Status.SUBMITTING), refusals=3)
    lag = not_yet("parent_not_ready", NOW)
    assert after(refused, lag, now=NOW + 170, policy=policy).job.status is Status.QUEUED
    assert after(refused, lag, now=NOW + 181, policy=policy).job.status is Status.FAILED


def test_where_a_task_is_stored_before_it_is_answered_an_unknown_one_is_soon_looked_for_again() -> (
    None
):
    job, policy = in_status(Status.IN_PROGRESS), Policy(callbacks_flow=True, lost_after_s=10.0)
    first = after(job, Missing(), now=NOW + 200, policy=policy).job
    assert first.due_at is not None
    assert NOW + 202 <= first.due_at <= NOW + 208
    assert after(first, Missing(), now=NOW + 206, policy=policy).job.status is Status.IN_PROGRESS
    lost = after(first, Missing(), now=NOW + 210, policy=policy).job
    assert lost.error is not None
    assert lost.error.code == "lost"


def test_what_is_answered_at_once_is_over_at_once() -> None:
    urls = Result(image_urls=("https://cdn.example/1.png",))
    upload = after(a_job(kind=Kind.UPLOAD), Started("default"), Posting(1)).job
    done = after(upload, Replied(1, Verdict(Outcome.DONE, result=urls))).job
    assert done.status is Status.SUCCEEDED
    assert done.result.assets_status is AssetsStatus.NONE, "they are the caller's own pictures"
    assert done.due_at is None
    nothing = after(upload, Replied(1, Verdict(Outcome.DONE))).job
    assert nothing.status is Status.SUCCEEDED


def test_an_existing_task_is_adopted_and_looked_at_soon() -> None:
    verdict = Verdict(Outcome.EXISTS, task_id="t1", other_task_ids=("t2", "t3"))
    job = after(in_status(Status.SUBMITTING), Replied(1, verdict)).job
    assert (job.status, job.task_id) == (Status.SUBMITTED, "t1")
    assert job.due_at == NOW + Policy().first_look_s
    other = callback(SUCCESS, task_id="t3")
    assert after(job, other).disposition is Disposition.STALE, "the list's rest is not followed"


# Callbacks: twice, late, out of order, before the reply, after the end.


def test_a_callback_may_overtake_the_reply() -> None:
    submitting = in_status(Status.SUBMITTING, then=U1_U2)
    ran = after(submitting, callback(RUNNING, progress=10))
    assert (ran.job.status, ran.job.task_id) == (Status.IN_PROGRESS, "t1")
    done = after(submitting, callback(SUCCESS))
    assert (done.job.status, len(done.children)) == (Status.SUCCEEDED, 2)
    assert done.job.submitted_at == NOW
    for overtaken in (ran.job, done.job):
        assert after(overtaken, ACCEPTED).disposition is Disposition.STALE


def test_a_callback_ends_a_doubt_and_an_unfounded_backoff() -> None:
    for before in (in_status(Status.IN_DOUBT), after(in_status(Status.SUBMITTING), REFUSED).job):
        seen = after(before, callback(PENDING)).job
        assert (seen.status, seen.error, seen.task_id) == (Status.SUBMITTED, None, "t1")


def test_a_job_that_a_person_sends_again_still_hears_of_the_task_in_doubt() -> None:
    again = after(in_status(Status.IN_DOUBT), Resolved("resubmit")).job
    assert after(again, callback(RUNNING)).job.status is Status.IN_PROGRESS


def test_telling_it_twice_changes_nothing() -> None:
    for told in (callback(RUNNING, progress=60), callback(SUCCESS), TIMEOUT):
        once = after(in_status(Status.SUBMITTED, then=U1_U2), told).job
        twice = after(once, told, now=NOW + 5)
        assert (twice.disposition, twice.job) == (Disposition.DUPLICATE, once)
        assert twice.children == ()


def test_progress_only_grows() -> None:
    job, seen = in_status(Status.SUBMITTED), []
    for seconds, progress in enumerate((10, 40, 20, None, 0, 70, 69)):
        job = after(job, callback(RUNNING, progress=progress), now=NOW + seconds).job
        seen.append(job.progress)
    assert seen == [10, 40, 40, 40, 40, 70, 70]
    assert after(job, callback(PENDING, progress=0)).job == job, "nor does the status go back"
    assert after(job, callback(SUCCESS, progress=90)).job.progress == 100


def test_progress_is_recorded_once_a_second() -> None:
    job = after(in_status(Status.SUBMITTED), callback(RUNNING, progress=10)).job
    for told in (RUNNING, PENDING):
        soon = after(job, callback(told, progress=40), now=NOW + 0.9)
        assert (soon.disposition, soon.job) == (Disposition.DUPLICATE, job)
    assert after(job, callback(RUNNING, progress=40), now=NOW + 1).job.progress == 40
    assert after(job, callback(SUCCESS), now=NOW + 0.1).job.status is Status.SUCCEEDED


def test_the_first_end_wins() -> None:
    failure = callback(TaskStatus.FAILED, error=JobError("failed", "no"))
    done = in_status(Status.SUCCEEDED)
    for late in (failure, callback(RUNNING), TIMEOUT):
        assert after(done, late).disposition is Disposition.STALE
    failed = after(in_status(Status.SUBMITTED), failure).job
    assert after(failed, callback(SUCCESS)).disposition is Disposition.STALE
    assert after(failed, failure).disposition is Disposition.DUPLICATE


def test_a_callback_of_an_earlier_attempt_is_recognised() -> None:
    retried = after(in_status(Status.FAILED), Retried(), Started("default"), Posting(1)).job
    assert retried.attempt == 2
    assert after(retried, callback(SUCCESS, attempt=1)).disposition is Disposition.STALE
    assert after(retried, callback(SUCCESS, attempt=2)).job.status is Status.SUCCEEDED


def test_a_job_that_waits_for_its_retry_does_not_hear_of_what_is_over() -> None:
    waiting = after(in_status(Status.TIMED_OUT), Retried()).job
    for late in (callback(SUCCESS), callback(SUCCESS, attempt=None), callback(SUCCESS, attempt=0)):
        assert after(waiting, late).disposition is Disposition.STALE
    running = after(waiting, Started("default"), Posting(1)).job
    asked = Observed(a_snapshot(SUCCESS), asked=True)
    assert after(running, asked).disposition is Disposition.STALE, "t1 was the first attempt's"


@pytest.mark.parametrize("event", [callback(SUCCESS, task_id="t9"), callback(PENDING, task_id="9")])
def test_a_body_cannot_put_another_task_in_the_jobs_place(event: Event) -> None:
    for status in (Status.SUBMITTED, Status.IN_PROGRESS, Status.OVERDUE, Status.AWAITING_MODAL):
        assert after(in_status(status), event).disposition is Disposition.FOREIGN


def test_what_is_no_task_and_a_task_without_a_submit_are_foreign() -> None:
    music = callback(SUCCESS, recognised=False)
    assert after(in_status(Status.SUBMITTED), music).disposition is Disposition.FOREIGN
    assert after(a_job(), callback(SUCCESS, attempt=None)).disposition is Disposition.FOREIGN


def test_a_callback_without_a_task_id_counts_for_the_jobs_own() -> None:
    job = after(in_status(Status.SUBMITTED), callback(SUCCESS, task_id=None)).job
    assert (job.status, job.task_id) == (Status.SUCCEEDED, "t1")


def test_a_seen_job_is_looked_at_later_the_longer_it_runs() -> None:
    def next_look(age: float, *, flow: bool | None) -> float:
        policy = Policy(callbacks_flow=flow)
        job = in_status(Status.SUBMITTED)
        seen = after(job, callback(RUNNING, progress=5), now=NOW + age, policy=policy).job
        assert seen.due_at is not None
        return seen.due_at - (NOW + age)

    assert next_look(1, flow=False) < next_look(90, flow=False) < next_look(90, flow=True)
    fresh = after(in_status(Status.SUBMITTING), callback(PENDING, progress=0)).job
    assert fresh.due_at == NOW + Policy().first_look_s, "the first look is still to come"


# Success and its children.


def test_children_come_with_success_and_only_with_it() -> None:
    done = after(in_status(Status.IN_PROGRESS, then=U1_U2), callback(SUCCESS))
    assert [child.request["button"] for child in done.children] == ["U1", "U2"]
    for told in (callback(TaskStatus.FAILED), callback(TaskStatus.CANCELLED), TIMEOUT):
        assert after(in_status(Status.IN_PROGRESS, then=U1_U2), told).children == ()


def test_a_finished_job_is_due_until_its_files_are_ours() -> None:
    done = in_status(Status.SUCCEEDED)
    assert (done.result.assets_status, done.due_at) == (AssetsStatus.PENDING, NOW)
    settled = after(done, AssetsSettled(("a/b.png",), AssetsStatus.STORED))
    assert (settled.job.result.assets, settled.job.due_at) == (("a/b.png",), None)
    again = after(settled.job, AssetsSettled((), AssetsStatus.FAILED))
    assert again.disposition is Disposition.STALE


def test_new_links_take_the_place_of_old_ones_until_the_files_are_ours() -> None:
    done = in_status(Status.SUCCEEDED)
    new = Result(image_url="https://cdn.example/new.png", buttons=())
    renewed = after(done, LinksRenewed(new))
    assert renewed.job.result == replace(done.result, image_url=new.image_url)
    assert renewed.job.due_at == done.due_at, "the files are still to be fetched"
    for told in (new, Result()):
        assert after(renewed.job, LinksRenewed(told)).disposition is Disposition.DUPLICATE
    settled = after(done, AssetsSettled(("a/b.png",), AssetsStatus.STORED))
    assert after(settled.job, LinksRenewed(new)).disposition is Disposition.STALE


def test_files_that_nobody_wants_are_not_waited_for() -> None:
    done = in_status(Status.SUCCEEDED, keep=Keep("off"))
    assert (done.result.assets_status, done.due_at) == (AssetsStatus.NONE, None)


def test_children_keep_what_their_parent_keeps() -> None:
    keep = Keep("grid", tiles=True)
    done = after(in_status(Status.IN_PROGRESS, then=U1_U2, keep=keep), callback(SUCCESS))
    assert [child.keep for child in done.children] == [keep, keep]


def test_a_success_without_buttons_is_asked_about_where_a_glob_needs_them() -> None:
    bare = Result(image_url="https://cdn.example/grid.png")
    told = callback(SUCCESS, result=bare)
    running = in_status(Status.SUBMITTED, then=EACH_U)
    asking = after(running, told)
    assert (asking.job.status, asking.job.progress) == (Status.IN_PROGRESS, 100)
    assert (asking.job.due_at, asking.children) == (NOW, ())
    assert after(asking.job, told).disposition is Disposition.DUPLICATE
    answer = Observed(a_snapshot(SUCCESS), asked=True)
    assert len(after(asking.job, answer).children) == 4
    without = Observed(a_snapshot(SUCCESS, result=bare), asked=True)
    assert [c.request["button"] for c in after(asking.job, without).children] == [
        "U1", "U2", "U3", "U4",
    ], "a provider without buttons takes the grid's names"  # fmt: skip
    named = in_status(Status.SUBMITTED, then=U1_U2)
    assert after(named, told).job.status is Status.SUCCEEDED, "a name needs no buttons"


# Windows.


def test_a_window_that_wants_input_waits_for_the_caller() -> None:
    waiting = after(a_zoom(), Started("default"), Posting(1), WINDOW).job
    assert (waiting.status, waiting.window) == (Status.AWAITING_MODAL, Window.OPEN)
    assert not waiting.holds_slot
    assert waiting.due_at == waiting.deadline_at
    answered = after(waiting, ModalAnswered(Modal(mask="blob:m.png"))).job
    assert answered.ready
    assert answered.modal == Modal(prompt="a cat", mask="blob:m.png"), "the default fills in"


def test_a_window_that_only_offers_its_prompt_gets_it_back() -> None:
    queued = after(a_pan(), Started("default"), Posting(1), WINDOW).job
    assert queued.ready
    assert queued.modal == Modal(prompt="a cat")
    silent = Replied(1, Verdict(Outcome.NEEDS_MODAL, task_id="t1"))
    nothing_to_send = after(a_pan(), Started("default"), Posting(1), silent).job
    assert nothing_to_send.status is Status.AWAITING_MODAL
    known = after(a_pan(modal_prompt="a dog"), Started("default"), Posting(1), silent).job
    assert known.modal == Modal(prompt="a dog")


def test_an_answer_given_beforehand_is_sent_at_once() -> None:
    hat = Modal(prompt="a red hat", mask="blob:m.png")
    queued = after(a_zoom(modal=hat), Started("default"), Posting(1), WINDOW).job
    assert queued.ready
    assert queued.modal == hat


@pytest.mark.parametrize("new_id", ["t1", "t2"])
def test_the_answer_may_go_on_with_the_task_or_open_a_new_one(new_id: str) -> None:
    sent = after(
        a_pan(), Started("default"), Posting(1), WINDOW, Started("default"), Posting(1)
    ).job
    assert (sent.attempt, sent.status) == (1, Status.SUBMITTING)
    job = after(sent, Replied(1, Verdict(Outcome.ACCEPTED, task_id=new_id))).job
    assert (job.status, job.window, job.task_id) == (Status.SUBMITTED, Window.ANSWERED, new_id)
    assert after(job, callback(SUCCESS, task_id=new_id)).job.status is Status.SUCCEEDED
    if new_id != "t1":
        old = callback(TaskStatus.MODAL, task_id="t1")
        assert after(job, old).disposition is Disposition.STALE, "it stays open for ever there"


@pytest.mark.parametrize("new_id", ["t1", "t2"])
def test_the_answers_callback_may_overtake_its_reply(new_id: str) -> None:
    sent = after(
        a_pan(then=U1_U2), Started("default"), Posting(1), WINDOW, Started("default"), Posting(1)
    ).job
    still = callback(TaskStatus.MODAL)
    assert after(sent, still).disposition is Disposition.DUPLICATE
    assert after(sent, callback(PENDING)).disposition is Disposition.DUPLICATE
    ran = after(sent, callback(RUNNING, task_id=new_id, progress=3)).job
    assert (ran.status, ran.task_id, ran.window) == (Status.IN_PROGRESS, new_id, Window.ANSWERED)
    done = after(sent, callback(SUCCESS, task_id=new_id))
    assert (done.job.status, done.job.task_id, len(done.children)) == (Status.SUCCEEDED, new_id, 2)


def test_a_window_that_a_gateway_hid_is_seen_in_the_tasks_status() -> None:
    hidden = after(a_pan(modal_prompt="a dog"), Started("default"), Posting(1), ACCEPTED).job
    seen = after(hidden, callback(TaskStatus.MODAL)).job
    assert (seen.ready, seen.window, seen.modal) == (True, Window.OPEN, Modal("a dog"))


def test_the_first_posts_late_reply_is_not_taken_for_the_answers() -> None:
    overtaken = after(in_status(Status.SUBMITTING), callback(TaskStatus.MODAL)).job
    answering = after(overtaken, ModalAnswered(Modal("x")), Started("default"), Posting(1)).job
    assert after(answering, WINDOW).disposition is Disposition.STALE


def test_a_refused_answer_is_sent_again_and_a_lost_one_is_in_doubt() -> None:
    sent = after(
        a_pan(), Started("default"), Posting(1), WINDOW, Started("default"), Posting(1)
    ).job
    again = try_again(after(sent, REFUSED).job)
    assert (again.window, again.attempt, again.modal) == (Window.OPEN, 1, Modal("a cat"))
    doubtful = after(sent, CUT_OFF).job
    assert doubtful.askable, "its task can be asked about"
    seen = after(doubtful, Observed(a_snapshot(RUNNING), asked=True)).job
    assert (seen.status, seen.window) == (Status.IN_PROGRESS, Window.ANSWERED)


def test_a_worker_that_died_before_the_answer_left_cost_nothing() -> None:
    claimed = after(a_pan(), Started("default"), Posting(1), WINDOW, Started("default")).job
    queued = after(claimed, TimePassed(), now=LEASE_OVER).job
    again = after(queued, Started("default"), Posting(1)).job
    assert (again.window, again.attempts[-1].outcome) == (Window.OPEN, None)


# Time.


def test_a_job_past_its_deadline_is_watched_for_a_late_success() -> None:
    job = in_status(Status.IN_PROGRESS, then=U1_U2, deadline_s=60)
    overdue = after(job, TimePassed(), now=NOW + 60).job
    assert (overdue.status, overdue.holds_slot) == (Status.OVERDUE, True)
    late = after(overdue, callback(SUCCESS), now=NOW + 900)
    assert (late.job.status, late.job.error, len(late.children)) == (Status.SUCCEEDED, None, 2)
    given_up = after(overdue, TimePassed(), now=NOW + 60 + Policy().grace_s).job
    assert given_up.status is Status.TIMED_OUT
    assert given_up.error is not None
    assert given_up.error.code == "deadline"


def test_the_deadline_counts_from_the_first_submit() -> None:
    waited = after(a_job(deadline_s=60), Started("default"), Posting(1), now=NOW + 500).job
    assert waited.deadline_at == NOW + 560
    refused = try_again(after(waited, REFUSED, now=NOW + 500).job)
    assert refused.deadline_at == NOW + 560


def test_a_job_that_was_refused_until_its_deadline_is_not_paid_for_any_more() -> None:
    refused = after(in_status(Status.SUBMITTING, deadline_s=60), REFUSED).job
    waiting = replace(refused, due_at=NOW + 60)
    ready = replace(refused, due_at=None)
    for over in (
        after(waiting, TimePassed(), now=NOW + 60),
        after(ready, Started("default"), now=NOW + 61),
    ):
        assert over.job.status is Status.TIMED_OUT
        assert not over.job.holds_slot
        assert over.job.error is not None
        assert over.job.error.hint == "The queue is full."


def test_the_providers_timeout_is_no_failure_yet() -> None:
    job = after(in_status(Status.SUBMITTED, then=U1_U2), TIMEOUT).job
    assert (job.status, job.error and job.error.message) == (Status.OVERDUE, GAVE_UP.message)
    late = after(job, callback(SUCCESS), now=NOW + 300)
    assert (late.job.status, len(late.children)) == (Status.SUCCEEDED, 2)
    given_up = after(job, TimePassed(), now=NOW + Policy().grace_s).job
    assert (given_up.status, given_up.error and given_up.error.code) == (
        Status.TIMED_OUT,
        "timeout",
    )


def test_what_an_overdue_job_is_told_to_do_is_allowed() -> None:
    for overdue in (
        in_status(Status.OVERDUE),
        after(in_status(Status.IN_PROGRESS, deadline_s=60), TimePassed(), now=NOW + 60).job,
    ):
        assert overdue.error is not None
        assert overdue.error.hint is not None
        assert "hookline cancel" in overdue.error.hint
        assert "retry" not in overdue.error.hint
        given_up = after(overdue, TimePassed(), now=NOW + 60 + Policy().grace_s).job
        assert given_up.error is not None
        assert given_up.error.hint is not None
        assert "hookline retry" in given_up.error.hint
        assert "cancel" not in given_up.error.hint


def ran_out(status: TaskStatus = TaskStatus.FAILED, **more: object) -> Observed:
    """The provider's own timeout, as polling shows it."""
    return Observed(a_snapshot(status, **more), asked=True)


def test_an_overdue_job_keeps_its_place_while_its_task_runs_and_no_longer() -> None:
    job = in_status(Status.IN_PROGRESS, deadline_s=60)
    overdue = after(job, TimePassed(), now=NOW + 60).job
    running = Observed(a_snapshot(RUNNING, progress=60), asked=True)
    assert after(overdue, running, now=NOW + 90).job.holds_slot, "our deadline says nothing of it"
    over = after(overdue, ran_out(error=GAVE_UP), now=NOW + 90).job
    assert (over.status, over.holds_slot, over.place_freed) == (Status.OVERDUE, False, True)
    assert over.due_at is not None
    again = after(over, ran_out(error=GAVE_UP), now=NOW + 95)
    assert again.disposition is Disposition.DUPLICATE
    late = after(over, callback(SUCCESS), now=NOW + 900).job
    assert (late.status, late.place_freed) == (Status.SUCCEEDED, False)


def test_an_overdue_job_that_runs_after_all_takes_a_place_again() -> None:
    over = in_status(Status.OVERDUE)
    assert not over.holds_slot
    stale = after(over, callback(RUNNING, progress=70), now=NOW + 1).job
    assert not stale.holds_slot, "callbacks come out of order"
    running = after(over, Observed(a_snapshot(RUNNING, progress=70), asked=True), now=NOW + 9).job
    assert running.holds_slot
    assert not after(running, ran_out(error=GAVE_UP), now=NOW + 20).job.holds_slot


def test_an_overdue_job_that_the_provider_forgot_gives_its_place_back() -> None:
    overdue = after(in_status(Status.IN_PROGRESS, deadline_s=10), TimePassed(), now=NOW + 10).job
    assert after(overdue, Missing(), now=NOW + 20).job.holds_slot, "gateways lag behind"
    unknown = after(overdue, Missing(), now=NOW + 61).job
    assert (unknown.status, unknown.holds_slot) == (Status.OVERDUE, False)


def test_an_overdue_job_whose_task_is_over_can_be_cancelled_and_retried() -> None:
    gone = after(in_status(Status.OVERDUE), Cancelled()).job
    assert (gone.status, gone.draining, gone.due_at) == (Status.CANCELLED, False, None)
    assert after(gone, Retried()).job.ready


def test_a_window_nobody_answers_ends_with_the_deadline() -> None:
    waiting = in_status(Status.AWAITING_MODAL, deadline_s=60)
    ended = after(waiting, TimePassed(), now=NOW + 60).job
    assert ended.status is Status.TIMED_OUT
    assert ended.error is not None
    assert ended.error.code == "window_deadline"


def test_a_task_that_the_provider_forgot_is_lost_after_a_while() -> None:
    job = in_status(Status.IN_PROGRESS)
    first = after(job, Missing(), now=NOW + 60).job
    assert first.status is Status.IN_PROGRESS, "a gateway may lag behind"
    assert after(first, Missing(), now=NOW + 300).disposition is Disposition.DUPLICATE
    seen = after(first, callback(TaskStatus.IN_PROGRESS, progress=40), now=NOW + 300).job
    assert after(seen, Missing(), now=NOW + 360).job.status is Status.IN_PROGRESS, "it was there"
    lost = after(first, Missing(), now=NOW + 60 + Policy().lost_after_s).job
    assert lost.status is Status.FAILED
    assert lost.error is not None
    assert (lost.error.code, lost.error.retryable) == ("lost", True)


def test_nothing_happens_before_it_is_due() -> None:
    job = in_status(Status.SUBMITTED)
    assert after(job, TimePassed()).disposition is Disposition.STALE
    assert after(a_job(), TimePassed()).disposition is Disposition.STALE


# People.


def test_what_the_provider_runs_cannot_be_stopped_and_keeps_its_slot() -> None:
    overdue = after(
        in_status(Status.IN_PROGRESS, then=U1_U2, deadline_s=60), TimePassed(), now=NOW + 60
    ).job
    before = (Status.SUBMITTED, Status.IN_PROGRESS, Status.IN_DOUBT)
    for job in (*(in_status(status, then=U1_U2) for status in before), overdue):
        gone = after(job, Cancelled()).job
        assert (gone.status, gone.holds_slot) == (Status.CANCELLED, True)
        assert gone.due_at is not None
        assert after(gone, callback(RUNNING, progress=90)).job.holds_slot
        freed = after(gone, callback(SUCCESS))
        assert (freed.job.status, freed.job.holds_slot) == (Status.CANCELLED, False)
        assert (freed.job.due_at, freed.children) == (None, ()), "it is not followed up"


def test_what_was_not_sent_gives_its_slot_back_at_once_and_never_leaves() -> None:
    claimed = after(a_job(), Started("default")).job
    for waiting in (a_job(), claimed, in_status(Status.AWAITING_MODAL)):
        gone = after(waiting, Cancelled()).job
        assert (gone.status, gone.holds_slot, gone.due_at) == (Status.CANCELLED, False, None)
        assert after(gone, Posting(1)).disposition is Disposition.STALE
    retried = after(claimed, Cancelled(), Retried(), Started("default")).job
    assert after(retried, Posting(1)).disposition is Disposition.STALE


@pytest.mark.parametrize(
    ("outcome", "keeps"),
    [
        (Outcome.ACCEPTED, True),
        (Outcome.EXISTS, True),
        (Outcome.IN_DOUBT, True),
        (Outcome.NEEDS_MODAL, False),
        (Outcome.DONE, False),
        (Outcome.NOT_YET, False),
        (Outcome.TRY_LATER, False),
        (Outcome.PERMANENT, False),
    ],
)
def test_the_reply_tells_a_cancelled_job_whether_its_slot_is_used(
    outcome: Outcome, keeps: bool
) -> None:
    gone = after(in_status(Status.SUBMITTING), Cancelled()).job
    assert gone.holds_slot
    told = after(gone, Replied(1, Verdict(outcome, task_id="t1"))).job
    assert (told.status, told.holds_slot) == (Status.CANCELLED, keeps)
    assert (told.due_at is not None) is keeps


def test_a_cancelled_job_learns_its_task_from_a_callback_and_can_be_asked_about() -> None:
    gone = after(in_status(Status.SUBMITTING), Cancelled(), callback(RUNNING)).job
    assert (gone.task_id, gone.askable) == ("t1", True)


def test_a_cancelled_jobs_slot_is_not_kept_for_ever() -> None:
    gone = after(in_status(Status.SUBMITTED), Cancelled()).job
    soon, late = NOW + 60, (gone.deadline_at or NOW) + Policy().grace_s
    assert after(gone, TimePassed(), now=soon).job.holds_slot
    assert not after(gone, TimePassed(), now=late).job.holds_slot
    missed = after(gone, Missing(), now=soon - 1).job
    assert missed.holds_slot, "gateways lag behind"
    unknown = after(missed, Missing(), now=soon).job
    assert (unknown.draining, unknown.holds_slot) == (True, False)
    assert after(unknown, callback(RUNNING, progress=90), now=soon + 1).job.holds_slot
    assert not after(missed, Missing(), now=soon - 1 + Policy().lost_after_s).job.draining
    opened = callback(TaskStatus.MODAL)
    assert not after(gone, opened).job.holds_slot, "a window that nobody will answer"


def test_a_retry_is_a_further_attempt_of_the_same_job() -> None:
    failed = in_status(Status.TIMED_OUT)
    job = after(failed, Retried()).job
    assert job.ready
    assert (job.id, job.task_id, job.other_task_ids) == (failed.id, None, ("t1",))
    assert (job.error, job.finished_at, job.deadline_at) == (None, None, None)
    running = after(job, Started("default"), now=NOW + 9).job
    assert [a.outcome for a in running.attempts] == ["timed_out", None]


def test_a_cancelled_job_is_retried_only_when_the_provider_is_done_with_it() -> None:
    gone = after(in_status(Status.SUBMITTED), Cancelled()).job
    with pytest.raises(Conflict, match="may still run"):
        after(gone, Retried())
    assert after(gone, callback(TaskStatus.FAILED), Retried()).job.ready


def test_a_job_that_could_never_be_submitted_is_not_retried() -> None:
    wrong = a_job(status=Status.FAILED, error=JobError("no_picture", "The parent has no picture."))
    with pytest.raises(Conflict, match="The parent has no picture"):
        after(wrong, Retried())
    assert after(after(a_job(), Cancelled()).job, Retried()).job.ready


def test_a_doubt_is_ended_in_three_ways() -> None:
    doubtful = in_status(Status.IN_DOUBT)
    again = after(doubtful, Resolved("resubmit")).job
    assert (again.ready, again.error) == (True, None)
    assert after(again, Started("default")).job.attempt == 2
    failed = after(doubtful, Resolved("failed")).job
    assert (failed.status, failed.error) == (Status.FAILED, doubtful.error)
    taken = after(doubtful, Resolved("accepted", "t7")).job
    assert (taken.status, taken.task_id, taken.due_at) == (Status.SUBMITTED, "t7", NOW)


def test_wishes_that_come_too_late_are_refused_in_words() -> None:
    done = in_status(Status.SUCCEEDED)
    for wish in (Cancelled(), Retried(), Resolved("failed"), ModalAnswered(Modal("x"))):
        with pytest.raises(Conflict, match="succeeded"):
            after(done, wish)


def test_the_default_success_has_what_the_children_need() -> None:
    assert in_status(Status.SUCCEEDED).result.buttons == GRID
