"""The store through random lives of jobs: every index says what the records say, at any time."""

import os
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contract.whose_turn import load_of, next_of, unfair, used, why_waiting
from tests.support.indexes import Snapshot
from tests.support.jobs import NOW, a_job, a_snapshot, capacity, sample
from tests.support.starting import next_ready
from tests.support.stores import OwnStore, own_db
from tests.support.stories import THENS, events, snapshots, verdicts
from worker.adapters.store import Batch, Filter, NoFreeSlot
from worker.adapters.store.places import lane_of, starts
from worker.domain.account.billing import day_of
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
from worker.domain.job import Job, Modal, Status
from worker.domain.job_spec import Kind, Notify
from worker.domain.lifecycle import transition
from worker.domain.notifications import (
    NOTHING,
    Failure,
    Outbox,
    Topic,
    announce,
    delivered,
    failed,
    replayed,
)
from worker.domain.provider_reports import Outcome, Verdict
from worker.domain.provider_reports import Snapshot as Seen
from worker.domain.result import AssetsStatus

#: More for a long run: `STORE_EXAMPLES=500 STORE_STEPS=80 pytest ...`.
EXAMPLES = int(os.environ.get("STORE_EXAMPLES", "20"))
STEPS = int(os.environ.get("STORE_STEPS", "50"))

ACCOUNTS = ("default", "other")
SLOTS = 2
BUDGET = 6  #: of the account "default": two pictures
HOOK = Notify(tuple(Topic), url="https://app.example/hook")
PICTURE, MASK = (f"blob:{letter * 64}.png" for letter in "ab")
ANIMATE = "MJ::JOB::animate_high::1::4f2c::SOLO"
#: No more are handed in than this, so that much happens to each.
FEW = 6


#: What may be asked for.
wishes = st.fixed_dictionaries(
    {
        "account": st.sampled_from(["default", "default", "other", ""]),
        "tenant": st.sampled_from(["", "acme"]),
        "batch_id": st.sampled_from([None, None, "b1", "b2"]),
        "request": st.sampled_from(
            [
                {"prompt": "a cat"},
                {"prompt": "A  Cat ", "image": PICTURE},
                {"prompt": "a dog"},
                {"button": "Animate (High)"},
                {"button": "dogs"},
            ]
        ),
        "kind": st.sampled_from([Kind.IMAGINE, Kind.VIDEO, Kind.IMAGINE, Kind.ACTION]),
        "priority": st.sampled_from([0, 5, 9]),
        "then": st.sampled_from([(), *THENS[1:], THENS[1]]),
    }
)


def next_event(job: Job, verdict: Verdict, snapshot: Seen) -> Event:
    """What usually comes next for a job, so that most lives go far."""
    if job.draining:
        return Observed(replace(snapshot, task_id=None))
    match job.status:
        case Status.QUEUED:
            return TimePassed()
        case Status.SUBMITTING:
            if job.posting:
                return Replied(job.attempt, verdict)
            # A button whose name says nothing turns out to make a film.
            turns_out = job.request.get("button") == "dogs"
            return Posting(job.attempt, ANIMATE if turns_out else None)
        case Status.AWAITING_MODAL:
            return ModalAnswered(Modal("a hat", MASK))
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


def price_of(job: Job) -> int:
    return agreed_with(job.account).price(lane_of(job).sort)


class Lives(RuleBasedStateMachine):
    """``gone``: the jobs that were forgotten, as they were last. ``due``: when who is looked at."""

    jobs: Bundle[str] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.store = OwnStore(own_db())
        self.now = NOW
        self.ids: list[str] = []
        self.gone: list[Job] = []
        self.due: dict[str, float] = {}
        self.unguarded: set[str] = set()
        self.heard: Counter[str] = Counter()
        self.store.batches.open(Batch("b1", "cats", NOW, budget=9, notify=HOOK))
        self.store.batches.close("b1", NOW)

    def teardown(self) -> None:
        self.store.client.flushdb()

    # What may happen.

    @initialize(target=jobs, wanted=st.lists(wishes, min_size=2, max_size=4))
    def begin(self, wanted: list[dict[str, Any]]) -> Any:
        return multiple(*(job_id for each in wanted for job_id in self.handed_in(each, 1)))

    @precondition(lambda self: len(self.ids) < FEW)
    @rule(target=jobs, wanted=wishes, copies=st.integers(1, 3))
    def hand_in(self, wanted: dict[str, Any], copies: int) -> Any:
        return multiple(*self.handed_in(wanted, copies))

    def handed_in(self, wanted: dict[str, Any], copies: int) -> list[str]:
        self.now += 1
        known = len(self.ids)
        for n in range(copies):
            # The same ids when a failure is played again.
            job_id = UUID(int=known + n + 1).hex
            where = {"anywhere": not wanted["account"], "created_at": self.now + n / 8}
            self.commit(a_job(id=job_id, **where, **wanted))
        return self.ids[known:]

    @rule(target=jobs, account=st.sampled_from(ACCOUNTS), verdict=verdicts)
    def submit_next(self, account: str, verdict: Verdict) -> Any:
        return self.run_next(account, verdict)

    @rule(target=jobs, account=st.sampled_from(ACCOUNTS), count=st.integers(1, 3))
    def all_goes_well(self, account: str, count: int) -> Any:
        made: tuple[str, ...] = ()
        for _ in range(count):
            self.now += 1
            task_id = f"task {self.now:.0f}"
            success = Observed(a_snapshot(task_id=task_id))
            made += self.run_next(
                account, Verdict(Outcome.ACCEPTED, task_id=task_id), success
            ).values
        return multiple(*made)

    @rule(target=jobs, job_id=jobs, event=events, pause=st.sampled_from([0, 1, 4000]))
    def something_happens(self, job_id: str, event: Event, pause: float) -> Any:
        self.now += pause
        job = self.store.jobs.get(job_id)
        if isinstance(event, Started) and job_id not in self.stored().members("ready"):
            return multiple()  # only what the store offers is ever started
        return self.offer(job, event) if job else multiple()

    @rule(target=jobs, job_id=jobs, verdict=verdicts, snapshot=snapshots)
    def life_goes_on(self, job_id: str, verdict: Verdict, snapshot: Seen) -> Any:
        if (job := self.store.jobs.get(job_id)) is None:
            return multiple()
        self.now += 1 if job.status is not Status.QUEUED else 70
        return self.offer(job, next_event(job, verdict, snapshot))

    @rule(job_id=jobs)
    def is_given_up(self, job_id: str) -> None:
        if job := self.store.jobs.get(job_id):
            self.offer(job, Cancelled())

    @rule(target=jobs, pause=st.sampled_from([2, 300, 6000]), limit=st.sampled_from([1, 50]))
    def sweep(self, pause: float, limit: int) -> Any:
        self.now += pause
        due = self.store.jobs.claim_due(self.now, limit, 20.0)
        expected = sorted((at, job_id) for job_id, at in self.due.items() if at <= self.now)
        assert [job.id for job in due] == [job_id for _, job_id in expected[:limit]]
        self.due |= {job.id: self.now + 20.0 for job in due}
        made = [new for job in due for new in self.offer(job, TimePassed()).values]
        return multiple(*made)

    @rule(job_id=jobs, pause=st.sampled_from([-5, 60]))
    def put_off(self, job_id: str, pause: float) -> None:
        self.store.jobs.reschedule(job_id, self.now + pause)
        if job_id in self.due:
            self.due[job_id] = self.now + pause

    @rule(job_id=jobs)
    def come_too_late(self, job_id: str) -> None:
        if job := self.store.jobs.get(job_id):
            old, agreed = replace(job, version=job.version - 1), agreed_with(job.account)
            before = self.stored()
            with pytest.raises(StaleVersion):
                self.store.jobs.commit(old, (a_job(),), capacity=agreed, now=self.now)
            assert self.stored() == before, "nothing is written"

    @rule(
        what=st.sampled_from(["account:other", "kind:video", "kind:action", "batch:b1"]),
        resumed=st.booleans(),
    )
    def is_paused(self, what: str, *, resumed: bool) -> None:
        (self.store.queue.resume if resumed else self.store.queue.pause)(what)

    @rule(taken=st.booleans(), final=st.booleans(), again=st.booleans())
    def is_told(self, *, taken: bool, final: bool, again: bool) -> None:
        outbox = self.store.outbox
        for one in outbox.claim(self.now, 3, 60):
            failure = Failure("410" if final else "500", final=final)
            after = delivered(one, self.now, "200") if taken else failed(one, self.now, failure)
            assert outbox.settle(after, self.now)
            assert not outbox.settle(after, self.now), "only once"
        for one in outbox.page(None, 1).notifications if again else ():
            assert outbox.settle(replayed(one, self.now), self.now)

    @rule(job_id=jobs, child_id=jobs)
    def children_come_again(self, job_id: str, child_id: str) -> None:
        """A decision that is made twice makes no child twice, and changes none."""
        job, child = self.store.jobs.get(job_id), self.store.jobs.get(child_id)
        if (
            job
            and child
            and job is not child
            and job.spec.pipeline_id == child.spec.pipeline_id != child_id
        ):
            self.commit(job, (replace(child, version=0, progress=99),))

    @rule(job_id=jobs)
    def are_forgotten(self, job_id: str) -> None:
        """Whatever is over, and one that may not be."""
        jobs = self.store.jobs
        over = {root for status in Status for root in jobs.finished(status, self.now, 99)}
        job = jobs.get(job_id)
        for root in sorted(over | ({job.spec.pipeline_id} if job else set())):
            pipeline = jobs.pipeline(root)
            assert pipeline
            all_over = all(each.settled and not each.holds_slot for each in pipeline.jobs)
            assert jobs.forget(pipeline.jobs, self.now, self.now) == all_over
            self.gone += pipeline.jobs if all_over else ()
        self.due = {k: at for k, at in self.due.items() if jobs.get(k)}
        # A batch leaves with the last of its jobs; one of the same name counts from zero.
        left = {job.spec.batch_id for job in self.stored().jobs.values()}
        self.gone = [
            each
            if each.spec.batch_id in left
            else replace(each, spec=replace(each.spec, batch_id=None))
            for each in self.gone
        ]

    # How it is carried out.

    def stored(self) -> Snapshot:
        return self.store.snapshot()

    def loaded(self, job_id: str) -> Job:
        job = self.store.jobs.get(job_id)
        assert job is not None
        return job

    def run_next(self, account: str, verdict: Verdict, *more: Event) -> Any:
        """Whatever becomes of the job that the store offers."""
        agreed, made = agreed_with(account), list[str]()
        if job := next_ready(self.store, agreed, self.now):
            number, price = job.attempt + 1, agreed.price(sort_of(job))
            started = Started(account, price, refundable=account == "other")
            for event in (started, Posting(number), Replied(number, verdict), *more):
                made += self.offer(self.loaded(job.id), event).values
        return multiple(*made)

    def offer(self, job: Job, event: Event) -> Any:
        with suppress(Conflict):
            decision = transition(job, event, self.now, Policy())
            if decision.disposition is Disposition.APPLIED:
                changed, outbox = announce(job, decision.job, HOOK, self.now)
                return self.commit(changed, decision.children, outbox)
        return multiple()

    def commit(self, job: Job, children: tuple[Job, ...] = (), outbox: Outbox = NOTHING) -> Any:
        before, old = self.stored(), self.store.jobs.get(job.id)
        account = job.account or (old.account if old else "")
        agreed = agreed_with(account)
        told = sample(Source.CALLBACK) if account else None
        with_it: dict[str, Any] = {"sample": told, "outbox": outbox, "now": self.now}
        try:
            openings = self.store.jobs.commit(job, children, capacity=agreed, **with_it)
        except NoFreeSlot:
            assert self.stored() == before, "nothing is written"
            assert self.refusable(before, job, agreed), "there was no reason"
            return multiple()
        self.heard[account] += 1
        # Evidence that a job runs cannot be refused, though an equal one has the guard: of one that
        # gave its guard away in doubt, or that was queued again after a refusal that proves wrong.
        by_evidence = old is not None and job.holds_slot and not old.holds_slot
        if job.place_freed or (by_evidence and not starts(job)):
            self.unguarded.add(job.id)
        new = [j for j in (job, *children) if j.id not in before.jobs]
        self.ids += [j.id for j in new]
        for written in (job, *(child for child in new if child is not job)):
            self.due.pop(written.id, None)
            if written.look_at is not None:
                self.due[written.id] = written.look_at
        after = self.stored()
        expected = {j.id: replace(j, version=j.version + 1) for j in (job, *new)}
        assert after.jobs == {**before.jobs, **expected}, "what was given is written, and no more"
        self.check_start(before, after, job, agreed)
        self.check_openings(before, after, agreed, openings.own)
        self.check_told(before, after, job, outbox)
        return multiple(*(child.id for child in new if child is not job))

    def refusable(self, before: Snapshot, job: Job, agreed: Capacity) -> bool:
        """Only what starts is refused, and for a reason that any may see."""
        old = before.jobs[job.id]
        guard = before.keys.get(f"guards:{job.account}", {}).get(
            before.places[job.id].concurrency_key
        )
        return starts(job) and bool(guard or why_waiting(before, old, agreed))

    def check_start(self, before: Snapshot, after: Snapshot, job: Job, agreed: Capacity) -> None:
        """No limit and no budget is passed by a start, and it counts for its turn."""
        old = before.jobs.get(job.id)
        new_start = starts(job) and not (old and old.holds_slot)
        assert unfair(before, after, before.places[job.id] if new_start else None) == []
        if new_start:
            load = load_of(after, agreed.account)
            assert load.images <= agreed.image_slots or job.makes_film
            assert load.films <= agreed.video_slots or not job.makes_film
            assert agreed.budget is None or used(after, f"account:{job.account}") <= agreed.budget

    def check_openings(
        self, before: Snapshot, after: Snapshot, agreed: Capacity, woken: int
    ) -> None:
        """Whatever can start now is woken."""
        own = {"anywhere": 0, "anywhere_films": 0}
        could, can = (
            replace(load_of(each, agreed.account), **own).startable(agreed)
            for each in (before, after)
        )
        assert woken >= can - could

    def check_told(self, before: Snapshot, after: Snapshot, job: Job, outbox: Outbox) -> None:
        """Of a change what it is worth; of an end once, when nothing is open any more."""
        expected = {one.id for one in outbox.told}
        left = [self.open_of(each, "pipeline_id", job.spec.pipeline_id) for each in (before, after)]
        if outbox.finished and left[1] == 0 and left[0] != 0:
            expected.add(outbox.finished.id)
        of_batch = [self.open_of(each, "batch_id", "b1") for each in (before, after)]
        batch = before.keys.get("batch:b1", {})
        # Until it left with the last of its jobs: one of the same name was never closed.
        if "whole" in batch and of_batch[1] == 0 and of_batch[0] != 0:
            expected.add(f"msg_b1-{int(batch.get('ends', 0)) + 1}")
        assert after.notifications.keys() - before.notifications.keys() == expected

    @staticmethod
    def open_of(stored: Snapshot, field: str, value: str) -> int:
        jobs = stored.jobs.values()
        return sum(not job.settled for job in jobs if getattr(job.spec, field) == value)

    # What always holds.

    @invariant()
    def all_agrees_with_the_records(self) -> None:
        stored = self.stored()
        wrong = stored.disagreements(price_of, gone=self.gone, unguarded=self.unguarded)
        assert wrong == []
        assert stored.keys.get("due", {}) == self.due
        for account in ACCOUNTS:
            sums = stored.keys.get(f"account:{account}", {})
            assert int(sums.get("callback", 0)) == self.heard[account]
            self.check_queue(stored, agreed_with(account))
        self.check_reads([job for job_id in self.ids if (job := stored.jobs.get(job_id))])

    def check_queue(self, stored: Snapshot, agreed: Capacity) -> None:
        queue = self.store.queue
        assert queue.load(agreed.account) == load_of(stored, agreed.account)
        for job in filter(lambda each: each.ready, stored.jobs.values()):
            assert queue.why_waiting(job, agreed, self.now) == why_waiting(stored, job, agreed)
        offered = next_ready(self.store, agreed, self.now)
        assert (offered.id if offered else None) == next_of(stored, agreed)

    def check_reads(self, here: list[Job]) -> None:
        """``here``: every job, the oldest first."""
        jobs = self.store.jobs
        assert jobs.get_many(self.ids) == here
        newest = sorted(here, key=lambda job: (job.spec.created_at, job.id), reverse=True)
        assert jobs.page(Filter(), 99).jobs == tuple(newest)
        for status in {job.status for job in here}:
            of_status = tuple(job for job in newest if job.status is status)
            assert jobs.page(Filter(status=status), 99).jobs == of_status
        for root in {job.spec.pipeline_id for job in here}:
            pipeline = jobs.pipeline(root)
            assert pipeline
            assert {j.id for j in pipeline.jobs} == {
                j.id for j in here if j.spec.pipeline_id == root
            }


def test_the_store_keeps_its_indexes() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
