"""What the store promises of jobs."""

from dataclasses import replace

import pytest

from tests.support import starting
from tests.support.jobs import NOW, a_job, capacity, changed, sample
from tests.support.stores import OwnStore
from worker.adapters.store import Filter, Load, NoFreeSlot
from worker.adapters.store.store import Store
from worker.domain.account.callback_stats import (
    CallbackStats,
    Source,
    TrackingMode,
    tracking_mode,
)
from worker.domain.account.calls import Calls
from worker.domain.account.parent_lag import ParentLag
from worker.domain.account.task_list import Accepted, History
from worker.domain.errors import StaleVersion
from worker.domain.job import Attempt, AttemptOutcome, Job, Status


def put(store: Store, *jobs: Job, max_running: int = 3) -> list[Job]:
    """Commit each job and give it back as stored."""
    for job in jobs:
        store.jobs.commit(job, capacity=capacity(max_running, job.account))
    return [loaded(store, job.id) for job in jobs]


def loaded(store: Store, job_id: str) -> Job:
    job = store.jobs.get(job_id)
    assert job is not None
    return job


def start(store: Store, job: Job, max_running: int = 3) -> Job:
    return put(
        store, replace(job, status=Status.SUBMITTING, due_at=NOW + 9), max_running=max_running
    )[0]


def in_doubt(job: Job) -> Job:
    return replace(job, status=Status.IN_DOUBT, doubt_until=NOW, due_at=NOW + 9)


def finish(store: Store, job: Job) -> int:
    ended = replace(job, status=Status.SUCCEEDED, due_at=None, task_id="t1")
    return store.jobs.commit(ended, capacity=capacity(3)).own


def next_ready(store: Store, slots: int) -> Job | None:
    return starting.next_ready(store, capacity(slots), NOW)


def startable(store: Store, slots: int) -> int:
    return store.queue.load("default").startable(capacity(slots))


def test_a_job_comes_back_as_it_was_written(store: Store) -> None:
    job = a_job(then=({"press": "U1"},), metadata={"order": 7}, priority=8)
    assert store.jobs.commit(job, capacity=capacity(3)).own == 1
    assert loaded(store, job.id) == replace(job, version=1)
    assert store.jobs.get("nobody") is None
    assert store.jobs.get_many(["nobody", job.id]) == [replace(job, version=1)]


def test_a_commit_from_an_old_version_writes_nothing(store: Store) -> None:
    job = a_job()
    [stored] = put(store, job)
    put(store, replace(stored, progress=50))
    with pytest.raises(StaleVersion):
        store.jobs.commit(replace(stored, progress=10), (a_job(),), capacity=capacity(3))
    with pytest.raises(StaleVersion):
        store.jobs.commit(job, capacity=capacity(3))  # a job is not created twice either
    assert loaded(store, job.id).progress == 50
    assert len(store.jobs.page(Filter(), 10).jobs) == 1


def test_children_are_written_with_their_parent_and_never_twice(store: Store) -> None:
    [parent] = put(store, a_job())
    child = a_job(parent_id=parent.id, pipeline_id=parent.id)
    running = start(store, parent)
    assert (
        store.jobs.commit(
            replace(running, status=Status.SUCCEEDED), (child,), capacity=capacity(3)
        ).own
        == 1
    )
    put(store, replace(loaded(store, child.id), progress=5))
    again = replace(loaded(store, parent.id), progress=100)
    assert store.jobs.commit(again, (child,), capacity=capacity(3)).own == 0
    assert loaded(store, child.id).progress == 5
    pipeline = store.jobs.pipeline(parent.id)
    assert pipeline is not None
    assert pipeline.counts == {"succeeded": 1, "queued": 1}
    assert [job.id for job in pipeline.jobs] == [parent.id, child.id]
    assert store.jobs.pipeline("nobody") is None


def test_no_more_jobs_start_than_there_are_slots(store: Store) -> None:
    jobs = put(store, *(a_job() for _ in range(3)), max_running=2)
    assert startable(store, 2) == 2
    first, second = start(store, jobs[0], 2), start(store, jobs[1], 2)
    assert next_ready(store, 2) is None
    with pytest.raises(NoFreeSlot):
        start(store, jobs[2], 2)
    assert loaded(store, jobs[2].id).status is Status.QUEUED
    start(store, replace(first, progress=1), 2)  # who holds a slot keeps it
    assert finish(store, second) == 1
    assert next_ready(store, 2) == loaded(store, jobs[2].id)
    start(store, jobs[2], 2)


def test_evidence_that_a_job_runs_takes_a_slot_even_above_the_limit(store: Store) -> None:
    first, second = put(store, a_job(), a_job(), max_running=1)
    start(store, first, 1)
    put(store, replace(second, status=Status.IN_PROGRESS, due_at=NOW), max_running=1)
    assert startable(store, 1) == 0


def test_the_ready_queue_is_ordered_by_priority_then_follow_ups_then_age(store: Store) -> None:
    old, young = a_job(created_at=NOW - 50), a_job(created_at=NOW)
    urgent, child = a_job(priority=9), a_job(parent_id="p", created_at=NOW + 5)
    window = a_job(parent_id="p", task_id="t9", created_at=NOW + 9)
    put(store, young, old, urgent, child, window)
    order = []
    while job := next_ready(store, 9):
        order.append(job.id)
        start(store, job, 9)
    assert order == [urgent.id, window.id, child.id, old.id, young.id]


def test_equal_prompts_never_run_at_once(store: Store) -> None:
    twins = [a_job(request={"prompt": p}) for p in ("A  Cat", "a cat", "a cat ")]
    assert [store.jobs.commit(twin, capacity=capacity(3)).own for twin in twins] == [1, 0, 0]
    first = start(store, loaded(store, twins[0].id))
    assert next_ready(store, 3) is None
    put(store, replace(loaded(store, twins[1].id), status=Status.CANCELLED))  # gives up waiting
    assert finish(store, first) == 1
    heir = next_ready(store, 3)
    assert heir == loaded(store, twins[2].id)
    other_account = a_job(request={"prompt": "a cat"}, account="other")
    assert store.jobs.commit(other_account, capacity=capacity(3, "other")).own == 1


def test_a_cancelled_job_that_still_runs_keeps_its_slot_and_its_prompt(store: Store) -> None:
    first, twin = put(store, a_job(request={"prompt": "x"}), a_job(request={"prompt": "x"}))
    running = start(store, first)
    [draining] = put(store, replace(running, status=Status.CANCELLED, draining=True, due_at=NOW))
    assert next_ready(store, 3) is None
    store.jobs.commit(replace(draining, draining=False, due_at=None), capacity=capacity(3))
    heir = next_ready(store, 3)
    assert heir == loaded(store, twin.id)


def test_a_job_is_due_once_for_everybody(store: Store) -> None:
    late, later, future = (a_job(due_at=NOW + s) for s in (-9.5, -5.25, 5.0))
    put(store, future, later, late)
    assert [j.id for j in store.jobs.claim_due(NOW, 1, 30)] == [late.id]
    assert [j.id for j in store.jobs.claim_due(NOW, 9, 30)] == [later.id]
    assert store.jobs.claim_due(NOW, 9, 30) == []
    assert [j.id for j in store.jobs.claim_due(NOW + 6, 9, 30)] == [future.id]
    assert {j.id for j in store.jobs.claim_due(NOW + 31, 9, 30)} == {late.id, later.id}


def test_a_look_can_be_put_off_but_not_invented(store: Store) -> None:
    due, idle = put(store, a_job(due_at=NOW), a_job())
    store.jobs.reschedule(due.id, NOW + 60)
    store.jobs.reschedule(idle.id, NOW - 60)
    assert store.jobs.claim_due(NOW, 9, 30) == []
    assert [j.id for j in store.jobs.claim_due(NOW + 60, 9, 30)] == [due.id]


def test_a_task_leads_to_its_job(store: Store) -> None:
    [job] = put(store, a_job())
    put(store, replace(job, task_id="1320098173412546"))
    assert store.jobs.find_task("default", "1320098173412546") == job.id
    assert store.jobs.find_task("other", "1320098173412546") is None


def test_an_account_remembers_how_it_calls_back(store: Store) -> None:
    [job] = put(store, a_job())
    for source in (Source.ASKED, Source.ASKED):
        store.jobs.commit(job, capacity=capacity(3), sample=sample(source))
        job = loaded(store, job.id)
    assert (
        store.accounts.callback_stats("default").silent,
        store.accounts.callback_stats("default").callbacks,
    ) == (
        2,
        0,
    )
    store.jobs.commit(job, capacity=capacity(3), sample=sample(Source.CALLBACK_WITH_STATE))
    store.jobs.commit(loaded(store, job.id), capacity=capacity(3), sample=sample(Source.CALLBACK))
    store.accounts.learn_dialect("default", "trueai")
    known = store.accounts.callback_stats("default")
    assert (known.callbacks, known.with_state, known.silent, known.dialect) == (2, 1, 0, "trueai")


def test_only_the_last_ten_ends_are_remembered(store: Store) -> None:
    [job] = put(store, a_job())
    for how in [Source.ASKED] * 39 + [Source.CALLBACK] * 10:
        told = sample(how, ended=True)
        store.jobs.commit(loaded(store, job.id), capacity=capacity(3), sample=told)
    known = store.accounts.callback_stats("default")
    assert (known.recent, known.told, known.asked) == ("t" * 10, 10, 39)
    assert tracking_mode(known, hooked=True)[0] is TrackingMode.CALLBACKS


def test_what_an_account_learns_of_its_provider_is_kept(store: Store) -> None:
    accounts = store.accounts
    accounts.learn_parent_lag("default", ParentLag(7.5, 2.25))
    accounts.learn_came_back("default")
    accounts.learn_call("default", "ab12", "submit/imagine")
    accounts.learn_call("default", "ab12", "task/list", lacking_since=NOW)
    accounts.learn_call("default", "cd34", "submit/video", lacking_since=NOW)
    known = accounts.callback_stats("default")
    assert (known.parent_lag, known.came_back, known.by_sort) == (ParentLag(7.5, 2.25), True, {})
    expected = Calls(frozenset({"submit/imagine"}), {"task/list": NOW})
    assert accounts.calls("default", "ab12") == expected
    assert [accounts.count_seedless("default") for _ in range(2)] == [1, 2]
    assert accounts.count_seedless("default", gave=True) == 0
    assert accounts.count_seedless("default") == 1
    accounts.forget_calls("default")
    assert accounts.calls("default", "ab12") == Calls(frozenset({"submit/imagine"}))
    assert accounts.count_seedless("default") == 1
    assert accounts.calls("other", "ab12") == Calls()


def test_ends_are_counted_by_how_they_were_heard_of(store: Store) -> None:
    [job] = put(store, a_job())
    for told in (
        sample(Source.CALLBACK, sort="upscale", at=NOW + 0.0004),
        sample(Source.CALLBACK, ended=True, at=NOW + 1.2345),
        sample(Source.CALLBACK_WITH_STATE, ended=True, at=NOW + 2),
        sample(Source.ASKED, ended=True, at=NOW + 3),
        sample(Source.ASKED, ended=True, at=NOW + 4),
    ):
        store.jobs.commit(loaded(store, job.id), capacity=capacity(3), sample=told)
    known = store.accounts.callback_stats("default")
    assert (known.callbacks, known.told, known.asked, known.silent) == (3, 2, 2, 2)
    assert known.recent == "ttaa"
    assert known.by_sort == {"upscale": 1, "imagine": 2}
    assert known.called_back_at == NOW + 2, "an end that we asked for is no callback"
    assert store.accounts.callback_stats("other") == CallbackStats()


def test_how_long_tasks_take_is_learnt_by_their_sort(store: Store) -> None:
    [job] = put(store, a_job())
    for sort, took_s in (("imagine", 10.0), ("imagine", 18.0), ("upscale", 2.0), ("action", None)):
        told = sample(Source.ASKED, sort=sort, took_s=took_s)
        store.jobs.commit(loaded(store, job.id), capacity=capacity(3), sample=told)
    learnt = store.accounts.callback_stats("default").took_s
    assert learnt == {"imagine": (11.0, 4.812), "upscale": (2.0, 0.75)}


def test_the_newest_accepted_tasks_are_remembered(store: Store) -> None:
    [job] = put(store, a_job())
    tasks = [Accepted(f"t|{n}", "imagine", NOW + n / 3, NOW + n) for n in range(503)]
    for task in tasks:
        store.jobs.commit(
            loaded(store, job.id), capacity=capacity(3), accepted=task, now=task.accepted_at
        )
    assert store.accounts.accepted("default") == tasks[3:]
    assert store.accounts.newest_accepted("default") == tasks[-1]
    assert store.accounts.accepted("other") == []
    assert store.accounts.newest_accepted("other") is None


def test_what_a_task_list_was_like_is_remembered(store: Store) -> None:
    assert store.accounts.callback_stats("default").task_list == History()
    for history in (History(prompt_at=NOW), History(NOW + 0.25, NOW, 9, NOW + 1, NOW - 1)):
        store.accounts.learn_task_list("default", history)
        assert store.accounts.callback_stats("default").task_list == history


def test_the_lag_between_two_news_is_learnt_as_tcp_does(store: Store) -> None:
    [job] = put(store, a_job())
    learnt = []
    for lag_s in (None, 10.0, 10.0, 18.0, 2.0):
        told = sample(Source.CALLBACK, lag_s=lag_s)
        store.jobs.commit(loaded(store, job.id), capacity=capacity(3), sample=told)
        known = store.accounts.callback_stats("default")
        learnt.append((known.lag_s, known.lag_deviation_s))
    assert learnt == [
        (None, 0.0), (10.0, 3.75), (10.0, 2.812), (11.0, 4.109), (9.875, 5.332),
    ]  # fmt: skip
    store.jobs.commit(
        loaded(store, job.id), capacity=capacity(3), sample=sample(Source.ASKED, lag_s=99.0)
    )
    assert store.accounts.callback_stats("default").lag_s == 9.875, "only callbacks have a lag"


def test_what_was_paid_twice_is_listed_for_ever(store: Store) -> None:
    once, twice = put(store, a_job(), a_job(created_at=NOW + 1))
    only = Filter(double_payments=True)
    assert store.jobs.page(only, 9).jobs == ()
    paid = (
        Attempt(1, NOW, AttemptOutcome.IN_DOUBT, NOW, "t1", extra=True),
        Attempt(2, NOW, None, NOW, "t2"),
    )
    [twice] = put(store, replace(twice, attempts=paid, task_id="t2"))
    assert store.jobs.page(only, 9).jobs == (twice,)
    [twice] = put(store, replace(twice, status=Status.FAILED))
    put(store, replace(once, progress=1))
    assert store.jobs.page(only, 9).jobs == (twice,)
    assert store.jobs.page(replace(only, status=Status.QUEUED), 9).jobs == ()
    assert store.jobs.page(replace(only, status=Status.FAILED), 9).jobs == (twice,)
    assert store.jobs.page(replace(only, account="other"), 9).jobs == ()


@pytest.mark.parametrize("freed", [{"held": True}, {"place_freed": True}], ids=str)
def test_a_job_without_its_place_holds_neither_a_slot_nor_its_prompt(
    store: Store, freed: dict[str, bool]
) -> None:
    first, twin = put(store, a_job(request={"prompt": "x"}), a_job(request={"prompt": "x"}))
    running = start(store, first, 1)
    [doubtful] = put(store, in_doubt(running))
    assert next_ready(store, 3) is None
    held = changed(doubtful, **freed)
    assert store.jobs.commit(held, capacity=capacity(1)).own == 1, "the other one can start now"
    assert next_ready(store, 1) == loaded(store, twin.id)
    assert store.queue.load("default") == Load(images=0, ready=1)
    runs = {**dict.fromkeys(freed, False), "status": Status.IN_PROGRESS}
    [seen] = put(store, changed(loaded(store, held.id), **runs), max_running=1)
    assert store.queue.load("default") == Load(images=1, ready=1), "late evidence takes a slot"
    assert next_ready(store, 1) is None
    assert finish(store, seen) == 1


def test_what_is_held_and_sent_again_waits_for_its_prompt_like_any_other(store: Store) -> None:
    first, twin = put(store, a_job(request={"prompt": "x"}), a_job(request={"prompt": "x"}))
    running = start(store, first)
    [held] = put(store, replace(in_doubt(running), held=True))
    heir = start(store, twin)
    again = replace(held, status=Status.QUEUED, held=False, doubt_until=None, due_at=None)
    put(store, again)
    assert next_ready(store, 3) is None
    assert finish(store, heir) == 1
    assert next_ready(store, 3) == loaded(store, first.id)


def test_an_account_is_loaded_with_what_runs_and_what_could(store: Store) -> None:
    jobs = put(store, *(a_job() for _ in range(4)), a_job(account="other"), a_job(due_at=NOW + 9))
    assert store.queue.load("default") == Load(images=0, ready=4)
    start(store, jobs[0], 1)
    assert store.queue.load("default") == Load(images=1, ready=3)
    assert store.queue.load("other") == Load(images=0, ready=1)
    assert store.queue.load("nobody") == Load(images=0, ready=0)


def test_once_is_for_one_caller_until_its_time_is_over(store: OwnStore) -> None:
    assert store.once("sweep", 60) is True
    assert store.once("sweep", 60) is False
    assert store.once("other", 60) is True
    assert 0 < store.left_s("once:sweep") <= 60, "it expires by itself"
    store.let_pass(60)
    assert store.once("sweep", 60) is True
    store.ping()
