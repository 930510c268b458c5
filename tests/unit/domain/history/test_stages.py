"""The stages of a job, which pages draw and traces export."""

from tests.support.jobs import NOW, a_job
from worker.domain.history import Moments, StageName, stages
from worker.domain.job import Attempt, Job, Status
from worker.domain.result import AssetsStatus, Result

ATTEMPT = Attempt(1, NOW + 1, posted_at=NOW + 2, task_id="t1")


def ended() -> Job:
    return a_job(
        status=Status.SUCCEEDED, attempts=(ATTEMPT,), submitted_at=NOW + 3, finished_at=NOW + 9
    )


def seconds(job: Job, moments: Moments) -> list[tuple[str, float, float | None]]:
    return [
        (each.name.value, each.start - NOW, None if each.end is None else each.end - NOW)
        for each in stages(job, moments)
    ]


def at(**times: float) -> Moments:
    return Moments(created=NOW, **{name: NOW + time for name, time in times.items()})


WHOLE = {"taken": 1, "posted": 2, "accepted": 3, "ended_there": 7, "ended": 9}


def test_each_stage_begins_where_the_one_before_ended() -> None:
    assert seconds(ended(), at(**WHOLE, files=12, notified=13)) == [
        ("waited", 0, 2),
        ("submit", 2, 3),
        ("provider", 3, 7),
        ("callback", 7, 9),
        ("files", 9, 12),
        ("told", 12, 13),
    ]


def test_what_lasts_has_no_end() -> None:
    assert seconds(a_job(), at()) == [("waited", 0, None)]
    assert seconds(a_job(status=Status.SUBMITTING), at(taken=1)) == [
        ("waited", 0, 1),
        ("submit", 1, None),
    ]
    pending = a_job(status=Status.SUCCEEDED, result=Result(assets_status=AssetsStatus.PENDING))
    assert seconds(pending, at(**WHOLE))[-1] == ("files", 9, None)


def test_the_clock_of_a_provider_may_be_wrong() -> None:
    ahead, behind = WHOLE | {"ended_there": 99}, WHOLE | {"ended_there": -99}
    assert seconds(ended(), at(**ahead))[2:] == [("provider", 3, 9)]
    assert seconds(ended(), at(**behind))[2:] == [("provider", 3, 3), ("callback", 3, 9)]


def test_a_job_that_is_back_in_the_queue_only_waits() -> None:
    assert seconds(a_job(attempts=(ATTEMPT,)), at(taken=1, posted=2)) == [("waited", 0, None)]


def test_a_job_that_never_started_waited_until_its_end() -> None:
    cancelled = a_job(status=Status.CANCELLED, finished_at=NOW + 4)
    assert seconds(cancelled, at(ended=4)) == [("waited", 0, 4)]


def test_a_refused_one_had_no_time_at_the_provider() -> None:
    refused = a_job(status=Status.FAILED, finished_at=NOW + 4)
    assert seconds(refused, at(taken=1, posted=2, ended=4)) == [
        ("waited", 0, 2),
        ("submit", 2, 4),
    ]


def test_what_another_job_started_follows_up() -> None:
    [wait] = stages(a_job(parent_id="p" * 32), at())
    assert wait.name is StageName.FOLLOW_UP
