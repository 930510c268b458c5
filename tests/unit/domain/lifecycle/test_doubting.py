"""How a doubt ends, and what becomes of a submission that was given up and proves accepted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import (
    ACCEPTED,
    CUT_OFF,
    NOW,
    REFUSED,
    TIMEOUT,
    TURNED_DOWN,
    WINDOW,
    a_job,
    a_snapshot,
    after,
    callback,
    in_status,
)
from tests.support.stories import events
from worker.domain.errors import Conflict
from worker.domain.events import (
    Cancelled,
    Disposition,
    Event,
    InDoubt,
    NotListed,
    Observed,
    Policy,
    Posting,
    Replied,
    Resolved,
    Retried,
    Started,
    TimePassed,
)
from worker.domain.job import AttemptOutcome, Job, Status, Window
from worker.domain.job_spec import Kind
from worker.domain.lifecycle import next_look, transition
from worker.domain.presence import EVERY_S, GONE_S, Presence
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.domain.result import JobError

WINDOW_OVER = NOW + Policy().doubt_window_s
#: All that makes silence tell: callbacks came to the end, of this sort, and we were there.
FLOWS = Policy(
    callbacks_flow=True,
    calls_back=True,
    called_back_at=WINDOW_OVER - 1,
    presence=Presence(NOW, {"web": WINDOW_OVER + 1e6}),
)
FAILED = JobError("failed", "no")

PENDING, RUNNING, SUCCESS = TaskStatus.PENDING, TaskStatus.IN_PROGRESS, TaskStatus.SUCCEEDED


def doubtful(**fields: object) -> Job:
    return in_status(Status.IN_DOUBT, **fields)


def waited(job: Job, policy: Policy, seconds: float = 0.0) -> Job:
    """The job when it is looked at after its window."""
    assert job.doubt_until is not None
    return after(job, TimePassed(), now=job.doubt_until + seconds, policy=policy).job


def sent_again(*then: Event) -> Job:
    """A job whose first attempt was given up, after ``then``."""
    again = waited(doubtful(), FLOWS)
    return after(again, *then, now=WINDOW_OVER).job if then else again


def accepted_as(task_id: str, attempt: int = 2) -> Replied:
    return Replied(attempt, Verdict(Outcome.ACCEPTED, task_id=task_id))


def paid(job: Job) -> list[tuple[int, str | None]]:
    return [(attempt.number, attempt.task_id) for attempt in job.double_payments]


# Evidence ends a doubt at any time.

EVIDENCE: dict[str, tuple[Event, Status]] = {
    "callback: waits": (callback(PENDING), Status.SUBMITTED),
    "callback: runs": (callback(RUNNING, progress=5), Status.IN_PROGRESS),
    "callback: done": (callback(SUCCESS), Status.SUCCEEDED),
    "callback: failed": (callback(TaskStatus.FAILED, error=FAILED), Status.FAILED),
    "callback: cancelled": (callback(TaskStatus.CANCELLED), Status.CANCELLED),
    "list: runs": (Observed(a_snapshot(RUNNING), attempt=1, asked=True), Status.IN_PROGRESS),
    "list: done": (Observed(a_snapshot(SUCCESS), attempt=1, asked=True), Status.SUCCEEDED),
    "late reply: accepted": (ACCEPTED, Status.SUBMITTED),
    "late reply: refused": (REFUSED, Status.QUEUED),
    "late reply: turned down": (TURNED_DOWN, Status.FAILED),
    "late reply: window": (WINDOW, Status.QUEUED),
    "person: accepted": (Resolved("accepted", "t1"), Status.SUBMITTED),
    "person: resubmit": (Resolved("resubmit"), Status.QUEUED),
    "person: failed": (Resolved("failed"), Status.FAILED),
}


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize(("event", "status"), EVIDENCE.values(), ids=EVIDENCE)
def test_evidence_ends_a_doubt(event: Event, status: Status, *, held: bool) -> None:
    job = doubtful()
    if held:
        job = waited(job, Policy())
        assert job.held
    ended = after(job, event, now=WINDOW_OVER + 1).job
    assert ended.status is status
    assert (ended.held, ended.doubt_until, ended.posting) == (False, None, False)
    assert ended.double_payments == ()


# Silence: only that of an account whose callbacks flow tells anything.


def test_silence_of_an_account_that_calls_back_sends_the_job_again() -> None:
    again = waited(doubtful(), FLOWS)
    assert (again.status, again.ready, again.error) == (Status.QUEUED, True, None)
    assert (again.held, again.doubt_until, again.holds_slot) == (False, None, False)
    assert again.attempts[0].given_up
    started = after(again, Started("default"), now=WINDOW_OVER).job
    assert started.attempt == 2, "of a number of its own, so that callbacks tell them apart"


@pytest.mark.parametrize(
    "missing",
    [
        {"callbacks_flow": False},
        {"callbacks_flow": None},
        {"calls_back": False},
        {"called_back_at": None},
        {"called_back_at": NOW - 1},
        {"called_back_at": NOW + 60},  # and then no more: the way to us may be broken
        {"called_back_at": WINDOW_OVER - Policy().doubt_window_s / 10},
        {"presence": None},
        {"presence": Presence(NOW + 0.001, {"web": WINDOW_OVER + 9})},
        {"presence": Presence(NOW, {"web": WINDOW_OVER + 9, "other": NOW - 0.001})},
    ],
    ids=str,
)
def test_silence_tells_nothing_where_anything_is_missing(missing: dict[str, object]) -> None:
    policy = replace(FLOWS, **missing)  # type: ignore[arg-type]  # by name
    assert not policy.silence_tells(NOW, WINDOW_OVER)
    job = waited(doubtful(), policy, GONE_S)
    assert (job.status, job.held, job.attempts[0].outcome) == (Status.IN_DOUBT, True, None)


def test_silence_counts_from_the_post_not_from_the_doubt() -> None:
    """The worker died; its lease ran out two minutes after the POST had left."""
    lease_over = NOW + FLOWS.lease_s
    job = after(in_status(Status.SUBMITTING), TimePassed(), now=lease_over).job
    assert job.doubt_until == lease_over + FLOWS.doubt_window_s
    came_back_meanwhile = replace(FLOWS, presence=Presence(NOW + 1, {"web": WINDOW_OVER + 1e6}))
    assert waited(job, came_back_meanwhile).held
    assert waited(job, FLOWS).ready


@pytest.mark.parametrize("in_doubt", ["hold", "fail", "resubmit"])
def test_the_proof_that_was_sent_after_the_window_is_waited_for(in_doubt: InDoubt) -> None:
    policy = replace(FLOWS, in_doubt=in_doubt)
    unclosed = replace(policy, presence=Presence(NOW, {"web": WINDOW_OVER - 1}))
    job = waited(doubtful(), unclosed)
    assert (job.status, job.held) == (Status.IN_DOUBT, False)
    assert job.due_at == WINDOW_OVER + EVERY_S / 2
    assert after(job, TimePassed(), now=job.due_at, policy=policy).job.ready, "it came"
    job = after(job, TimePassed(), now=WINDOW_OVER + GONE_S, policy=unclosed).job
    assert (job.held, job.ready) == (in_doubt == "hold", in_doubt == "resubmit"), "it did not"


def test_silence_tells_nothing_before_the_window_is_over() -> None:
    job, now = doubtful(), NOW
    for _ in range(999):
        assert job.due_at is not None
        if job.due_at >= WINDOW_OVER:
            break
        now = job.due_at
        job = after(job, TimePassed(), now=now, policy=FLOWS).job
        assert (job.status, job.held) == (Status.IN_DOUBT, False)
        assert job.holds_slot == (now < NOW + FLOWS.runs_for_s)
        assert job.due_at is not None
        assert now < job.due_at <= WINDOW_OVER
    assert job.due_at == WINDOW_OVER, "it is looked at once its window is over"
    assert after(job, TimePassed(), now=WINDOW_OVER, policy=FLOWS).job.ready


@pytest.mark.parametrize("window", [{}, {"task_id": "t1", "window": Window.OPEN}], ids=str)
def test_a_doubt_gives_its_place_back_when_its_task_would_be_over(
    window: dict[str, object],
) -> None:
    policy = Policy(runs_for_s=7.0)
    job, now = after(in_status(Status.SUBMITTING, **window), CUT_OFF, policy=policy).job, NOW
    while job.holds_slot:
        assert job.due_at is not None
        now = job.due_at
        again = after(job, TimePassed(), now=now, policy=policy).job
        job = again if again != job else replace(job, due_at=next_look(job, now, policy))
    assert now == NOW + 7, "on time, and looked at before"
    assert (job.status, job.place_freed, job.held) == (Status.IN_DOUBT, True, False)
    assert job.doubt_until == WINDOW_OVER, "and it is watched as long as before"
    assert after(job, callback(RUNNING), now=NOW + 60, policy=policy).job.holds_slot
    slower = Policy(runs_for_s=99.0)
    assert after(job, TimePassed(), now=NOW + 60, policy=slower).job.place_freed, "it stays free"


def test_a_doubt_that_a_dead_worker_left_gives_its_place_back_at_once() -> None:
    """Its lease is longer than its task would have run."""
    policy = Policy(runs_for_s=20.0)
    job = after(in_status(Status.SUBMITTING), TimePassed(), now=NOW + 122, policy=policy).job
    assert (job.status, job.holds_slot) == (Status.IN_DOUBT, False)


# The provider's list shows that it was not accepted (see test_task_list).


def test_what_the_list_must_show_and_does_not_is_sent_again() -> None:
    job = after(doubtful(), NotListed(1)).job
    assert (job.ready, job.error, job.attempts[0].outcome) == (True, None, "not_listed")
    assert after(job, NotListed(1)).disposition is Disposition.STALE
    second = after(job, Started("default"), Posting(2), Replied(2, CUT_OFF.verdict)).job
    assert after(second, NotListed(1)).disposition is Disposition.STALE, "of another attempt"
    assert after(second, NotListed(2)).job.ready


def test_the_list_ends_a_held_doubt_too() -> None:
    held = waited(doubtful(), Policy())
    assert after(held, NotListed(1), now=WINDOW_OVER + 1).job.ready


def test_the_list_sends_a_job_again_only_so_often_and_leaves_the_blind_resubmits_alone() -> None:
    job, number = doubtful(), 1
    while (decision := after(job, NotListed(number))).disposition is Disposition.APPLIED:
        number += 1
        cut_off = Replied(number, CUT_OFF.verdict)
        job = after(decision.job, Started("default"), Posting(number), cut_off).job
    assert number == 6
    assert waited(job, FLOWS).ready, "silence may still send it again"


def test_an_attempt_that_was_not_listed_and_was_accepted_after_all_is_listed() -> None:
    again = after(doubtful(), NotListed(1), Started("default"), Posting(2), accepted_as("t2")).job
    told = after(again, callback(SUCCESS, attempt=1, task_id="t1"), now=NOW + 90).job
    assert (told.status, told.task_id) == (Status.SUCCEEDED, "t1")
    assert paid(told) == [(2, "t2")]


def test_a_cancelled_job_that_is_not_listed_is_not_waited_for() -> None:
    gone = after(doubtful(), Cancelled(), NotListed(1)).job
    assert (gone.draining, gone.due_at, gone.attempts[0].outcome) == (False, None, "not_listed")
    known = after(in_status(Status.SUBMITTED), Cancelled())
    assert after(known.job, NotListed(1)).disposition is Disposition.STALE


# Without evidence the policy decides.


@pytest.mark.parametrize(
    ("in_doubt", "tells", "most", "status", "held"),
    [
        ("hold", False, 1, Status.IN_DOUBT, True),
        ("hold", True, 1, Status.QUEUED, False),
        ("hold", True, 0, Status.IN_DOUBT, True),
        ("resubmit", False, 1, Status.QUEUED, False),
        ("resubmit", True, 1, Status.QUEUED, False),
        ("resubmit", False, 0, Status.IN_DOUBT, True),
        ("fail", False, 1, Status.FAILED, False),
        ("fail", True, 1, Status.QUEUED, False),
        ("fail", True, 0, Status.FAILED, False),
    ],
)
def test_the_policy_decides(
    in_doubt: InDoubt, most: int, status: Status, *, tells: bool, held: bool
) -> None:
    policy = replace(FLOWS if tells else Policy(), in_doubt=in_doubt, max_resubmits=most)
    job = waited(doubtful(), policy)
    assert (job.status, job.held) == (status, held)
    if status is Status.FAILED:
        assert job.error is not None
        assert (job.error.code, job.attempts[0].outcome) == ("in_doubt", AttemptOutcome.IN_DOUBT)


@pytest.mark.parametrize("in_doubt", ["hold", "resubmit", "fail"])
@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_job_is_sent_again_so_many_times_and_no_more(in_doubt: InDoubt, most: int) -> None:
    job, now, posts = a_job(deadline_s=86_400), NOW, 0
    for _ in range(most + 3):
        if not job.ready:
            break
        number, posts = job.attempt + 1, posts + 1
        cut_off = Replied(number, Verdict(Outcome.IN_DOUBT))
        job = after(job, Started("default"), Posting(number), cut_off, now=now).job
        flows = replace(FLOWS, called_back_at=now + 3999, in_doubt=in_doubt, max_resubmits=most)
        job, now = waited(job, flows), now + 4000
    assert posts == 1 + most
    assert job.held or job.status is Status.FAILED


def test_what_is_held_frees_its_place() -> None:
    job = doubtful()
    assert job.holds_slot
    held = waited(job, Policy())
    assert not held.holds_slot
    assert after(held, callback(RUNNING), now=WINDOW_OVER + 9).job.holds_slot, "it runs after all"


def test_what_is_held_is_looked_at_ever_less_often_and_never_forgotten() -> None:
    job, waits = waited(doubtful(), Policy()), []
    for _ in range(100):
        assert job.due_at is not None
        now = job.due_at
        job = after(job, TimePassed(), now=now).job
        assert job.held
        assert job.due_at is not None
        waits.append(job.due_at - now)
    assert waits == sorted(waits)
    assert waits[-1] == 600.0


# An attempt that was given up proves accepted.

#: What the job had come to; what is heard of attempt 1, whose task is t1; the status and task then,
#: and what is listed as paid beside that task.
_TO = {
    "queued": (),
    "claimed": (Started("default"),),
    "on its way": (Started("default"), Posting(2)),
    "refused": (Started("default"), Posting(2), Replied(2, REFUSED.verdict)),
    "in doubt": (Started("default"), Posting(2), Replied(2, Verdict(Outcome.IN_DOUBT))),
    "accepted": (Started("default"), Posting(2), accepted_as("t2")),
    "running": (
        Started("default"), Posting(2), accepted_as("t2"),
        callback(RUNNING, 2, task_id="t2", progress=9),
    ),
    "done": (Started("default"), Posting(2), accepted_as("t2"), callback(SUCCESS, 2, task_id="t2")),
    "turned down": (Started("default"), Posting(2), Replied(2, TURNED_DOWN.verdict)),
}  # fmt: skip
_HEARD: dict[str, Event] = {
    "runs": callback(RUNNING, progress=5), "reply": ACCEPTED, "done": callback(SUCCESS)
}  # fmt: skip
LATE = """
             runs                 reply                done
queued       in_progress t1       submitted   t1       succeeded t1
claimed      in_progress t1       submitted   t1       succeeded t1
on its way   in_progress t1       submitted   t1       succeeded t1
refused      in_progress t1       submitted   t1       succeeded t1
in doubt     in_progress t1       submitted   t1       succeeded t1
accepted     submitted   t2 1:t1  submitted   t2 1:t1  succeeded t1 2:t2
running      in_progress t2 1:t1  in_progress t2 1:t1  succeeded t1 2:t2
done         succeeded   t2 1:t1  succeeded   t2 1:t1  succeeded t2 1:t1
turned down  failed      -        failed      -        failed    -
"""


def _late() -> list[tuple[str, str, str]]:
    head, *rows = LATE.strip("\n").splitlines()
    starts = [head.index(name) for name in _HEARD]
    ends = [*starts[1:], None]
    return [
        (row[:13].strip(), heard, " ".join(row[start:end].split()))
        for row in rows
        for heard, start, end in zip(_HEARD, starts, ends, strict=True)
    ]


@pytest.mark.parametrize(("to", "heard", "expected"), _late())
def test_late_evidence_of_an_attempt_that_was_given_up(to: str, heard: str, expected: str) -> None:
    decision = after(sent_again(*_TO[to]), _HEARD[heard], now=WINDOW_OVER + 5)
    job = decision.job
    assert decision.disposition is Disposition.APPLIED
    listed = [f"{number}:{task}" for number, task in paid(job)]
    assert " ".join([job.status, job.task_id or "-", *listed]) == expected
    assert job.attempts[0].task_id == "t1", "that it was accepted is written down in any case"
    again = after(job, _HEARD[heard], now=WINDOW_OVER + 6)
    assert again.disposition is not Disposition.APPLIED, "and once"


def test_the_attempt_that_was_not_sent_yet_never_leaves() -> None:
    taken_over = after(sent_again(Started("default")), callback(RUNNING), now=WINDOW_OVER).job
    assert taken_over.attempts[1].outcome == AttemptOutcome.NOT_SENT
    assert after(taken_over, Posting(2)).disposition is Disposition.STALE


def test_the_attempt_that_was_on_its_way_is_a_second_payment_if_it_is_accepted() -> None:
    job = after(sent_again(*_TO["on its way"]), callback(RUNNING), now=WINDOW_OVER).job
    assert paid(job) == [], "not known yet"
    for news in (accepted_as("t2"), callback(RUNNING, 2, task_id="t2")):
        twice = after(job, news, now=WINDOW_OVER + 9)
        assert (paid(twice.job), twice.job.task_id) == ([(2, "t2")], "t1")
        assert {a.task_id for a in twice.job.attempts} == {"t1", "t2"}, "both are named"
    refused = after(job, Replied(2, TURNED_DOWN.verdict), now=WINDOW_OVER + 9)
    assert (refused.disposition, paid(refused.job)) == (Disposition.STALE, [])


@pytest.mark.parametrize("first", [1, 2])
def test_the_first_success_wins_and_has_the_children(first: int) -> None:
    again = waited(doubtful(then=({"press": "U1"},)), FLOWS)
    job = after(again, Started("default"), Posting(2), accepted_as("t2"), now=WINDOW_OVER).job
    won = after(job, callback(SUCCESS, first, task_id=f"t{first}"), now=WINDOW_OVER + 60)
    lost = 3 - first
    then = after(won.job, callback(SUCCESS, lost, task_id=f"t{lost}"), now=WINDOW_OVER + 61)
    assert (then.job.status, then.job.task_id) == (Status.SUCCEEDED, f"t{first}")
    assert (len(won.children), len(then.children)) == (1, 0)
    assert paid(then.job) == [(lost, f"t{lost}")]
    assert then.job.result == won.job.result


def test_a_job_that_failed_in_doubt_stays_so_but_tells_what_was_paid() -> None:
    failed = waited(doubtful(), Policy(in_doubt="fail"))
    late = after(failed, callback(SUCCESS), now=WINDOW_OVER + 5)
    assert (late.job.status, late.children) == (Status.FAILED, ())
    assert (late.job.attempts[0].task_id, paid(late.job)) == ("t1", []), "it was paid for once"


# What is no second payment.


def test_a_callers_retry_is_none() -> None:
    failed = after(in_status(Status.SUBMITTED), callback(TaskStatus.FAILED, error=FAILED)).job
    job = after(failed, Retried(), Started("default"), Posting(2), accepted_as("t2")).job
    for late in (callback(RUNNING), callback(SUCCESS), ACCEPTED):
        seen = after(job, late)
        assert (seen.disposition, paid(seen.job)) == (Disposition.STALE, [])
    done = after(job, callback(SUCCESS, 2, task_id="t2")).job
    assert paid(after(done, callback(SUCCESS)).job) == []


def a_window_answered_in_doubt() -> Job:
    pan = {"task_id": "t0", "custom_id": "MJ::JOB::pan_left::1::4f2c::SOLO"}
    asked = after(a_job(kind=Kind.ACTION, request=pan), Started("default"), Posting(1), WINDOW).job
    return after(asked, Started("default"), Posting(1), CUT_OFF).job


@pytest.mark.parametrize("to", ["queued", "claimed", "on its way"])
@pytest.mark.parametrize("task_id", ["t1", "t9"])
def test_progress_of_a_windows_answer_is_none(to: str, task_id: str) -> None:
    """The answer goes on with the window's task, or opens a new one; the window cost nothing."""
    job = waited(a_window_answered_in_doubt(), FLOWS)
    assert (job.status, job.window) == (Status.QUEUED, Window.OPEN)
    for event in _TO[to]:
        job = after(job, event, now=WINDOW_OVER).job
    seen = after(job, callback(RUNNING, 1, task_id=task_id, progress=5), now=WINDOW_OVER + 5).job
    assert (seen.status, seen.task_id, paid(seen)) == (Status.IN_PROGRESS, task_id, [])
    done = after(seen, callback(SUCCESS, 1, task_id=task_id), now=WINDOW_OVER + 9).job
    assert (done.status, paid(done)) == (Status.SUCCEEDED, [])


def test_two_answers_to_one_window_that_open_a_task_each_are_one() -> None:
    job = waited(a_window_answered_in_doubt(), FLOWS)
    job = after(job, Started("default"), Posting(2), accepted_as("t10"), now=WINDOW_OVER).job
    late = after(job, accepted_as("t9", attempt=1), now=WINDOW_OVER + 5).job
    assert (late.task_id, paid(late)) == ("t10", [(1, "t9")])


def test_a_window_that_the_former_attempt_shows_is_answered() -> None:
    """Its answer is an attempt of its own, whose reply counts."""
    pan = {"task_id": "t0", "custom_id": "MJ::JOB::pan_left::1::4f2c::SOLO"}
    again = waited(doubtful(kind=Kind.ACTION, request=pan, modal_prompt="a cat"), FLOWS)
    job = after(again, Started("default"), callback(PENDING), now=WINDOW_OVER).job
    shown = Observed(a_snapshot(TaskStatus.MODAL), asked=True)
    job = after(job, shown, Started("default"), now=WINDOW_OVER + 2).job
    job = after(job, Posting(job.attempt), now=WINDOW_OVER + 2).job
    replied = after(job, accepted_as("t1", job.attempt), now=WINDOW_OVER + 3)
    assert (replied.disposition, replied.job.status) == (Disposition.APPLIED, Status.SUBMITTED)


# The fence, and a cancelled job's place.


def test_a_reply_that_nothing_was_sent_brings_the_job_back_to_the_queue() -> None:
    """A worker that was stopped past its lease must not send; it says so when it goes on."""
    fenced = Verdict(Outcome.TRY_LATER, error=JobError("not_prepared", "Too late to send."))
    job = after(in_status(Status.SUBMITTING), TimePassed(), now=NOW + FLOWS.lease_s).job
    assert job.status is Status.IN_DOUBT
    back = after(job, Replied(1, fenced), now=NOW + 300).job
    assert (back.status, back.doubt_until, back.double_payments) == (Status.QUEUED, None, ())
    assert back.due_at is not None
    ready = after(back, TimePassed(), now=back.due_at).job
    assert ready.ready
    too_late = after(waited(job, replace(FLOWS, called_back_at=NOW + 9000)), Replied(1, fenced))
    assert (too_late.disposition, too_late.job.ready) == (Disposition.STALE, True)


@pytest.mark.parametrize("before", [Status.SUBMITTING, Status.IN_DOUBT])
def test_a_cancelled_jobs_place_is_kept_while_it_may_run_and_no_longer(before: Status) -> None:
    job = after(in_status(before), Cancelled(), now=NOW + 1).job
    assert (job.status, job.holds_slot, job.draining) == (Status.CANCELLED, True, True)
    assert job.doubt_until is not None
    still = after(job, TimePassed(), now=NOW + 179).job
    assert still.holds_slot
    watched = after(still, TimePassed(), now=NOW + 999).job
    assert (watched.draining, watched.holds_slot) == (True, False)
    freed = after(watched, TimePassed(), now=job.doubt_until).job
    assert (freed.holds_slot, freed.doubt_until, freed.due_at) == (False, None, None)
    ended = after(job, callback(SUCCESS), now=NOW + 9).job
    assert (ended.status, ended.holds_slot, ended.task_id) == (Status.CANCELLED, False, "t1")


def test_a_held_job_that_is_cancelled_had_no_place_to_keep() -> None:
    gone = after(waited(doubtful(), Policy()), Cancelled(), now=WINDOW_OVER + 1).job
    assert (gone.holds_slot, gone.held, gone.due_at) == (False, False, None)


# What holds whatever happens.

policies = st.builds(
    Policy,
    in_doubt=st.sampled_from(["hold", "resubmit", "fail"]),
    max_resubmits=st.integers(0, 2),
    callbacks_flow=st.sampled_from([None, True, False]),
    calls_back=st.booleans(),
    called_back_at=st.sampled_from([None, NOW - 1, NOW + 60, NOW + 9000]),
    presence=st.none()
    | st.builds(
        Presence,
        st.sampled_from([NOW - 1, NOW + 60]),
        st.fixed_dictionaries({"web": st.sampled_from([NOW + 60, NOW + 9000])}),
    ),
)
lives = st.lists(
    st.tuples(events, st.sampled_from([0.0, 1.0, 300.0, 4000.0])), min_size=1, max_size=15
)


@given(st.sampled_from([Status.IN_DOUBT, Status.SUBMITTING]), lives, policies)
def test_every_second_payment_is_an_attempt_that_was_accepted_beside_another(
    status: Status, life: list[tuple[Event, float]], policy: Policy
) -> None:
    job, now = in_status(status), NOW
    for event, pause in life:
        now += pause
        try:
            after_it = transition(job, event, now, policy).job
        except Conflict:
            continue
        known = {attempt.number for attempt in after_it.attempts if attempt.task_id}
        for extra in after_it.double_payments:
            assert extra.task_id
            assert known - {extra.number}, "one alone is no second payment"
            assert extra.task_id != after_it.task_id, "nor is the one that is followed"
        for was, now_is in zip(job.attempts, after_it.attempts, strict=False):
            assert not was.task_id or now_is.task_id, "what was paid is not forgotten"
        resubmits = [a for a in after_it.attempts if a.given_up]
        by_hand = isinstance(event, Resolved | Observed | Replied)
        if not by_hand and len(resubmits) > sum(a.given_up for a in job.attempts):
            most = policy.max_resubmits + (policy.in_doubt == "fail")
            assert len(resubmits) <= max(most, 1)
        job = after_it


def test_late_news_of_an_attempt_before_a_retry_gives_the_job_a_deadline_again() -> None:
    queued_again = after(
        in_status(Status.IN_DOUBT), Resolved("failed"), Retried(), now=NOW + 60
    ).job
    assert queued_again.deadline_at is None
    for late in (ACCEPTED, TIMEOUT, callback(TaskStatus.IN_PROGRESS, progress=5)):
        going_on = after(queued_again, late, now=NOW + 90).job
        assert going_on.submitted_at == NOW + 90
        assert going_on.deadline_at == NOW + 90 + going_on.options.deadline_s, late
