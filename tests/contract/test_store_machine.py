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
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.jobs import NOW, a_job, news
from tests.support.stories import THENS, events, snapshots, verdicts
from worker.errors import Conflict, StaleVersion
from worker.events import (
    AssetsSettled,
    Cancelled,
    Disposition,
    Event,
    ModalAnswered,
    Observed,
    Policy,
    Posting,
    Replied,
    Retried,
    Started,
    TimePassed,
)
from worker.evidence import Snapshot, Verdict
from worker.habits import Heard
from worker.job import AssetsStatus, Job, Kind, Modal, Status
from worker.store import Filter, NoFreeSlot, Store
from worker.store.memory import MemoryStore
from worker.store.places import guard_of
from worker.store.redis import RedisStore
from worker.transition import transition

ACCOUNTS = ("default", "other")
SLOTS = 2
#: No more are handed in than this, so that much happens to each.
FEW = 6


def next_event(job: Job, verdict: Verdict, snapshot: Snapshot) -> Event:
    """What usually comes next for a job, so that most lives go far."""
    if job.draining:
        return Observed(replace(snapshot, task_id=None))
    match job.status:
        case Status.QUEUED:
            return TimePassed()
        case Status.SUBMITTING:
            return Replied(job.attempt, verdict) if job.posting else Posting(job.attempt)
        case Status.AWAITING_MODAL:
            return ModalAnswered(Modal("a hat"))
        case Status.SUCCEEDED:
            return AssetsSettled(("a.png",), AssetsStatus.STORED)
        case status if status.terminal:
            return Retried()
        case _:
            return Observed(replace(snapshot, task_id=None), asked=True)


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
        self.once_held: set[str] = set()

    def teardown(self) -> None:
        for key in self.client.scan_iter(f"{self.prefix}*", count=1000):
            self.client.delete(key)

    # What may happen.

    @precondition(lambda self: len(self.ids) < FEW)
    @rule(
        target=jobs,
        account=st.sampled_from(["default", "default", "other"]),
        prompt=st.sampled_from(["a cat", "A  Cat ", "a dog"]),
        kind=st.sampled_from([Kind.IMAGINE, Kind.VIDEO, Kind.IMAGINE, Kind.ACTION]),
        priority=st.sampled_from([0, 5, 9]),
        then=st.sampled_from([(), (), *THENS[:2]]),
        copies=st.integers(1, 3),
    )
    def hand_in(self, prompt: str, copies: int, **fields: Any) -> Any:
        self.now += 1
        known = len(self.ids)
        for n in range(copies):
            # The same ids when a failure is played again.
            job_id, request = UUID(int=known + n + 1).hex, {"prompt": prompt}
            self.commit(a_job(id=job_id, request=request, created_at=self.now, **fields))
        return multiple(*self.ids[known:])

    @rule(target=jobs, account=st.sampled_from(ACCOUNTS), verdict=verdicts)
    def submit_next(self, account: str, verdict: Verdict) -> Any:
        made: tuple[str, ...] = ()
        if job := self.redis.next_ready(account, SLOTS):
            for event in (Started(), Posting(job.attempt + 1), Replied(job.attempt + 1, verdict)):
                made += self.offer(self.loaded(job.id), event).values
        return multiple(*made)

    @rule(target=jobs, job_id=jobs, event=events, pause=st.sampled_from([0, 1, 4000]))
    def something_happens(self, job_id: str, event: Event, pause: float) -> Any:
        self.now += pause
        job = self.loaded(job_id)
        if isinstance(event, Started) and not self.startable(job):
            return multiple()  # only what the store offers is ever started
        return self.offer(job, event)

    @rule(target=jobs, job_id=jobs, verdict=verdicts, snapshot=snapshots)
    def life_goes_on(self, job_id: str, verdict: Verdict, snapshot: Snapshot) -> Any:
        job = self.loaded(job_id)
        self.now += 1 if job.status is not Status.QUEUED else 70
        return self.offer(job, next_event(job, verdict, snapshot))

    @rule(job_id=jobs)
    def is_given_up(self, job_id: str) -> None:
        job = self.loaded(job_id)
        self.offer(job, Cancelled())

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
        job = self.loaded(job_id)
        for store in (self.redis, self.memory):
            with pytest.raises(StaleVersion):
                store.commit(replace(job, version=job.version - 1), max_running=SLOTS)

    # How it is carried out.

    def loaded(self, job_id: str) -> Job:
        job = self.redis.get(job_id)
        assert job is not None
        return job

    def offer(self, job: Job, event: Event) -> Any:
        with suppress(Conflict):
            decision = transition(job, event, self.now, Policy())
            if decision.disposition is Disposition.APPLIED:
                return self.commit(decision.job, decision.children)
        return multiple()

    def commit(self, job: Job, children: tuple[Job, ...] = ()) -> Any:
        if job.held:  # it gives its guard away, and may run all the same
            self.once_held.add(job.id)
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
            openings = store.commit(job, children, max_running=SLOTS, news=news(Heard.CALLBACK))
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
            for limit in (SLOTS, 99):
                for ask in ("next_ready", "startable"):
                    answers = {
                        repr(getattr(store, ask)(account, limit))
                        for store in (self.redis, self.memory)
                    }
                    assert len(answers) == 1, ask
            assert self.redis.delivery(account) == self.memory.delivery(account)
            for task_id in ("t1", "t2", "t3"):
                found = self.redis.find_task(account, task_id)
                assert found == self.memory.find_task(account, task_id)
        for root in {job.pipeline_id for job in self.memory.get_many(self.ids)}:
            assert self.redis.pipeline(root) == self.memory.pipeline(root)
        assert self.redis.list_jobs(Filter(), 99) == self.memory.list_jobs(Filter(), 99)
        assert self.members("due") == self.memory._due

    @invariant()
    def the_indexes_say_what_the_jobs_say(self) -> None:
        jobs = self.redis.get_many(self.ids)
        assert set(self.members("due")) == {job.id for job in jobs if job.due_at is not None}
        for status in Status:
            of_status = {job.id for job in jobs if job.status is status}
            assert set(self.members(f"jobs:{status}")) == of_status
        for account in ACCOUNTS:
            mine = [job for job in jobs if job.account == account]
            assert self.running(account) == {job.id for job in mine if job.holds_slot}
            self.check_guards(account, mine)

    def check_guards(self, account: str, mine: list[Job]) -> None:
        """Equal prompts never run at once, and who waits for one waits for somebody."""
        ready = set(self.members(f"ready:{account}"))
        kept: Any = self.client.hgetall(f"{self.prefix}guards:{account}")
        holders = {guard.decode(): job_id.decode() for guard, job_id in kept.items()}
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
                assert holders[guard_of(job)] == job.id or job.id in self.once_held

    def members(self, name: str) -> dict[str, float]:
        entries: Any = self.client.zrange(f"{self.prefix}{name}", 0, -1, withscores=True)
        return {job_id.decode(): score for job_id, score in entries}

    def running(self, account: str) -> set[str]:
        ids: Any = self.client.smembers(f"{self.prefix}running:{account}")
        return {job_id.decode() for job_id in ids}

    def parked(self, account: str, guard: str) -> list[str]:
        ids: Any = self.client.lrange(f"{self.prefix}parked:{account}:{guard}", 0, -1)
        return [job_id.decode() for job_id in ids]


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
            max_examples=20,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
