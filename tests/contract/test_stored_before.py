"""What version 0.1.0 stored is read, and gone on with.

``tests/corpus/stored`` holds every key as that version wrote it, through its own calls, and what
its HTTP answered about it then.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs import a_job, a_snapshot, after
from tests.support.starting import next_ready
from tests.support.stores import OwnStore
from tests.support.web import AUTH, Web
from worker.adapters.store import codec
from worker.adapters.store.places import lane_of
from worker.domain.account.callback_stats import Source
from worker.domain.events import Event, Observed, Replied, Retried, Started, TimePassed
from worker.domain.job import Job, Status
from worker.domain.notifications import DeliveryState, delivered
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict

RECORDED = Path(__file__).parents[1] / "corpus/stored/0.1.0.json"


class Stored:
    """A store as it was recorded, and today's program over it."""

    def __init__(self, folder: Path) -> None:
        self.recorded: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
        self.now: float = self.recorded["now"]
        accounts = folder / "accounts.toml"
        accounts.write_text(self.recorded["accounts_toml"], encoding="utf-8")
        self.web = Web(folder, _filled(self.recorded["keys"]), {"HOOKLINE_ACCOUNTS": str(accounts)})
        self.store = self.web.store
        self.orchestrator = self.web.services.orchestrator
        self.orchestrator.clock = lambda: self.now
        self.web.services.roster.appear()  # a worker ran then

    def job(self, name: str) -> Job:
        return self.orchestrator.job(self.recorded["names"][name])

    def record(self, name: str, *events: Event) -> Job:
        for event in events:
            self.now += 1
            self.orchestrator.record(self.job(name), event, source=Source.CALLBACK)
        self.check()
        return self.job(name)

    def check(self, *gone: Job) -> None:
        """Every index says what the records say; one job had been forgotten before."""
        before = a_job(account="main", status=Status.CANCELLED)
        capacity = self.orchestrator.dispatch.capacity

        def price(job: Job) -> int:
            return capacity(job.account, self.now).price(lane_of(job).sort)

        snapshot = self.store.snapshot()
        # It did not watch ready jobs, nor index those that an account refused: that comes with
        # their next change.
        written = {
            name[4:]: stored["value"]["doc"]
            for name, stored in self.recorded["keys"].items()
            if name.startswith("job:")
        }
        former = {
            job_id
            for job_id, doc in written.items()
            if snapshot.keys.get(f"job:{job_id}", {}).get("doc") == doc
        }
        found = snapshot.disagreements(price, gone=(before, *gone), former=former, later=False)
        assert found == []

    def answer(self, path: str) -> Any:
        found = self.web.client.get(f"/v1/{path}", headers=AUTH)
        assert found.status_code == 200, path
        return found.get_json()


def _filled(keys: dict[str, Any]) -> OwnStore:
    store = OwnStore()
    for name, recorded in keys.items():
        key, value = f"{store.prefix}{name}", recorded["value"]
        match recorded["type"]:
            case "string":
                store.client.set(key, value)
            case "hash":
                store.client.hset(key, mapping=value)
            case "list":
                store.client.rpush(key, *value)
            case "set":
                store.client.sadd(key, *value)
            case "zset":
                store.client.zadd(key, value)
        if "ttl_ms" in recorded:
            store.client.pexpire(key, 60_000)
    return store


def _as_then(found: Any, then: Any) -> Any:
    """``found`` without what answers have got since: fields, and reasons of jobs not queued."""
    if not isinstance(found, dict) or not isinstance(then, dict):
        return found
    return {
        name: None if name == "waiting" and then[name] is None else _as_then(value, then[name])
        for name, value in found.items()
        if name in then
    }


def _lists_as_then(found: Any, then: Any) -> Any:
    """The same for a page of them."""
    items = [_as_then(*pair) for pair in zip(found["items"], then["items"], strict=True)]
    return {**_as_then(found, then), "items": items}


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def test_all_of_it_is_answered_as_it_was_then(stored: Stored) -> None:
    expected = stored.recorded["expected"]
    for job_id, job in expected["jobs"].items():
        assert _as_then(stored.answer(f"jobs/{job_id}"), job) == job
    for root, whole in expected["pipelines"].items():
        found = stored.answer(f"pipelines/{root}")
        assert {**found, "jobs": [job["id"] for job in found["jobs"]]} == {"id": root, **whole}
    for batch_id, batch in expected["batches"].items():
        assert _as_then(stored.answer(f"batches/{batch_id}"), batch) == batch
    assert stored.answer("deliveries?limit=100")["items"] == expected["deliveries"]
    accounts = expected["accounts"]
    for account in accounts["items"]:
        account["delivery"]["receiving_since"] = None  # what was only claimed then is no proof
    assert _lists_as_then(stored.answer("accounts"), accounts) == accounts


def test_every_status_and_every_state_of_a_notification_is_among_it(stored: Stored) -> None:
    snapshot = stored.store.snapshot()
    assert {job.status for job in snapshot.jobs.values()} == set(Status)
    assert {one.state for one in snapshot.notifications.values()} == set(DeliveryState)


def test_what_is_written_again_unchanged_is_written_the_same(stored: Stored) -> None:
    for key, value in stored.store.snapshot().keys.items():
        if key.startswith("job:"):
            assert json.loads(codec.dump(codec.load(value["doc"]))) == json.loads(value["doc"])
        if key.startswith("notification:"):
            one = codec.notifications.load(value["doc"])
            assert json.loads(codec.notifications.dump(one)) == json.loads(value["doc"])


def test_its_indexes_agree(stored: Stored) -> None:
    stored.check()


def test_its_jobs_go_on(stored: Stored) -> None:
    accepted = Replied(1, Verdict(Outcome.ACCEPTED, task_id="t-new"))
    assert stored.record("submitting-posting", accepted).status is Status.SUBMITTED
    seen = Observed(a_snapshot(TaskStatus.SUCCEEDED, task_id="t-wren"), attempt=1)
    parent = stored.record("in_progress", seen)
    children = stored.store.jobs.pipeline(parent.id)
    assert children
    assert [job.request["button"] for job in children.jobs[1:]] == ["U1", "V2"]
    assert stored.record("failed", Retried()).status is Status.QUEUED
    stored.now = stored.job("retrying").due_at or 0
    assert stored.record("retrying", TimePassed()).ready
    late = Observed(a_snapshot(TaskStatus.SUCCEEDED, task_id="t-late"), attempt=1)
    assert stored.record("overdue", late).status is Status.SUCCEEDED


def test_its_queue_goes_on(stored: Stored) -> None:
    seen = Observed(a_snapshot(TaskStatus.SUCCEEDED, task_id="t-fox"), attempt=1)
    stored.record("equal-runs", seen)
    began = set[str]()
    names = {job_id: name for name, job_id in stored.recorded["names"].items()}
    capacity = replace(stored.orchestrator.dispatch.capacity("main", stored.now), image_slots=99)
    while job := next_ready(stored.store, capacity, stored.now):
        stored.now += 60
        started = after(job, Started("main", 1_000_000), now=stored.now).job
        stored.store.jobs.commit(started, capacity=capacity, now=stored.now)
        stored.check()
        began.add(names[job.id])
    assert {"equal-ready", "queued"} <= began
    assert began.isdisjoint({"equal-parked", "queued-film", "row-queued"}), "equal, or paused"


def test_its_notifications_and_accounts_go_on(stored: Stored) -> None:
    due = stored.store.outbox.claim(stored.now + 3600, 99, 60)
    for one in due:
        assert stored.store.outbox.settle(delivered(one, stored.now, "200"), stored.now)
    follow = stored.store.outbox.claim(stored.now + 3600, 99, 60)
    assert {one.ordering_key for one in follow} < {one.ordering_key for one in due}
    stored.check()
    known = stored.store.accounts.breaker("spare")
    assert known.limit == 1
    assert stored.store.accounts.save_breaker("spare", replace(known, limit=2), known)


def test_its_pipelines_are_forgotten(stored: Stored) -> None:
    jobs = stored.store.jobs
    gone: list[Job] = []
    for status in Status:
        for root in jobs.finished(status, stored.now, 99):
            pipeline = jobs.pipeline(root)
            assert pipeline
            assert jobs.forget(pipeline.jobs, stored.now, stored.now) != any(
                job.holds_slot for job in pipeline.jobs
            )
            gone += pipeline.jobs if jobs.get(root) is None else ()
    assert stored.recorded["names"]["row-over"] in {job.id for job in gone}
    assert stored.store.batches.get(stored.recorded["names"]["batch-winter"]) is None
    stored.check(*gone)
