from dataclasses import replace

from tests.support.jobs import NOW, a_job, in_status
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.events import (
    AssetsSettled,
    Event,
    Missing,
    Observed,
    Policy,
    Posting,
    Replied,
    Resolved,
    Retried,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Status
from worker.domain.lifecycle import transition
from worker.domain.metrics import Counts, counts_of
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus, Verdict
from worker.domain.result import AssetsStatus, Result

DONE = Result(image_url="https://cdn.example/a.png", buttons=())
ACCEPTED = Replied(1, Verdict(Outcome.ACCEPTED, task_id="t1"))


def after(job: Job, event: Event, now: float = NOW) -> tuple[Job, Counts]:
    decision = replace(transition(job, event, now, Policy()), event=event)
    return decision.job, counts_of(job, decision, now)


def sent() -> Job:
    return after(after(a_job(), Started("default"))[0], Posting(1))[0]


class TestTheWayOfAJob:
    def test_taking_it_measures_its_wait(self) -> None:
        _, counts = after(a_job(), Started("default"), NOW + 3)
        assert counts == {"queue_wait_seconds|default|4": 1, "queue_wait_seconds|default|sum": 3000}

    def test_a_reply_is_counted_with_its_verdict_its_time_and_what_was_paid(self) -> None:
        _, counts = after(sent(), ACCEPTED, NOW + 1)
        assert counts == {
            "submits|default|accepted": 1,
            "submit_seconds|default|2": 1,
            "submit_seconds|default|sum": 1000,
            "tasks_accepted|default|imagine": 1,
        }

    def test_what_went_wrong_before_the_post_is_no_submit(self) -> None:
        error = job_error(ErrorCode.UNREACHABLE, "no picture")
        taken, _ = after(a_job(), Started("default"))
        _, counts = after(taken, Replied(1, Verdict(Outcome.TRY_LATER, error=error)))
        assert counts == {"retries|default|unreachable": 1}

    def test_progress_is_one_callback(self) -> None:
        job, _ = after(sent(), ACCEPTED)
        half = Snapshot("t1", TaskStatus.IN_PROGRESS, progress=50)
        assert after(job, Observed(half, 1), NOW + 2)[1] == {"callbacks|default|applied": 1}
        assert after(job, Observed(half, asked=True), NOW + 2)[1] == {"polls|default|applied": 1}

    def test_an_end_by_callback(self) -> None:
        job, _ = after(sent(), ACCEPTED)
        job = replace(job, spec=replace(job.spec, then=({"press": "U1"},)))
        done = Snapshot("t1", TaskStatus.SUCCEEDED, result=DONE, ended_at=NOW + 8)
        _, counts = after(job, Observed(done, 1), NOW + 9)
        assert counts == {
            "callbacks|default|applied": 1,
            "callback_lag_seconds|default|2": 1,
            "callback_lag_seconds|default|sum": 1000,
            "jobs_ended|default|imagine|succeeded|": 1,
            "ends|default|callback": 1,
            "task_seconds|imagine||5": 1,
            "task_seconds|imagine||sum": 8000,
            "followups|action": 1,
        }

    def test_a_providers_clock_that_is_wrong_is_not_believed(self) -> None:
        job, _ = after(sent(), ACCEPTED)
        done = Snapshot("t1", TaskStatus.SUCCEEDED, result=DONE, ended_at=NOW - 500)
        _, counts = after(job, Observed(done, asked=True), NOW + 9)
        assert counts["task_seconds|imagine||sum"] == 9000

    def test_a_late_success(self) -> None:
        job = in_status(Status.OVERDUE)
        done = Snapshot(job.task_id, TaskStatus.SUCCEEDED, result=DONE)
        _, counts = after(job, Observed(done, 1), NOW + 9000)
        assert counts["ends|default|late"] == 1

    def test_a_failure_with_its_code_and_only_with_one_of_ours(self) -> None:
        job, _ = after(sent(), ACCEPTED)
        for code, label in ((ErrorCode.MODERATED, "moderated"), ("strange", "other")):
            error = replace(job_error(ErrorCode.FAILED, "no"), code=code)
            failed = Snapshot("t1", TaskStatus.FAILED, error=error)
            _, counts = after(job, Observed(failed, 1), NOW + 9)
            assert counts[f"jobs_ended|default|imagine|failed|{label}"] == 1


class TestDoubts:
    def test_begin_and_end(self) -> None:
        doubted = Verdict(Outcome.IN_DOUBT, error=job_error(ErrorCode.IN_DOUBT, "cut off"))
        job, counts = after(sent(), Replied(1, doubted))
        assert counts["doubts|default"] == 1
        for event, way in (
            (Observed(Snapshot("t1", TaskStatus.IN_PROGRESS), 1), "callback"),
            (Observed(Snapshot("t1", TaskStatus.IN_PROGRESS), 1, asked=True), "poll"),
            (Resolved("failed"), "person"),
        ):
            assert after(job, event, NOW + 5)[1][f"doubts_settled|default|{way}"] == 1

    def test_a_resubmission_is_a_return_to_the_queue(self) -> None:
        job = in_status(Status.IN_DOUBT)
        assert after(job, Resolved("resubmit"))[1]["retries|default|in_doubt"] == 1


def test_a_worker_that_died_before_its_post_left() -> None:
    job = replace(in_status(Status.SUBMITTING), posting=False, due_at=NOW)
    assert after(job, TimePassed(), NOW + 1)[1] == {"retries|default|worker_lost": 1}


def test_a_retry_by_hand() -> None:
    assert after(in_status(Status.FAILED), Retried())[1] == {"retries|default|by_hand": 1}


def test_a_task_that_the_provider_does_not_know() -> None:
    job = in_status(Status.IN_PROGRESS)
    assert after(job, Missing())[1] == {"polls|default|missing": 1}


def test_files() -> None:
    job = in_status(Status.SUCCEEDED)
    job = replace(job, result=replace(DONE, assets_status=AssetsStatus.PENDING))
    stored = AssetsSettled(("a.png", "b.png"), AssetsStatus.STORED)
    assert after(job, stored)[1] == {"files_stored": 2}
    given_up = AssetsSettled((), AssetsStatus.FAILED, error=job_error(ErrorCode.LINK_DEAD, "gone"))
    assert after(job, given_up)[1] == {"files_given_up|link_dead": 1}
