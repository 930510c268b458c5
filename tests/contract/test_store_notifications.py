"""What the store promises of notifications, and of the ends that they tell of."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.jobs import NOW, a_job, capacity
from worker.adapters.store import Batch
from worker.adapters.store.store import Store
from worker.domain.errors import InvalidRequest
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import (
    DeliveryState,
    Failure,
    Notification,
    Outbox,
    Topic,
    announce,
    delivered,
    failed,
    replayed,
)
from worker.domain.result import AssetsStatus, Result

HOOK = Notify(tuple(topic.value for topic in Topic), url="https://app.example/hook")


def commit(store: Store, job: Job, *children: Job, now: float = NOW, **changes: Any) -> Job:
    """What the orchestrator does: the change, and what is to be told of it."""
    changed, outbox = announce(job, replace(job, **changes), HOOK, now)
    store.jobs.commit(changed, children, capacity=capacity(9, job.account), outbox=outbox, now=now)
    stored = store.jobs.get(job.id)
    assert stored is not None
    return stored


def waiting(store: Store, now: float = NOW) -> list[str]:
    """What is told of by ``now``, if every receiver takes everything at once."""
    told = []
    while due := store.outbox.claim(now, 10, 60):
        for one in due:
            told.append(f"{one.topic} {one.subject}")
            assert store.outbox.settle(delivered(one, now, "200"), now)
    return told


def a_notification(number: int = 1, ordering_key: str = "a", **fields: Any) -> Notification:
    made = Notification(f"msg_{number}", "job.failed", "j", ordering_key, HOOK, NOW, due_at=NOW)
    return replace(made, **fields)


def tell(store: Store, *notifications: Notification) -> None:
    store.jobs.commit(a_job(), capacity=capacity(9), outbox=Outbox(notifications), now=NOW)


def test_the_end_of_a_single_job_is_the_end_of_its_pipeline(store: Store) -> None:
    job = commit(store, a_job())
    assert waiting(store) == []
    commit(store, job, status=Status.FAILED)
    assert waiting(store) == [f"job.failed {job.id}", f"pipeline.finished {job.id}"]


def test_a_pipeline_ends_with_its_last_job(store: Store) -> None:
    root = commit(store, a_job())
    children = [a_job(parent_id=root.id, pipeline_id=root.id) for _ in range(2)]
    root = commit(store, root, *children, status=Status.SUCCEEDED)
    assert waiting(store) == [f"job.succeeded {root.id}"]
    first, second = store.jobs.get_many([child.id for child in children])
    commit(store, first, status=Status.SUCCEEDED)
    assert waiting(store) == [f"job.succeeded {first.id}"]
    commit(store, second, status=Status.TIMED_OUT)
    assert waiting(store) == [f"job.failed {second.id}", f"pipeline.finished {root.id}"]


def test_a_pipeline_ends_when_its_files_are_stored(store: Store) -> None:
    pending = Result(assets_status=AssetsStatus.PENDING)
    job = commit(store, commit(store, a_job()), status=Status.SUCCEEDED, result=pending)
    assert waiting(store) == [f"job.succeeded {job.id}"]
    commit(store, job, result=Result(assets_status=AssetsStatus.STORED))
    assert waiting(store) == [f"pipeline.finished {job.id}"]


def test_a_pipeline_that_is_opened_again_ends_again(store: Store) -> None:
    job = commit(store, commit(store, a_job()), status=Status.FAILED)
    waiting(store)
    again = commit(store, job, status=Status.QUEUED)
    assert waiting(store) == []
    job = commit(store, again, status=Status.SUCCEEDED)
    assert waiting(store) == [f"job.succeeded {job.id}", f"pipeline.finished {job.id}"]
    by_hand = commit(store, a_job(parent_id=job.id, pipeline_id=job.id))
    commit(store, by_hand, status=Status.SUCCEEDED)
    assert waiting(store) == [f"job.succeeded {by_hand.id}", f"pipeline.finished {job.id}"]
    by_hand = commit(store, a_job(parent_id=job.id, pipeline_id=job.id))
    assert store.jobs.pipeline(job.id)
    commit(store, by_hand, status=Status.FAILED)
    assert waiting(store) == [f"job.failed {by_hand.id}", f"pipeline.finished {job.id}"]


def test_a_child_that_cannot_start_leaves_the_pipeline_to_the_others(store: Store) -> None:
    root = commit(store, a_job())
    dead = a_job(parent_id=root.id, pipeline_id=root.id, status=Status.FAILED)
    pending = Result(assets_status=AssetsStatus.PENDING)
    root = commit(store, root, dead, status=Status.SUCCEEDED, result=pending)
    assert waiting(store) == [f"job.succeeded {root.id}"]
    commit(store, root, result=Result(assets_status=AssetsStatus.STORED))
    assert waiting(store) == [f"pipeline.finished {root.id}"]


def test_a_child_made_as_its_parent_ends_keeps_the_pipeline_open(store: Store) -> None:
    root = commit(store, a_job())
    child = a_job(parent_id=root.id, pipeline_id=root.id)
    commit(store, root, child, status=Status.SUCCEEDED)
    waiting(store)
    [child] = store.jobs.get_many([child.id])
    grandchild = a_job(parent_id=child.id, pipeline_id=root.id)
    commit(store, child, grandchild, status=Status.SUCCEEDED)
    assert waiting(store) == [f"job.succeeded {child.id}"]
    [grandchild] = store.jobs.get_many([grandchild.id])
    commit(store, grandchild, status=Status.SUCCEEDED)
    assert f"pipeline.finished {root.id}" in waiting(store)


def test_a_batch_ends_when_its_file_is_in_and_all_its_jobs_are_over(store: Store) -> None:
    target = Notify(("batch.finished",), celery_task="app.done")
    batch = store.batches.open(Batch("b1", "cats", NOW, notify=target))
    assert batch.notify == target
    first = commit(store, a_job(batch_id="b1"))
    commit(store, first, status=Status.FAILED)
    told = [f"job.failed {first.id}", f"pipeline.finished {first.id}"]
    assert waiting(store) == told, "more rows may follow"
    second = commit(store, a_job(batch_id="b1"))
    store.batches.close("b1", NOW)
    assert waiting(store) == []
    second = commit(store, second, status=Status.SUCCEEDED, now=NOW + 0.123_456)
    assert "batch.finished b1" in waiting(store, NOW + 1)
    told_of = store.outbox.get("msg_b1-1")
    assert told_of is not None
    assert told_of.target == target
    assert told_of in store.outbox.page(None, 10).notifications
    again = commit(store, second, status=Status.QUEUED)
    commit(store, again, status=Status.SUCCEEDED)
    assert "batch.finished b1" in waiting(store, NOW + 1)


def test_a_batch_whose_jobs_ended_before_its_file_did_ends_with_the_file(store: Store) -> None:
    store.batches.open(Batch("b1", "cats", NOW, notify=HOOK))
    job = commit(store, a_job(batch_id="b1"))
    commit(store, job, status=Status.FAILED)
    waiting(store)
    store.batches.close("b1", NOW)
    assert waiting(store) == ["batch.finished b1"]


def test_one_key_is_told_in_order_and_keys_do_not_wait_for_each_other(store: Store) -> None:
    tell(store, a_notification(1), a_notification(2), a_notification(3, ordering_key="b"))
    due = store.outbox.claim(NOW, 10, 60)
    assert [one.id for one in due] == ["msg_1", "msg_3"]
    assert store.outbox.claim(NOW, 10, 60) == [], "claimed"
    assert store.outbox.claim(NOW + 60, 10, 60) == due, "the claim ended"
    again = failed(due[0], NOW, Failure("500"))
    assert store.outbox.settle(again, NOW)
    assert store.outbox.claim(NOW + 4, 10, 60) == []
    [retried] = store.outbox.claim(NOW + 5, 10, 60)
    assert retried == replace(again, version=2)
    assert store.outbox.settle(failed(retried, NOW + 5, Failure("410", final=True)), NOW + 5)
    assert [one.id for one in store.outbox.claim(NOW + 5, 10, 60)] == ["msg_2"]


def test_two_that_tried_at_once_write_down_one_of_their_ends(store: Store) -> None:
    tell(store, a_notification())
    [one] = store.outbox.claim(NOW, 10, 60)
    assert store.outbox.settle(delivered(one, NOW, "200"), NOW)
    assert not store.outbox.settle(failed(one, NOW, Failure("500")), NOW)
    found = store.outbox.get(one.id)
    assert found is not None
    assert found.state is DeliveryState.DELIVERED
    assert store.outbox.get("nobody") is None
    assert not store.outbox.settle(a_notification(9), NOW)


def test_what_is_replayed_goes_behind_the_others_of_its_key(store: Store) -> None:
    tell(store, a_notification(1), a_notification(2))
    [one] = store.outbox.claim(NOW, 10, 60)
    store.outbox.settle(failed(one, NOW, Failure("410", final=True)), NOW)
    [dead] = store.outbox.page(DeliveryState.DEAD, 10).notifications
    assert store.outbox.settle(replayed(dead, NOW + 1), NOW + 1)
    assert waiting(store, NOW + 1) == ["job.failed j", "job.failed j"]
    assert store.outbox.page(DeliveryState.DEAD, 10).notifications == ()
    assert len(store.outbox.page(DeliveryState.DELIVERED, 10).notifications) == 2


def test_notifications_are_listed_page_by_page_newest_first(store: Store) -> None:
    for number in range(5):
        tell(store, a_notification(number, ordering_key=f"{number}", created_at=NOW))
    first = store.outbox.page(None, 2)
    assert [one.id for one in first.notifications] == ["msg_4", "msg_3"]
    second = store.outbox.page(DeliveryState.WAITING, 2, first.cursor)
    assert [one.id for one in second.notifications] == ["msg_2", "msg_1"]
    last = store.outbox.page(None, 2, second.cursor)
    assert [one.id for one in last.notifications] == ["msg_0"]
    assert last.cursor is None
    with pytest.raises(InvalidRequest):
        store.outbox.page(None, 2, "nonsense")
