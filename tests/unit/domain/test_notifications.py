"""When a caller is told, of what, and what follows a failure."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.jobs import NOW, a_job
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import (
    NOTHING,
    RETRY_AFTER_S,
    DeliveryState,
    Failure,
    Notification,
    Topic,
    announce,
    delivered,
    failed,
    replayed,
)
from worker.domain.result import AssetsStatus, Result

ALL = Notify(tuple(topic.value for topic in Topic), url="https://app.example/hook")
PENDING, STORED = (Result(assets_status=s) for s in (AssetsStatus.PENDING, AssetsStatus.STORED))


def changed(target: Notify | None = ALL, now: float = NOW, **what: Any) -> tuple[Job, list[str]]:
    """The job after a change, and what is told of it; ``was_*`` is how it was before."""
    before = a_job(**{k.removeprefix("was_"): v for k, v in what.items() if k.startswith("was_")})
    after = replace(before, **{k: v for k, v in what.items() if not k.startswith("was_")})
    job, outbox = announce(before, after, target, now)
    finished = [outbox.finished] if outbox.finished else []
    return job, [one.topic for one in (*outbox.told, *finished)]


@pytest.mark.parametrize(
    ("change", "topics"),
    [
        ({"status": Status.SUBMITTED}, []),
        ({"status": Status.IN_PROGRESS, "progress": 10}, ["job.progress"]),
        ({"was_progress": 10, "progress": 10}, []),
        ({"was_progress": 10, "progress": 20}, ["job.progress"]),
        ({"status": Status.SUCCEEDED, "progress": 100}, ["job.succeeded", "pipeline.finished"]),
        ({"status": Status.SUCCEEDED, "result": PENDING}, ["job.succeeded"]),
        (
            {"was_status": Status.SUCCEEDED, "was_result": PENDING, "result": STORED},
            ["pipeline.finished"],
        ),
        ({"status": Status.FAILED}, ["job.failed", "pipeline.finished"]),
        ({"status": Status.CANCELLED}, ["job.failed", "pipeline.finished"]),
        ({"status": Status.TIMED_OUT}, ["job.failed", "pipeline.finished"]),
        ({"was_status": Status.FAILED, "status": Status.QUEUED}, []),
    ],
)
def test_what_is_told_of_a_change(change: dict[str, Any], topics: list[str]) -> None:
    assert changed(**change)[1] == topics


def test_only_what_was_asked_for_is_told_and_nothing_where_nobody_asked() -> None:
    ends = Notify(("pipeline.finished",), celery_task="t")
    assert changed(ends, status=Status.FAILED)[1] == ["pipeline.finished"]
    assert changed(Notify(("job.succeeded",), celery_task="t"), status=Status.FAILED)[1] == []
    before = a_job()
    assert announce(before, replace(before, status=Status.FAILED), None, NOW)[1] == NOTHING


def test_progress_is_told_once_a_second_at_most() -> None:
    job, topics = changed(was_told_at=NOW - 0.5, progress=20)
    assert topics == []
    assert job.told_at == NOW - 0.5
    job, topics = changed(was_told_at=NOW - 1, progress=20)
    assert topics == ["job.progress"]
    assert job.told_at == NOW


def test_the_same_decision_made_twice_is_told_under_the_same_id() -> None:
    before = a_job()
    after = replace(before, status=Status.FAILED)
    first, again = (announce(before, after, ALL, NOW + later)[1] for later in (0, 60))
    assert [one.id for one in first.told] == [one.id for one in again.told]
    later = replace(before, version=7)
    other = announce(later, replace(later, status=Status.FAILED), ALL, NOW)[1]
    assert {one.id for one in first.told}.isdisjoint(one.id for one in other.told)


def one(topic: Topic = Topic.JOB_FAILED) -> Notification:
    return Notification("msg_1", topic.value, "j", "p", ALL, NOW, due_at=NOW)


def test_a_failure_is_tried_again_as_svix_does_and_then_given_up() -> None:
    tried, waits = one(), []
    while tried.state is DeliveryState.WAITING:
        tried = failed(tried, NOW, Failure("500"))
        waits.append(tried.due_at and tried.due_at - NOW)
    assert waits == [*RETRY_AFTER_S, None]
    assert sum(RETRY_AFTER_S) / 3600 == pytest.approx(27.6, abs=0.1)
    assert (tried.state, tried.failures, len(tried.tries)) == (DeliveryState.DEAD, 8, 8)


def test_who_wants_no_more_and_old_news_are_given_up_at_once() -> None:
    gone = failed(one(), NOW, Failure("410", final=True))
    assert (gone.state, gone.due_at) == (DeliveryState.DEAD, None)
    assert failed(one(Topic.JOB_PROGRESS), NOW, Failure("500")).state is DeliveryState.DEAD


def test_a_replay_begins_anew_and_remembers_what_was() -> None:
    dead = failed(one(), NOW, Failure("410", final=True))
    again = replayed(dead, NOW + 9)
    assert (again.state, again.failures, again.due_at) == (DeliveryState.WAITING, 0, NOW + 9)
    assert again.tries == dead.tries
    assert again.id == dead.id
    done = delivered(again, NOW + 10, "204")
    assert (done.state, done.due_at) == (DeliveryState.DELIVERED, None)
    assert [each.outcome for each in done.tries] == ["410", "204"]


def test_only_the_last_tries_are_kept() -> None:
    tried = one()
    for number in range(40):
        tried = replayed(failed(tried, NOW, Failure(f"{number}", final=True)), NOW)
    assert [each.outcome for each in tried.tries] == [f"{number}" for number in range(26, 40)]
