"""Both stores side by side through the same random lives of jobs: they agree, and lose nothing."""

from collections import Counter, defaultdict
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

from tests.support.jobs import NOW, a_job, capacity, sample
from tests.support.stories import THENS, events, snapshots, verdicts
from worker.adapters.store import Filter, NoFreeSlot, Openings, Store
from worker.adapters.store.memory import MemoryStore
from worker.adapters.store.places import concurrency_key_of, lane_of, starts
from worker.adapters.store.redis import RedisStore
from worker.domain.account.billing import charges, day_of
from worker.domain.account.callback_stats import Source, sort_of
from worker.domain.account.capacity import Capacity
from worker.domain.errors import Conflict, StaleVersion
from worker.domain.events import (
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
    SeedSettled,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Kind, Modal, Status
from worker.domain.lifecycle import transition
from worker.domain.provider_reports import Snapshot, Verdict
from worker.domain.result import AssetsStatus

ACCOUNTS = ("default", "other")
SLOTS = 2
BUDGET = 12
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
            if job.result.assets_status is AssetsStatus.PENDING:
                return AssetsSettled(("a.png",), AssetsStatus.STORED)
            return SeedSettled("42")
        case status if status.terminal:
            return Retried()
        case _:
            return Observed(replace(snapshot, task_id=None), asked=True)


def agreed_with(account: str) -> Capacity:
    """Few slots, prices, and a budget that is soon spent on one of the accounts."""
    prices = {"imagine": 3, "default": 1}
    budget = BUDGET if account == "default" else None
    day = {"today": day_of(NOW), "tenant_budgets": {"*": 50}}
    slots = {"video_slots": 1 if account else 0}
    return capacity(SLOTS if account else 0, account, **slots, prices=prices, budget=budget, **day)


def used(store: Store, account: str) -> int:
    """What the account's budget has to give already."""
    [sums] = store.money([f"account:{account}"])
    return sums.get("spent", 0) + sums.get("reserved", 0) - sums.get("refunded", 0)


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
        self.unguarded: set[str] = set()

    def teardown(self) -> None:
        for key in self.client.scan_iter(f"{self.prefix}*", count=1000):
            self.client.delete(key)

    # What may happen.

    @precondition(lambda self: len(self.ids) < FEW)
    @rule(
        target=jobs,
        account=st.sampled_from(["default", "default", "other", ""]),
        tenant=st.sampled_from(["", "acme"]),
        batch_id=st.sampled_from([None, None, "b1", "b2"]),
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
            where = {"anywhere": not fields["account"], "created_at": self.now + n / 8}
            self.commit(a_job(id=job_id, request=request, **where, **fields))
        return multiple(*self.ids[known:])

    @rule(target=jobs, account=st.sampled_from(ACCOUNTS), verdict=verdicts)
    def submit_next(self, account: str, verdict: Verdict) -> Any:
        made: tuple[str, ...] = ()
        agreed = agreed_with(account)
        if job := self.redis.next_ready(agreed, self.now):
            number, price = job.attempt + 1, agreed.price(sort_of(job))
            started = Started(account, price, refundable=account == "other")
            for event in (started, Posting(number), Replied(number, verdict)):
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
                store.commit(
                    replace(job, version=job.version - 1), capacity=agreed_with(job.account)
                )

    @rule(what=st.sampled_from(["account:other", "kind:video", "batch:b1"]), resumed=st.booleans())
    def is_paused(self, what: str, *, resumed: bool) -> None:
        for store in (self.redis, self.memory):
            (store.resume if resumed else store.pause)(what)

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
        before = self.memory.get(job.id)
        # Evidence that a job runs cannot be refused, though an equal one has the guard: of one that
        # gave its guard away in doubt, or that was queued again after a refusal that proves wrong.
        by_evidence = before is not None and job.holds_slot and not before.holds_slot
        if job.held or (by_evidence and not starts(job)):
            self.unguarded.add(job.id)
        account = job.account or (before.account if before else "")
        stores = (self.redis, self.memory)
        told = [self._commit(store, account, job, children) for store in stores]
        assert told[0] == told[1]
        if told[0] == "full":
            return multiple()
        new = [j.id for j in (job, *children) if j.id not in self.ids]
        self.ids += new
        return multiple(*(child for child in new if child != job.id))

    def _commit(
        self, store: Store, account: str, job: Job, children: tuple[Job, ...]
    ) -> Openings | str:
        agreed = agreed_with(account)
        before = store.load(account)
        told = sample(Source.CALLBACK) if account else None
        try:
            openings = store.commit(job, children, capacity=agreed, sample=told, now=self.now)
        except NoFreeSlot:
            return "full"
        if starts(job):
            assert used(store, account) <= BUDGET or account == "other", "no start passes it"
        after = store.load(account)
        own = {"anywhere": 0, "anywhere_films": 0}
        grown = replace(after, **own).startable(agreed) - replace(before, **own).startable(agreed)
        assert openings.own >= grown, "whatever can start now is woken"
        return openings

    def startable(self, job: Job) -> bool:
        return job.id in self.queued()

    def queued(self) -> set[str]:
        keys = self.client.scan_iter(f"{self.prefix}ready:*", count=1000)
        return {job_id for key in keys for job_id in self.members(key.decode()[len(self.prefix) :])}

    # What always holds.

    @invariant()
    def the_stores_agree(self) -> None:
        assert self.redis.get_many(self.ids) == self.memory.get_many(self.ids)
        ready = [job for job in self.memory.get_many(self.ids) if job.ready]
        for account in ACCOUNTS:
            agreed = agreed_with(account)
            answers = [
                (
                    store.next_ready(agreed, self.now),
                    store.load(account),
                    [store.why_waiting(job, agreed, self.now) for job in ready],
                )
                for store in (self.redis, self.memory)
            ]
            assert answers[0] == answers[1]
            assert self.redis.callback_stats(account) == self.memory.callback_stats(account)
            for task_id in ("t1", "t2", "t3"):
                found = self.redis.find_task(account, task_id)
                assert found == self.memory.find_task(account, task_id)
        for root in {job.spec.pipeline_id for job in self.memory.get_many(self.ids)}:
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
            self.check_running(account, mine)
            self.check_waiting(account, mine)
        self.check_waiting("*", [job for job in jobs if not job.account])
        self.check_money(jobs)

    def check_running(self, account: str, mine: list[Job]) -> None:
        """Equal prompts never run at once."""
        holders = self.hash(f"guards:{account}")
        running = {
            job.id: concurrency_key_of(job)
            for job in mine
            if job.holds_slot and concurrency_key_of(job)
        }
        for concurrency_key, holder in holders.items():
            assert running[holder] == concurrency_key
        for job_id, concurrency_key in running.items():
            assert holders[concurrency_key] == job_id or job_id in self.unguarded

    def check_waiting(self, account: str, mine: list[Job]) -> None:
        """Of equal prompts one is ready, and the others wait for that one."""
        queued, heads = self.queued(), self.hash("heads")
        ready = {job.id: f"{account}|{concurrency_key_of(job)}" for job in mine if job.ready}
        films = {job.id for job in mine if job.kind is Kind.VIDEO}
        for pool, expected in (
            (account, set(ready) - films),
            (f"{account}:video", films & set(ready)),
        ):
            assert int(self.hash("waiting").get(pool, 0)) == len(queued & expected)
        for job_id, line in ready.items():
            if line.endswith("|"):
                assert job_id in queued
                continue
            ids: Any = self.client.lrange(f"{self.prefix}parked:{line}", 0, -1)
            parked = ids.count(job_id.encode())
            assert (heads[line] == job_id, job_id in queued, parked) in (
                (True, True, 0), (False, False, 1),
            )  # fmt: skip
        assert {job_id for line, job_id in heads.items() if line.startswith(account)} <= set(ready)

    def check_money(self, jobs: list[Job]) -> None:
        """The sums are those of the records."""
        truth: dict[str, Counter[str]] = defaultdict(Counter)
        for job in jobs:
            price = agreed_with(job.account).price(lane_of(job).sort)
            for charge in charges(job, price):
                for scope in (
                    f"day:{charge.day}", f"account:{charge.account}",
                    f"batch:{job.spec.batch_id}", f"tenant:{job.options.tenant}",
                ):  # fmt: skip
                    truth[scope][charge.standing.value] += charge.amount
        scopes = [scope for scope in truth if not scope.endswith((":", ":None"))]
        for store in (self.redis, self.memory):
            sums = store.money(scopes)
            for scope, found in zip(scopes, sums, strict=True):
                assert Counter(found) == truth[scope], scope

    def members(self, name: str) -> dict[str, float]:
        entries: Any = self.client.zrange(f"{self.prefix}{name}", 0, -1, withscores=True)
        return {job_id.decode(): score for job_id, score in entries}

    def running(self, account: str) -> set[str]:
        pools = [f"{self.prefix}running:{account}{pool}" for pool in ("", ":video")]
        ids: Any = self.client.sunion(pools)
        return {job_id.decode() for job_id in ids}

    def hash(self, name: str) -> dict[str, str]:
        found: Any = self.client.hgetall(f"{self.prefix}{name}")
        return {key.decode(): value.decode() for key, value in found.items()}


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
