"""What the store promises of accounts: whose turn it is, what may start, what it costs."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.test_store import finish, loaded, put, start
from tests.support.jobs import NOW, a_job, capacity
from tests.support.starting import next_ready
from tests.support.stores import OwnStore
from worker.adapters.store import Batch, Load, NoFreeSlot, Openings
from worker.adapters.store.store import Store
from worker.domain.account.billing import day_of
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.job import Attempt, AttemptOutcome, Job, Status
from worker.domain.job_spec import Kind
from worker.domain.result import JobError


def take(store: Store, agreed: Capacity, **attempt: Any) -> Job | None:
    """Start the next job on the account, as a worker does."""
    job = next_ready(store, agreed, NOW)
    if job is None:
        return None
    price = agreed.price(job.kind.value)
    number = Attempt(job.attempt + 1, NOW, account=agreed.account, price=price, **attempt)
    taken = replace(
        job, account=agreed.account, status=Status.SUBMITTING, attempts=(*job.attempts, number)
    )
    store.jobs.commit(replace(taken, due_at=NOW + 9), capacity=agreed, now=NOW)
    return loaded(store, job.id)


def take_all(store: Store, agreed: Capacity) -> list[Job]:
    taken = []
    while job := take(store, agreed):
        taken.append(job)
    return taken


def anywhere(**fields: Any) -> Job:
    """A job that any account may take."""
    return a_job(account="", anywhere=True, **fields)


def test_a_job_of_nobody_is_taken_by_whoever_comes_first(store: Store) -> None:
    first, second, mine = anywhere(), anywhere(created_at=NOW + 1), a_job(created_at=NOW + 2)
    openings = [
        store.jobs.commit(job, capacity=capacity(0, ""), now=NOW) for job in (first, second)
    ]
    assert openings == [Openings(0, 1), Openings(0, 1)]
    put(store, mine)
    assert store.queue.load("other") == Load(anywhere=2)
    taken = take(store, capacity(1, "other"))
    assert taken
    assert (taken.id, taken.account) == (first.id, "other")
    assert take(store, capacity(1, "other")) is None, "its only slot is taken"
    assert {job.id for job in take_all(store, capacity(9))} == {second.id, mine.id}
    again = replace(taken, account="", status=Status.QUEUED, due_at=None)
    given_back = store.jobs.commit(again, capacity=capacity(1, "other"), now=NOW)
    assert given_back[:2] == (1, 1), "the account that gave it back can start it"
    assert store.queue.load("other") == Load(anywhere=1), "its slot is free again"


def test_films_have_slots_of_their_own(store: Store) -> None:
    film, next_film = (a_job(kind=Kind.VIDEO, created_at=NOW + n) for n in range(2))
    image = a_job()
    put(store, film, next_film, image)
    agreed = capacity(1, video_slots=1)
    assert store.queue.load("default").startable(agreed) == 2
    assert {job.id for job in take_all(store, agreed)} == {film.id, image.id}
    assert store.queue.load("default") == Load(images=1, films=1, ready_films=1)
    assert finish(store, loaded(store, film.id)) == 0, "no slot for films in these terms"
    assert [job.id for job in take_all(store, agreed)] == [next_film.id]


def test_a_batch_does_not_delay_anothers_single_job(store: Store) -> None:
    batch = [a_job(batch_id="b", created_at=NOW + n) for n in range(6)]
    put(store, *batch)
    agreed = capacity(9)
    assert take(store, agreed) == loaded(store, batch[0].id)
    single, other = a_job(created_at=NOW + 90), a_job(tenant="acme", created_at=NOW + 99)
    put(store, single, other)
    order = [job.id for job in take_all(store, agreed)]
    assert order.index(single.id) <= 2, "after one of the batch and one of the other tenant"
    assert order.index(other.id) <= 1


def test_follow_ups_come_first_within_their_batch_but_delay_nobody_else(store: Store) -> None:
    roots = [a_job(batch_id="b", created_at=NOW + n) for n in range(3)]
    children = [
        a_job(batch_id="b", parent_id=roots[0].id, created_at=NOW + 50 + n) for n in range(5)
    ]
    put(store, *roots, *children)
    single = a_job(created_at=NOW + 99)
    put(store, single)
    order = [job.id for job in take_all(store, capacity(99))]
    assert order.index(single.id) <= 1
    of_batch = [job_id for job_id in order if job_id != single.id]
    assert of_batch == [job.id for job in (*children, *roots)]


def test_tenants_share_alike_however_many_batches_they_have(store: Store) -> None:
    greedy = [a_job(tenant="a", batch_id=f"b{n % 3}", created_at=NOW + n) for n in range(9)]
    modest = [a_job(tenant="b", created_at=NOW + 50 + n) for n in range(9)]
    put(store, *greedy, *modest)
    agreed = capacity(12)
    first = take_all(store, agreed)
    assert [job.options.tenant for job in first].count("b") == 6
    by_batch = Counter(job.spec.batch_id for job in first if job.options.tenant == "a")
    assert by_batch == {"b0": 2, "b1": 2, "b2": 2}


def test_who_had_nothing_to_do_gains_nothing_by_it(store: Store) -> None:
    put(store, *(a_job(tenant="a", created_at=NOW + n) for n in range(9)))
    agreed = capacity(99)
    for _ in range(5):
        take(store, agreed)
    put(store, *(a_job(tenant="b", created_at=NOW + n) for n in range(4)))
    assert [job.options.tenant for job in take_all(store, agreed)][:4] in (
        ["b", "a", "b", "a"], ["a", "b", "a", "b"],
    )  # fmt: skip


def test_only_modes_that_the_account_takes(store: Store) -> None:
    fast, any_mode = a_job(mode="fast"), a_job(created_at=NOW + 1)
    put(store, fast, any_mode)
    relaxed = capacity(9, modes=frozenset({"relax"}))
    assert store.queue.why_waiting(fast, relaxed, NOW) == "mode"
    assert [job.id for job in take_all(store, relaxed)] == [any_mode.id]
    assert store.queue.why_waiting(fast, capacity(9), NOW) is None
    assert store.queue.why_waiting(fast, capacity(9, "other"), NOW) == "account"
    assert store.queue.why_waiting(fast, capacity(1), NOW) == "slots"


@pytest.mark.parametrize("what", ["account:default", "kind:imagine", "batch:b"])
def test_what_is_paused_does_not_start(store: Store, what: str) -> None:
    [job] = put(store, a_job(batch_id="b"))
    store.queue.pause(what)
    assert store.queue.paused() == {what}
    assert take(store, capacity()) is None
    assert store.queue.why_waiting(job, capacity(), NOW) == f"paused:{what}"
    store.queue.resume(what)
    assert take(store, capacity()) is not None


def test_no_minute_has_more_starts_than_allowed(store: Store) -> None:
    put(store, *(a_job(created_at=NOW + n) for n in range(100)))
    agreed = capacity(99, starts_per_minute=20)
    now, starts = NOW, list[float]()
    while now < NOW + 120:
        job = next_ready(store, agreed, now)
        if job:
            taken = replace(job, status=Status.SUBMITTING, due_at=now)
            store.jobs.commit(taken, capacity=agreed, now=now)
            starts.append(now)
        else:
            now += 0.5
    most = max(sum(s <= other < s + 60 for other in starts) for s in starts)
    assert 17 <= most <= 20
    assert starts.count(NOW) == agreed.burst
    assert store.queue.why_waiting(a_job(), agreed, starts[-1]) in (None, "pace")


@pytest.mark.parametrize(
    ("budgets", "scope"),
    [
        ({"budget": 5}, "account:default"),
        ({"day_budget": 5, "today": day_of(NOW)}, f"day:{day_of(NOW)}"),
        ({"tenant_budgets": {"acme": 5}}, "tenant:acme"),
        ({"tenant_budgets": {"*": 5}}, "tenant:acme"),
    ],
)
def test_no_start_passes_a_budget(store: Store, budgets: dict[str, Any], scope: str) -> None:
    jobs = put(store, *(a_job(tenant="acme", created_at=NOW + n) for n in range(4)))
    agreed = capacity(9, prices={"imagine": 2}, **budgets)
    started = take_all(store, agreed)
    assert len(started) == 2, "a third would make it six"
    assert store.queue.why_waiting(jobs[2], agreed, NOW) == f"budget:{scope}"
    attempts = (Attempt(1, NOW, account="default", price=2),)
    third = replace(jobs[2], status=Status.SUBMITTING, attempts=attempts, due_at=NOW)
    with pytest.raises(NoFreeSlot):
        store.jobs.commit(third, capacity=agreed, now=NOW)
    refused = replace(started[0], status=Status.QUEUED, due_at=NOW + 9)
    [last] = refused.attempts
    put(store, replace(refused, attempts=(replace(last, outcome=AttemptOutcome.TRY_LATER),)))
    assert [job.id for job in take_all(store, agreed)] == [jobs[2].id], (
        "what was free is free again"
    )


def test_a_budget_of_a_batch_is_hard_and_can_be_raised(store: Store) -> None:
    store.batches.open(Batch("b", "autumn", NOW, budget=3))
    put(store, *(a_job(batch_id="b", created_at=NOW + n) for n in range(4)), a_job())
    agreed = capacity(9, prices={"default": 2})
    assert [job.spec.batch_id for job in take_all(store, agreed)] in (["b", None], [None, "b"])
    store.batches.open(Batch("b", "autumn", NOW, budget=4))
    assert len(take_all(store, agreed)) == 1


def test_money_is_what_the_records_say(store: Store) -> None:
    agreed = capacity(9, prices={"imagine": 2})
    scopes = ["account:default", "tenant:acme", "batch:b", f"day:{day_of(NOW)}"]

    def sums(standing: str) -> list[int]:
        return [found.get(standing, 0) for found in store.accounts.money(scopes)]

    job = a_job(tenant="acme", batch_id="b")
    store.jobs.commit(job, capacity=agreed, now=NOW)
    assert sums("estimated") == [2, 2, 2, 2]
    running = take(store, agreed, refundable=True)
    assert running
    assert (sums("estimated"), sums("reserved")) == ([0] * 4, [2] * 4)
    [attempt] = running.attempts
    accepted = replace(
        running, status=Status.SUBMITTED, task_id="t", attempts=(replace(attempt, task_id="t"),)
    )
    store.jobs.commit(accepted, capacity=agreed, now=NOW)
    assert (sums("reserved"), sums("spent")) == ([0] * 4, [2] * 4)
    failed = replace(loaded(store, job.id), status=Status.FAILED, error=JobError("failed", "no"))
    [attempt] = failed.attempts
    failed = replace(failed, attempts=(replace(attempt, outcome=AttemptOutcome.FAILED),))
    store.jobs.commit(failed, capacity=agreed, now=NOW)
    assert (sums("spent"), sums("refunded")) == ([2] * 4, [2] * 4)


def test_a_batch_knows_its_rows_and_how_they_stand(store: Store) -> None:
    batch = store.batches.open(Batch("b", "autumn", NOW))
    assert (batch.rows, batch.counts, store.batches.get("other")) == (0, {}, None)
    rows = [a_job(batch_id="b", row=n, created_at=NOW + n) for n in range(3)]
    assert store.jobs.add(rows[:2], capacity=capacity(0, "")) == [True, True]
    assert store.jobs.add(rows, capacity=capacity(0, "")) == [False, False, True]
    child = a_job(batch_id="b", pipeline_id=rows[0].id, parent_id=rows[0].id)
    put(store, child)
    ended = replace(loaded(store, rows[1].id), status=Status.FAILED, error=JobError("lost", ""))
    put(store, ended)
    store.batches.report_bad("b", [{"row": 7}, {"row": 9}])
    found = store.batches.get("b")
    assert found
    assert (found.rows, found.bad, found.counts) == (3, 2, {"queued": 3, "failed": 1})
    assert found.errors == {"lost": 1}
    assert [job.spec.row for job in store.batches.roots("b", 1, 9)] == [1, 2]
    assert store.batches.bad_rows("b", 1) == [{"row": 7}]
    assert [each.id for each in store.batches.newest(9)] == ["b"]
    again = replace(loaded(store, rows[1].id), status=Status.QUEUED, error=None)
    put(store, again)
    assert store.batches.open(Batch("b", "autumn", NOW + 9)).created_at == NOW
    found = store.batches.get("b")
    assert found
    assert (found.bad, found.errors) == (0, {})


def test_what_is_learnt_of_an_account_is_not_lost_between_two(store: Store) -> None:
    assert store.accounts.breaker("default") == CircuitBreaker()
    assert store.accounts.save_breaker("default", CircuitBreaker(failures=1), CircuitBreaker())
    assert not store.accounts.save_breaker("default", CircuitBreaker(failures=9), CircuitBreaker())
    assert store.accounts.save_breaker(
        "default", CircuitBreaker(closed="quota: none"), CircuitBreaker(failures=1)
    )
    assert store.accounts.breaker("default").closed == "quota: none"


def test_slots_agree_with_the_jobs_that_hold_them(store: OwnStore) -> None:
    kept, lost = put(store, a_job(), a_job())
    start(store, kept)
    start(store, lost)
    assert store.queue.mend_slots("default") == 0
    assert store.queue.load("default").running == 2
    store.client.delete(f"{store.prefix}job:{lost.id}")
    assert store.queue.mend_slots("default") == 1
    assert store.queue.load("default").running == 1
    twin = put(store, a_job(request=lost.request))[0]
    assert next_ready(store, capacity(9), NOW) == twin, "its prompt is free again"


def test_many_at_once_are_those_that_come_one_by_one(store: Store) -> None:
    """The turns of tenants and batches, follow-ups, equal prompts and slots all count."""
    for number in range(24):
        options = {"tenant": "abc"[number % 3], "priority": 5 - number % 2}
        batch = f"b{number % 4}" if number % 3 else None
        put(store, a_job(created_at=NOW + number, batch_id=batch, **options))
    put(store, a_job(created_at=NOW + 30, request={"prompt": "equal"}, priority=0))
    put(store, anywhere(created_at=NOW + 31, request={"prompt": "equal"}, priority=0))
    for slots in (0, 1, 7, 30):
        offered = store.queue.next_ready(capacity(slots), NOW, 99)
        assert len({job.id for job in offered}) == len(offered) == min(slots, 25)
        assert store.queue.next_ready(capacity(slots), NOW, 3) == offered[:3]
    expected = store.queue.next_ready(capacity(7), NOW, 99)
    taken = take_all(store, capacity(7))
    assert [job.id for job in taken] == [job.id for job in expected]
