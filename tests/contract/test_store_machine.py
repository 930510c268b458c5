"""Both stores side by side through the same random lives of jobs: they agree, and lose nothing."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.support.jobs import NOW, a_job
from tests.support.stories import THENS, events
from worker.errors import Conflict, StaleVersion
from worker.events import Disposition, Event, Policy, Started, TimePassed
from worker.job import Job, Kind, Status
from worker.store import Filter, Heard, NoFreeSlot, Store
from worker.store.memory import MemoryStore
from worker.store.places import guard_of
from worker.store.redis import RedisStore
from worker.transition import transition

ACCOUNTS = ("default", "other")
SLOTS = 2


class Stores(RuleBasedStateMachine):
    """What one store does, the other does too; and the indexes say what the jobs say."""

    jobs: Bundle[str] = Bundle("jobs")
    client: "redis.Redis"

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"machine-{uuid4().hex}:"
        self.redis = RedisStore(self.client, self.prefix)
        self.memory = MemoryStore()
        self.now = NOW
        self.ids: list[str] = []

    def teardown(self) -> None:
        for key in self.client.scan_iter(f"{self.prefix}*", count=1000):
            self.client.delete(key)

    # What may happen.

    @rule(
        target=jobs,
        account=st.sampled_from(ACCOUNTS),
        prompt=st.sampled_from(["a cat", "A  Cat ", "a dog", "a bird"]),
        kind=st.sampled_from([Kind.IMAGINE, Kind.VIDEO, Kind.ACTION]),
        priority=st.sampled_from([0, 5, 9]),
        then=st.sampled_from(THENS),
    )
    def hand_in(
        self, account: str, prompt: str, kind: Kind, priority: int, then: tuple[Any, ...]
    ) -> str:
        self.now += 1
        job = a_job(
            id=UUID(int=len(self.ids) + 1).hex,  # the same ids when a failure is played again
            account=account,
            kind=kind,
            request={"prompt": prompt},
            priority=priority,
            then=then,
            created_at=self.now,
        )
        self.commit(job)
        return job.id

    @rule(target=jobs, account=st.sampled_from(ACCOUNTS))
    def start_next(self, account: str) -> Any:
        job = self.redis.next_ready(account, SLOTS)
        return self.offer(job, Started()) if job else multiple()

    @rule(target=jobs, job_id=jobs, event=events, pause=st.sampled_from([0, 1, 4000]))
    def something_happens(self, job_id: str, event: Event, pause: float) -> Any:
        self.now += pause
        job = self.redis.get(job_id)
        assert job is not None
        if isinstance(event, Started) and not self.startable(job):
            return multiple()  # only what the store offers is ever started
        return self.offer(job, event)

    @rule(target=jobs, pause=st.sampled_from([2, 300, 6000]), limit=st.sampled_from([1, 50]))
    def sweep(self, pause: float, limit: int) -> Any:
        self.now += pause
        due = [store.claim_due(self.now, limit, 20.0) for store in (self.redis, self.memory)]
        assert due[0] == due[1]
        made = [new for job in due[0] for new in self.offer(job, TimePassed()).values]
        return multiple(*made)

    @rule(job_id=jobs, pause=st.sampled_from([-5, 60]))
    def put_off(self, job_id: str, pause: float) -> None:
        for store in (self.redis, self.memory):
            store.reschedule(job_id, self.now + pause)

    @rule(job_id=jobs)
    def come_too_late(self, job_id: str) -> None:
        job = self.redis.get(job_id)
        assert job is not None
        for store in (self.redis, self.memory):
            with pytest.raises(StaleVersion):
                store.commit(replace(job, version=job.version - 1), max_running=SLOTS)

    # How it is carried out.

    def offer(self, job: Job, event: Event) -> Any:
        with suppress(Conflict):
            decision = transition(job, event, self.now, Policy())
            if decision.disposition is Disposition.APPLIED:
                return self.commit(decision.job, decision.children)
        return multiple()

    def commit(self, job: Job, children: tuple[Job, ...] = ()) -> Any:
        # The provider's task ids differ from job to job.
        job = replace(job, task_id=job.task_id and f"{job.task_id[:2]}-{job.id}")
        told = [self._commit(store, job, children) for store in (self.redis, self.memory)]
        assert told[0] == told[1]
        if told[0] == "full":
            return multiple()
        new = [j.id for j in (job, *children) if j.id not in self.ids]
        self.ids += new
        return multiple(*(child for child in new if child != job.id))

    def _commit(self, store: Store, job: Job, children: tuple[Job, ...]) -> int | str:
        before = {a: store.startable(a, SLOTS) for a in ACCOUNTS}
        try:
            openings = store.commit(job, children, max_running=SLOTS, heard=Heard.CALLBACK)
        except NoFreeSlot:
            return "full"
        grown = store.startable(job.account, SLOTS) - before[job.account]
        assert openings >= grown, "whatever can start now is woken"
        return openings

    def startable(self, job: Job) -> bool:
        return self.client.zscore(f"{self.prefix}ready:{job.account}", job.id) is not None

    # What always holds.

    @invariant()
    def the_stores_agree(self) -> None:
        assert self.redis.get_many(self.ids) == self.memory.get_many(self.ids)
        for account in ACCOUNTS:
            for limit in (1, SLOTS, 99):
                for ask in ("next_ready", "startable"):
                    answers = {
                        repr(getattr(store, ask)(account, limit))
                        for store in (self.redis, self.memory)
                    }
                    assert len(answers) == 1, ask
            assert self.redis.delivery(account) == self.memory.delivery(account)
        for root in self.ids:
            assert self.redis.pipeline(root) == self.memory.pipeline(root)
        assert self.redis.list_jobs(Filter(), 99) == self.memory.list_jobs(Filter(), 99)
        assert self.members("due", scores=True) == self.memory._due

    @invariant()
    def the_indexes_say_what_the_jobs_say(self) -> None:
        jobs = self.redis.get_many(self.ids)
        assert set(self.members("due", scores=True)) == {
            job.id for job in jobs if job.due_at is not None
        }
        for status in Status:
            of_status = {job.id for job in jobs if job.status is status}
            assert set(self.members(f"jobs:{status}", scores=True)) == of_status
        for account in ACCOUNTS:
            mine = [job for job in jobs if job.account == account]
            assert self.running(account) == {job.id for job in mine if job.holds_slot}
            self.check_guards(account, mine)

    def check_guards(self, account: str, mine: list[Job]) -> None:
        """Equal prompts never run at once, and who waits for one waits for somebody."""
        ready = set(self.members(f"ready:{account}", scores=True))
        holders: dict[str, str] = {
            guard.decode(): job_id.decode()
            for guard, job_id in self.client.hgetall(f"{self.prefix}guards:{account}").items()
        }
        parked = {
            job_id: guard
            for guard in {guard_of(job) for job in mine} - {""}
            for job_id in self.parked(account, guard)
        }
        assert ready | set(parked) == {job.id for job in mine if job.ready}
        assert not ready & set(parked)
        for job_id, guard in parked.items():
            assert guard in holders, "nobody waits for a prompt that is free"
            assert holders[guard] != job_id
        for guard, holder in holders.items():
            held = next(job for job in mine if job.id == holder)
            assert guard_of(held) == guard
            assert held.draining or not held.status.terminal, "what is over holds nothing"
        for job in mine:
            if guard_of(job) and (job.holds_slot or job.id in ready):
                assert holders[guard_of(job)] == job.id

    def members(self, name: str, *, scores: bool) -> dict[str, float]:
        entries = self.client.zrange(f"{self.prefix}{name}", 0, -1, withscores=scores)
        return {job_id.decode(): score for job_id, score in entries}

    def running(self, account: str) -> set[str]:
        return {i.decode() for i in self.client.smembers(f"{self.prefix}running:{account}")}

    def parked(self, account: str, guard: str) -> list[str]:
        key = f"{self.prefix}parked:{account}:{guard}"
        return [i.decode() for i in self.client.lrange(key, 0, -1)]


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as connected:
        yield connected


def test_the_stores_agree_and_lose_nothing(client: "redis.Redis") -> None:
    class OnThisRedis(Stores):
        pass

    OnThisRedis.client = client
    run_state_machine_as_test(
        OnThisRedis,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
