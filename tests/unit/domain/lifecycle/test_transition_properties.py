"""What holds for every job, whatever happens to it and in whatever order."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.jobs import NOW, in_status
from tests.support.stories import THENS, WISHES, events, policies, what_happens
from worker.domain.errors import Conflict
from worker.domain.events import Disposition, Event, Observed, Policy, Retried
from worker.domain.job import Job, Status, Window
from worker.domain.job_spec import Kind
from worker.domain.lifecycle import takes_no_news, transition
from worker.domain.lifecycle.moves import all_task_ids
from worker.domain.result import AssetsStatus

RUNNING = {
    Status.SUBMITTING, Status.SUBMITTED, Status.IN_PROGRESS, Status.IN_DOUBT, Status.OVERDUE,
}  # fmt: skip

jobs = st.builds(
    lambda status, kind, custom_id, then, seed: in_status(
        status, kind=kind, then=then, request={"prompt": "a cat", "custom_id": custom_id}, seed=seed
    ),
    st.sampled_from(Status),
    st.sampled_from([Kind.IMAGINE, Kind.ACTION, Kind.UPLOAD]),
    st.sampled_from(["MJ::CustomZoom::4f2c", "MJ::JOB::pan_left::1::4f2c::SOLO"]),
    st.sampled_from(THENS),
    st.booleans(),
)
#: Each event comes some seconds after the one before.
lives = st.lists(
    st.tuples(events, st.sampled_from([0.0, 1.0, 300.0, 4000.0])), min_size=3, max_size=12
)


def check(before: Job, event: Event, now: float, policy: Policy) -> Job:
    """Live through ``event`` and hold the job against every rule."""
    try:
        decision = transition(before, event, now, policy)
    except Conflict:
        assert isinstance(event, WISHES), "what a provider sends never raises"
        return before
    job = decision.job
    if isinstance(event, Observed) and takes_no_news(before, now, policy):
        assert decision.disposition is not Disposition.APPLIED, "its callbacks are not read"
    if decision.disposition is not Disposition.APPLIED:
        assert job == before
        assert decision.children == ()
        return job
    assert job != before, "what changes nothing is not applied"
    check_form(job)
    check_step(before, event, job)
    newly = job.status is Status.SUCCEEDED and before.status is not Status.SUCCEEDED
    assert bool(decision.children) <= newly, "children come with success only"
    if newly:
        assert len(decision.children) >= len(job.spec.then), "and every step has its own"
        ids = [child.id for child in decision.children]
        assert len(ids) == len(set(ids))
    return job


def check_form(job: Job) -> None:
    """What is true of a job at any time."""
    running = (job.status in RUNNING and not job.held) or job.draining
    assert job.holds_slot == (running and not job.place_freed)
    watched = job.status in (Status.IN_DOUBT, Status.OVERDUE) or job.draining
    assert job.held <= job.place_freed <= watched
    assert job.held <= (job.status is Status.IN_DOUBT)
    assert (job.doubt_until is not None) == (job.status is Status.IN_DOUBT or job.draining)
    assert (job.due_at is None) == (
        job.ready
        or (
            job.status.terminal
            and not job.draining
            and job.result.assets_status is not AssetsStatus.PENDING
            and not job.seed_pending
        )
    ), "every job that is not over is ready or has a time when someone must look at it"
    assert job.draining <= (job.status is Status.CANCELLED)
    assert (job.finished_at is not None) == job.status.terminal
    assert (job.progress == 100) >= (job.status is Status.SUCCEEDED)
    assert not (job.status.terminal and job.window is Window.OPEN)
    assert (job.status in RUNNING) <= (job.deadline_at is not None)
    numbers = [attempt.number for attempt in job.attempts]
    assert numbers == list(range(1, len(numbers) + 1))


def check_step(before: Job, event: Event, job: Job) -> None:
    """What is true from one moment to the next."""
    if isinstance(event, Retried):
        assert job.status is Status.QUEUED
        return
    if before.status.terminal:
        kept = replace(
            job,
            draining=before.draining,
            place_freed=before.place_freed,
            due_at=before.due_at,
            result=before.result,
            task_id=before.task_id,
            other_task_ids=before.other_task_ids,
            attempts=before.attempts,
            missing_since=before.missing_since,
            doubt_until=before.doubt_until,
        )
        assert kept == before, (
            "terminal absorbs all but its files, its task, its slot and what was paid"
        )
    assert (job.progress or 0) >= (before.progress or 0), "progress only grows"
    former = zip(before.attempts[:-1], job.attempts, strict=False)
    assert all(was == now or was.given_up for was, now in former), "the past stands"
    # A provider may answer a second attempt with the task of the first, which is followed again.
    assert {*all_task_ids(before)} <= {*all_task_ids(job)}, "no task is forgotten"


@settings(max_examples=300)
@given(jobs, lives, policies)
def test_no_life_of_a_job_breaks_a_rule(
    job: Job, life: list[tuple[Event, float]], policy: Policy
) -> None:
    now = NOW
    for event, pause in life:
        now += pause
        job = check(job, event, now, policy)


@given(jobs, st.lists(what_happens, max_size=20), policies)
def test_what_happens_twice_counts_once(job: Job, happenings: list[Event], policy: Policy) -> None:
    """A callback or a reply may be told twice in a row, and changes at most when to look again."""
    for event in happenings:
        once = check(job, event, NOW, policy)
        twice = check(once, event, NOW, policy)
        assert (twice.status, twice.task_id) == (once.status, once.task_id)
        job = once


@given(jobs, lives, policies)
def test_a_job_has_its_children_once(
    job: Job, life: list[tuple[Event, float]], policy: Policy
) -> None:
    now, made = NOW, int(job.status is Status.SUCCEEDED and bool(job.spec.then))
    for event, pause in life:
        now += pause
        try:
            decision = transition(job, event, now, policy)
        except Conflict:
            continue
        made += bool(decision.children)
        job = decision.job
    assert made <= 1
    assert made == bool(job.status is Status.SUCCEEDED and job.spec.then)
