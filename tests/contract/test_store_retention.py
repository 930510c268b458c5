"""What the store promises of what leaves it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.jobs import NOW, a_job, capacity
from worker.adapters.store import Batch, Filter
from worker.adapters.store.jobs import Change
from worker.adapters.store.store import Store
from worker.domain.errors import StaleVersion
from worker.domain.history import Entry, What
from worker.domain.job import Attempt, Job, Modal, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import Failure, Notification, Outbox, delivered, failed
from worker.domain.result import Result

PICTURE = f"blob:{'a' * 64}.png"
MASK = f"blob:{'b' * 64}.png"
HOOK = Notify(("pipeline.finished",), url="https://app.example/hook")


def commit(store: Store, job: Job, *children: Job, now: float = NOW, **changes: Any) -> Job:
    store.jobs.commit(replace(job, **changes), children, capacity=capacity(9, job.account), now=now)
    stored = store.jobs.get(job.id)
    assert stored is not None
    return stored


def ended(store: Store, status: Status = Status.SUCCEEDED, now: float = NOW, **fields: Any) -> Job:
    return commit(store, commit(store, a_job(**fields)), status=status, now=now)


def forget(store: Store, job: Job, before: float = NOW) -> bool:
    pipeline = store.jobs.pipeline(job.spec.pipeline_id)
    return pipeline is not None and store.jobs.forget(pipeline.jobs, before, NOW)


def test_a_finished_pipeline_is_found_by_its_end_and_its_root_s_status(store: Store) -> None:
    old = ended(store, now=NOW - 10)
    ended(store, now=NOW + 1)
    failure = ended(store, Status.FAILED)
    commit(store, a_job())
    assert store.jobs.finished(Status.SUCCEEDED, NOW, 9) == [old.id]
    assert store.jobs.finished(Status.FAILED, NOW, 9) == [failure.id]
    assert store.jobs.finished(Status.FAILED, NOW - 1, 9) == []


def test_what_is_forgotten_is_nowhere_any_more_and_still_counted(store: Store) -> None:
    tries = (
        Attempt(1, NOW, task_id="t0", account="other", extra=True),
        Attempt(2, NOW, task_id="t1"),
    )
    job = ended(store, task_id="t1", other_task_ids=("t2",), attempts=tries)
    child = a_job(parent_id=job.id, pipeline_id=job.id)
    commit(store, job, child)
    assert store.jobs.finished(Status.SUCCEEDED, NOW, 9) == [], "its child is open"
    [child] = store.jobs.get_many([child.id])
    commit(store, child, status=Status.FAILED)
    assert store.jobs.ended()["succeeded"] == 1
    assert forget(store, job)
    assert store.jobs.get_many([job.id, child.id]) == []
    assert store.jobs.pipeline(job.id) is None
    assert store.jobs.page(Filter(), 9).jobs == ()
    assert store.jobs.page(Filter(double_payments=True), 9).jobs == ()
    assert store.jobs.page(Filter(status=Status.FAILED), 9).jobs == ()
    assert {store.jobs.find_task("default", t) for t in ("t0", "t1", "t2")} == {None}
    assert store.jobs.find_task("other", "t0") is None
    assert store.jobs.finished(Status.SUCCEEDED, NOW, 9) == []
    assert store.jobs.ended() == {"succeeded": 1, "failed": 1, "cancelled": 0, "timed_out": 0}
    assert store.jobs.forgotten_double_payments("default") == 1
    assert not store.jobs.forget((job,), NOW, NOW), "it is gone already"


def test_what_changed_meanwhile_is_kept(store: Store) -> None:
    job = ended(store)
    pipeline = store.jobs.pipeline(job.id)
    assert pipeline is not None
    assert not store.jobs.forget(pipeline.jobs, NOW - 1, NOW), "it ended later"
    again = commit(store, job, status=Status.QUEUED)
    assert not store.jobs.forget(pipeline.jobs, NOW, NOW)
    assert store.jobs.finished(Status.SUCCEEDED, NOW, 9) == []
    job = commit(store, again, status=Status.CANCELLED, draining=True, task_id="t1")
    assert not forget(store, job), "the provider still runs it"
    job = commit(store, job, draining=False)
    pipeline = store.jobs.pipeline(job.id)
    assert pipeline is not None
    commit(store, a_job(parent_id=job.id, pipeline_id=job.id))
    assert not store.jobs.forget(pipeline.jobs, NOW, NOW), "somebody pressed a button"


def test_a_button_of_a_pipeline_that_leaves_is_not_pressed(store: Store) -> None:
    job = ended(store)
    child = a_job(parent_id=job.id, pipeline_id=job.id)
    assert forget(store, job)
    with pytest.raises(StaleVersion):
        store.jobs.commit(child, capacity=capacity(9))
    assert store.jobs.get(child.id) is None
    assert store.jobs.pipeline(job.id) is None


def test_a_batch_leaves_with_the_last_of_its_jobs(store: Store) -> None:
    store.batches.open(Batch("b1", "cats", NOW))
    first, second = ended(store, batch_id="b1"), commit(store, a_job(batch_id="b1"))
    assert forget(store, first)
    batch = store.batches.get("b1")
    assert batch is not None
    assert store.batches.roots("b1", 0, 9) == [second]
    second = commit(store, second, status=Status.FAILED)
    assert forget(store, second)
    assert store.batches.get("b1") is None
    assert store.batches.newest(9) == []


def test_pictures_are_needed_until_the_last_job_that_holds_them_has_left(store: Store) -> None:
    store.blobs.note(PICTURE, NOW)
    first = ended(
        store, request={"image": PICTURE}, then=({"press": "V", "modal": {"mask": MASK}},)
    )
    second = ended(store, request={"images": [PICTURE]})
    assert store.blobs.take_idle(NOW + 99, 9) == []
    assert store.blobs.needed(PICTURE)
    assert forget(store, first)
    assert store.blobs.take_idle(NOW - 1, 9) == [], "not for so long yet"
    assert store.blobs.take_idle(NOW, 9) == [MASK]
    assert store.blobs.take_idle(NOW, 9) == [], "given out once"
    assert not store.blobs.needed(MASK)
    assert forget(store, second)
    assert store.blobs.needed(PICTURE), "until it is given out"
    assert store.blobs.take_idle(NOW, 9) == [PICTURE]


def test_a_picture_that_a_job_no_longer_holds_is_idle(store: Store) -> None:
    job = commit(store, a_job(modal=Modal(mask=MASK)))
    commit(store, job, modal=Modal(mask=PICTURE))
    assert store.blobs.take_idle(NOW, 9) == [MASK]
    store.blobs.note(MASK, NOW + 5)
    assert store.blobs.take_idle(NOW, 9) == []
    assert store.blobs.take_idle(NOW + 5, 9) == [MASK], "handed in, and no job came of it"


def test_notifications_leave_when_they_are_over(store: Store) -> None:
    made = [
        Notification(f"m{n}", "job.failed", "j", str(n), HOOK, NOW, due_at=NOW) for n in range(3)
    ]
    store.jobs.commit(
        a_job(result=Result()), capacity=capacity(9), outbox=Outbox(tuple(made)), now=NOW
    )
    first, second, third = store.outbox.claim(NOW, 9, 60)
    store.outbox.settle(delivered(first, NOW, "200"), NOW)
    store.outbox.settle(failed(second, NOW, Failure("410", final=True)), NOW)
    assert store.outbox.forget(NOW - 1, 9) == 0
    assert store.outbox.forget(NOW, 9) == 2
    assert [one.id for one in store.outbox.page(None, 9).notifications] == [third.id]


def test_a_history_is_kept_as_its_beginning_and_its_end(store: Store) -> None:
    job = commit(store, a_job())
    for number in range(160):
        entry = Entry(NOW + number, What.CALLBACK, progress=number)
        change = Change(job, capacity(9), history=(entry, entry) if number == 0 else (entry,))
        store.jobs.commit_all([change], NOW)
        job = change.stored
    [(entries, left_out)] = store.jobs.histories([job.id])
    assert [entry.progress for entry in entries] == [0, 0, *range(1, 39), *range(100, 160)]
    assert left_out == 61


def test_a_history_goes_with_its_job(store: Store) -> None:
    job = commit(store, a_job())
    entry = Entry(NOW, What.CANCELLED)
    store.jobs.commit_all(
        [Change(replace(job, status=Status.CANCELLED), capacity(9), history=(entry,))], NOW
    )
    assert store.jobs.histories([job.id, "other"]) == [([entry], 0), ([], 0)]
    assert forget(store, job)
    assert store.jobs.histories([job.id]) == [([], 0)]


def test_a_change_that_is_not_written_adds_nothing_to_the_history(store: Store) -> None:
    job = commit(store, a_job())
    commit(store, job)
    [done] = store.jobs.commit_all(
        [Change(job, capacity(9), history=(Entry(NOW, What.CANCELLED),))], NOW
    )
    assert isinstance(done, StaleVersion)
    assert store.jobs.histories([job.id]) == [([], 0)]
