"""When what happened to the jobs of a pipeline, as bars."""

from tests.support.jobs import NOW, a_job
from webhooks.pages import spans
from webhooks.pages.spans import Bar
from worker.domain.history import history_of
from worker.domain.job import Attempt, Job, Status


def job(start: float, posted: float, submitted: float, end: float) -> Job:
    """All four are seconds after ``NOW``."""
    attempt = Attempt(1, NOW + posted, posted_at=NOW + posted, task_id="t1")
    return a_job(
        created_at=NOW + start,
        attempts=(attempt,),
        submitted_at=NOW + submitted,
        finished_at=NOW + end,
        status=Status.FAILED,
    )


def bars(jobs: list[Job], now: float) -> tuple[Bar, ...]:
    return spans.bars(jobs, {job.id: history_of(job, ()) for job in jobs}, now)


def test_a_bar_has_what_the_record_has() -> None:
    [bar] = bars([job(0, 4, 5, 10)], NOW + 99)
    assert [(s.what, s.start, s.length) for s in bar.spans] == [
        ("waited", 0, 400),
        ("submit", 400, 100),
        ("provider", 500, 500),
    ]
    assert bar.total_s == 10


def test_a_job_that_waits_is_drawn_to_this_moment() -> None:
    [bar] = bars([a_job()], NOW + 8)
    assert [(s.what, s.length, s.seconds) for s in bar.spans] == [("waited", 1000, 8)]


def test_hours_between_two_presses_take_no_room() -> None:
    first, second = bars([job(0, 0, 0, 10), job(5000, 5000, 5000, 5010)], NOW + 9999)
    assert first.spans[-1].start == 0
    assert second.spans[-1].start == first.spans[-1].length + 12
    assert second.spans[-1].start + second.spans[-1].length == 1000
