"""A resting account is tried by one job at a time, whatever runs there; what it refused waits."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.contract.test_store import finish, loaded, put
from tests.contract.test_store_accounts import anywhere, take, take_all
from tests.support.jobs import NOW, a_job, capacity
from tests.support.starting import next_ready
from tests.support.stores import OwnStore
from worker.adapters.store import NoFreeSlot
from worker.adapters.store.places import ANY
from worker.domain.account.capacity import Capacity
from worker.domain.account.circuit_breaker import CircuitBreaker
from worker.domain.errors import StaleVersion
from worker.domain.job import Attempt, AttemptOutcome, Job, Status
from worker.domain.job_spec import Kind

RESTING = CircuitBreaker(rests=1, rested_at=NOW - 30, rest_until=NOW)


def rest(store: OwnStore, breaker: CircuitBreaker = RESTING) -> Capacity:
    known = store.accounts.breaker("default")
    assert store.accounts.save_breaker("default", breaker, known)
    return capacity(1, video_slots=1, trial=breaker.rest)


def refused(store: OwnStore, job: Job, agreed: Capacity, *, due_at: float | None = NOW + 5) -> Job:
    """The job that was being submitted is back in the queue."""
    attempt = replace(job.attempts[-1], outcome=AttemptOutcome.TRY_LATER)
    back = replace(job, status=Status.QUEUED, attempts=(attempt,), due_at=due_at, refusals=1)
    store.jobs.commit(back, capacity=agreed, now=NOW)
    return loaded(store, job.id)


def test_one_job_tries_it_in_a_place_of_its_own(store: OwnStore) -> None:
    put(store, *(a_job(created_at=NOW + n) for n in range(6)))
    running = take_all(store, capacity(3))
    assert len(running) == 3
    agreed = rest(store)
    assert store.queue.load("default").startable(agreed) == 1
    trial = take(store, agreed)
    assert trial
    assert store.queue.load("default").images == 4, "beyond all others"
    assert take(store, agreed) is None
    waiting = next(job for job in map(loaded, [store] * 6, ids(store)) if job.ready)
    assert store.queue.why_waiting(waiting, agreed, NOW) == "slots"
    refused(store, trial, agreed)
    assert take(store, agreed), "whatever became of the former"


def ids(store: OwnStore) -> list[str]:
    return list(store.snapshot().jobs)


def test_a_trial_of_a_rest_that_is_over_does_not_start(store: OwnStore) -> None:
    [job] = put(store, a_job())
    agreed = rest(store)
    rest(store, replace(RESTING, rests=2, rested_at=NOW, rest_until=NOW + 60))
    assert next_ready(store, agreed, NOW) == job
    with pytest.raises(NoFreeSlot):
        take(store, agreed)
    rest(store, CircuitBreaker())
    with pytest.raises(NoFreeSlot):
        take(store, agreed)
    assert take(store, capacity(1)), "it works again"


def test_workers_that_come_at_once_start_one_job(store: OwnStore) -> None:
    put(store, *(a_job(created_at=NOW + n) for n in range(8)))
    agreed = rest(store)

    def tried(_: int) -> bool:
        try:
            return take(store, agreed) is not None
        except (NoFreeSlot, StaleVersion):
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(tried, range(8))) == 1


def test_a_trial_that_was_accepted_or_lost_blocks_none(store: OwnStore) -> None:
    put(store, *(a_job(created_at=NOW + n) for n in range(3)))
    agreed = rest(store)
    first = take(store, agreed)
    assert first
    store.jobs.commit(replace(first, status=Status.IN_DOUBT), capacity=agreed, now=NOW)
    second = take(store, agreed)
    assert second, "a doubt may last for long"
    finish(store, second)
    assert take(store, agreed)


def test_where_no_film_may_run_none_tries(store: OwnStore) -> None:
    put(store, a_job(kind=Kind.VIDEO))
    rest(store)
    agreed = capacity(1, trial=RESTING.rest)
    assert store.queue.load("default").startable(agreed) == 0
    assert take(store, agreed) is None


def test_a_prompt_that_runs_does_not_hide_the_jobs_behind_it(store: OwnStore) -> None:
    """More prompts run than there are places in a trial."""
    prompts = [{"prompt": f"cat {n}"} for n in range(5)]
    put(store, *(a_job(request=p, created_at=NOW + n) for n, p in enumerate(prompts)))
    assert len(take_all(store, capacity(9))) == 5
    same = [a_job(request=p, created_at=NOW + 10 + n) for n, p in enumerate(prompts)]
    put(store, *same, a_job(created_at=NOW + 99))
    assert take(store, rest(store))


def test_what_an_account_refused_is_found(store: OwnStore) -> None:
    put(store, a_job(), a_job(created_at=NOW + 1), anywhere(created_at=NOW + 2))
    agreed = capacity(9)
    own, second, free = sorted(take_all(store, agreed), key=lambda job: job.spec.created_at)
    back = [refused(store, job, agreed) for job in (own, second)]
    moved = replace(free.attempts[-1], outcome=AttemptOutcome.PERMANENT)
    store.jobs.commit(
        replace(free, status=Status.QUEUED, account="", attempts=(moved,), due_at=NOW + 9),
        capacity=agreed, now=NOW,
    )  # fmt: skip
    assert store.jobs.held_back("default", 9) == back
    assert store.jobs.held_back("default", 1) == back[:1]
    assert [job.id for job in store.jobs.held_back(ANY, 9)] == [free.id]
    store.jobs.commit(replace(back[0], due_at=None), capacity=agreed, now=NOW)
    assert store.jobs.held_back("default", 9) == [loaded(store, second.id)]


def test_a_refused_job_that_is_ready_is_looked_at_at_its_deadline(store: OwnStore) -> None:
    put(store, a_job())
    agreed = capacity(1)
    taken = take(store, agreed)
    assert taken
    ready = refused(store, replace(taken, deadline_at=NOW + 60), agreed, due_at=None)
    assert ready.ready
    assert store.jobs.claim_due(NOW + 59, 9, 10) == []
    assert store.jobs.claim_due(NOW + 60, 9, 10) == [ready]
    never = put(store, a_job(attempts=(Attempt(1, NOW),)))
    assert never[0].look_at is None
