"""Batches: handed in, handed in again, and what is asked of all their jobs together."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs import ACCEPTED, NOW, a_snapshot
from tests.support.starting import next_ready
from tests.support.stores import OwnStore
from tests.support.web import NoWakeups
from worker.adapters.storage.storage import Storage
from worker.adapters.store import Batch
from worker.domain.account import Account
from worker.domain.batch.progress import BadRows, Progress, whole
from worker.domain.batch.request import parse_batch
from worker.domain.errors import InvalidRequest, NotFound
from worker.domain.events import Event, Observed, Posting, Started
from worker.domain.job import Job
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import JobError
from worker.services.batches import CHUNK, Batches
from worker.services.enqueue import Enqueuer
from worker.services.orchestrator import Orchestrator
from worker.services.reports.batch_overview import report, reports, why_waiting
from worker.services.visible import batch_id_of

UNIT = 1_000_000
FAILURE = JobError("failed", "The provider failed.")


class World:
    """Batches over a store in memory, and a provider's news made by hand."""

    def __init__(self, folder: Path) -> None:
        account = Account(
            "main", "https://provider.example", max_running=100, prices={"default": UNIT}
        )
        self.store = OwnStore()
        self.orchestrator = Orchestrator(
            self.store, NoWakeups(), {"main": account}, hooked=True, clock=lambda: NOW
        )
        self.output = folder / "output"
        enqueuer = Enqueuer(self.orchestrator, Storage(f"file://{self.output}"))
        self.batches = Batches(self.orchestrator, enqueuer)

    def take(self, *rows: Any, **how: Any) -> Progress:
        """Hand the rows in as NDJSON."""
        return whole(self.batches.submit(asked(**how), file_of(*rows)))

    def batch(self, name: str = "cats") -> Batch:
        return self.batches.find(name)

    def roots(self) -> list[Job]:
        return [root for root, _ in self.batches.jobs(self.batch())]

    def prompts(self) -> list[str]:
        return [root.request["prompt"] for root in self.roots()]

    def tell(self, job: Job, *events: Event) -> Job:
        for event in events:
            job = self.orchestrator.record(job, event).job
        return job

    def start(self, job: Job) -> Job:
        task = replace(ACCEPTED, verdict=replace(ACCEPTED.verdict, task_id=f"t-{job.id}"))
        return self.tell(job, Started("main", UNIT), Posting(1), task)

    def end(self, job: Job, status: TaskStatus = TaskStatus.SUCCEEDED) -> Job:
        error = FAILURE if status is TaskStatus.FAILED else None
        snapshot = a_snapshot(status, task_id=f"t-{job.id}", error=error)
        started = job if job.attempts else self.start(job)
        return self.tell(started, Observed(snapshot, attempt=1))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def asked(name: str = "cats", form: str = "ndjson", **more: Any) -> Any:
    return parse_batch({"name": name, "form": form, **more})


def file_of(*rows: Any) -> Iterator[bytes]:
    for row in rows:
        asks = {"prompt": row} if isinstance(row, str) else row
        yield asks if isinstance(asks, bytes) else json.dumps(asks).encode() + b"\n"


def test_rows_become_jobs_in_their_order(world: World) -> None:
    taken = world.take(
        "a cat", "a dog", {"prompt": "a fox", "key": "fox", "then": [{"press": "U1"}]}
    )
    assert (taken.new, taken.known, taken.bad, taken.rows) == (3, 0, 0, 3)
    assert world.prompts() == ["a cat", "a dog", "a fox"]
    assert [(root.spec.row, root.spec.batch_id) for root in world.roots()] == [
        (number, batch_id_of("cats")) for number in (1, 2, 3)
    ]
    assert world.roots()[2].spec.row_key == "fox"
    assert world.batch().rows == 3


def test_the_same_file_again_adds_nothing(world: World) -> None:
    world.take("a cat", "a dog", "a cat")
    again = world.take("a cat", "a dog", "a cat")
    assert (again.new, again.known, again.planned, again.price) == (0, 3, 0, 0)
    assert world.prompts() == ["a cat", "a dog", "a cat"]


def as_csv(world: World, text: str, **how: Any) -> Progress:
    return whole(world.batches.submit(asked(form="csv", **how), iter([text.encode()])))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("prompt,key\na cat,1001\na dog,1002\n", "prompt,key\na cat,1001.0\na dog,1002.0\n"),
        ("prompt,key\na cat,1001.0\na dog,1002.0\n", "prompt,key\na cat,1001\na dog,1002\n"),
        ("prompt,n\na cat,1\na cat,1\n", "prompt,n\na cat,1.0\na cat,1.0\n"),
        ("prompt;key\na cat;1001\na dog;1002\n", "prompt;key\na cat;1001,0\na dog;1002,0\n"),
        ('prompt,key\n"a {red, blue} cat",7\n', 'prompt,key\n"a {red, blue} cat",7.0\n'),
    ],
)
def test_rows_whose_numbers_pandas_rewrote_are_not_paid_for_again(
    world: World, first: str, then: str
) -> None:
    assert as_csv(world, first).new == 2
    dry = whole(world.batches.check(asked(form="csv"), iter([then.encode()])))
    assert (dry.new, dry.known, dry.bad, dry.price) == (0, 2, 0, 0)
    again = as_csv(world, then)
    assert (again.new, again.known, again.bad) == (0, 2, 0)
    assert len(world.roots()) == 2
    both = as_csv(world, first)
    assert (both.new, both.known) == (0, 2)


def test_a_template_with_rewritten_numbers_is_not_paid_for_again(world: World) -> None:
    how = {"defaults": {"prompt": "{n} cats"}}
    as_csv(world, "n,key\n3,1001\n", **how)
    assert world.prompts() == ["3 cats"]
    again = as_csv(world, "n,key\n3.0,1001.0\n", **how)
    assert (again.new, again.known, again.bad) == (0, 1, 0)


def test_another_request_under_a_rewritten_key_is_bad(world: World) -> None:
    as_csv(world, "prompt,key\na cat,1001\n")
    again = as_csv(world, "prompt,key\na dog,1001.0\na cow,1002.0\n")
    assert (again.new, again.known, again.bad) == (1, 0, 1)
    assert again.bad_rows[0]["row"] == 2
    assert "the key of another request" in again.bad_rows[0]["errors"][0]["message"]


def test_an_edited_file_adds_its_new_rows_only(world: World) -> None:
    world.take("a cat", "a dog")
    again = world.take("a bird", "a cat", "a dog", "a fox")
    assert (again.new, again.known) == (2, 2)
    assert world.prompts() == ["a cat", "a dog", "a bird", "a fox"]


def test_how_a_row_is_run_may_change_without_a_second_job(world: World) -> None:
    row = {"prompt": "a cat", "key": "k"}
    world.take(row)
    assert world.take({**row, "priority": 9, "deadline_s": 60}).known == 1


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a dog"},
        {"bot_type": None},
        {"then": [{"press": "U2"}]},
        {"kind": "shorten", "bot_type": None},
    ],
)
def test_a_changed_row_under_the_callers_key_is_bad(world: World, change: dict[str, Any]) -> None:
    row = {"prompt": "a cat", "key": "k", "bot_type": "NIJI_JOURNEY", "then": [{"press": "U1"}]}
    world.take(row)
    again = world.take({**row, **change}, "a bird")
    assert (again.new, again.known, again.bad) == (1, 0, 1)
    assert again.bad_rows[0]["row"] == 1
    assert again.bad_rows[0]["errors"][0]["field"] == "key"
    assert world.prompts() == ["a cat", "a bird"]


def test_a_bad_row_is_told_with_its_line_and_the_others_go_on(world: World) -> None:
    taken = world.take("a cat", {"promt": 1, "priority": 11}, b"no json\n", "a dog")
    assert (taken.new, taken.bad) == (2, 2)
    assert [row["row"] for row in taken.bad_rows] == [2, 3]
    assert world.store.batches.bad_rows(taken.batch_id, 100) == list(taken.bad_rows)
    assert {error["field"] for error in taken.bad_rows[0]["errors"]} >= {"prompt", "priority"}
    world.take("a cat")
    assert (world.batch().bad, world.store.batches.bad_rows(taken.batch_id, 100)) == (0, [])


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"prompt": "a cat", "account": "nobody"}, "account"),
        ({"kind": "describe", "image": "/nowhere/cat.png"}, "image"),
        ({"kind": "action", "job_id": "0" * 32, "button": "U1"}, "job_id"),
    ],
)
def test_what_only_the_intake_knows_makes_a_row_bad_too(
    world: World, row: dict[str, Any], field: str
) -> None:
    taken = world.take(row, "a dog")
    assert (taken.new, taken.bad) == (1, 1)
    assert taken.bad_rows[0]["errors"][0]["field"] == field
    with pytest.raises(BadRows):
        world.take(row, "a fox", strict=True)


@pytest.mark.parametrize(
    "bad", [{}, {"prompt": "a cat", "account": "nobody"}, {"key": "k", "prompt": "b"}]
)
def test_strict_stores_nothing_of_a_file_with_a_bad_row(world: World, bad: dict[str, Any]) -> None:
    world.take({"key": "k", "prompt": "a"})
    rows = [f"a cat {n}" for n in range(CHUNK + 1)]
    with pytest.raises(BadRows) as refused:
        world.take(*rows, bad, strict=True)
    assert (refused.value.count, refused.value.rows[0]["row"]) == (1, len(rows) + 1)
    assert world.prompts() == ["a"]
    assert world.batch().bad == 0


def test_strict_takes_a_good_file_whole(world: World) -> None:
    assert world.take(*[f"a cat {n}" for n in range(CHUNK + 1)], strict=True).new == CHUNK + 1


def test_strict_holds_no_more_bad_rows_than_it_tells(world: World) -> None:
    with pytest.raises(BadRows) as refused:
        world.take(*[{}] * 1000, strict=True)
    assert (refused.value.count, len(refused.value.rows)) == (1000, 100)
    assert "900 more" in str(refused.value)
    with pytest.raises(NotFound):
        world.batch()


@pytest.mark.parametrize("data", [b"", b"\n\n", b'[{"prompt": "a cat"}]'])
def test_what_is_no_such_file_makes_no_batch(world: World, data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        whole(world.batches.submit(asked(), [data]))
    with pytest.raises(NotFound):
        world.batch()


def test_a_file_that_breaks_off_keeps_what_came_and_goes_on_later(world: World) -> None:
    prompts = [f"a cat {n}" for n in range(2 * CHUNK)]

    def broken() -> Iterator[bytes]:
        yield from file_of(*prompts[: CHUNK + 10])
        yield b'{"prompt": "a ca'
        raise ConnectionError

    with pytest.raises(ConnectionError):
        whole(world.batches.submit(asked(), broken()))
    assert world.batch().rows == CHUNK
    assert world.take(*prompts).new == CHUNK
    assert sorted(world.prompts()) == sorted(prompts)


def test_a_check_tells_what_a_submit_would_and_stores_nothing(world: World, tmp_path: Path) -> None:
    world.take("a cat")
    rows: tuple[Any, ...] = (
        "a cat",
        "a dog",
        {"prompt": "x", "then": [{"press": "U1"}, {"press": "U2"}]},
        {},
    )
    progress = whole(world.batches.check(asked(), file_of(*rows)))
    assert (progress.new, progress.known, progress.bad) == (2, 1, 1)
    assert (progress.planned, progress.price, progress.exact) == (4, 4 * UNIT, True)
    assert world.prompts() == ["a cat"]
    assert not world.output.exists()
    assert world.take(*rows).bad_rows == progress.bad_rows


def test_a_batch_is_found_by_its_name_and_by_its_id(world: World) -> None:
    taken = world.take("a cat")
    assert world.batches.find(taken.batch_id) == world.batches.find("cats")
    for unknown in ("dogs", "0" * 32, f"{taken.batch_id}:roots"):
        with pytest.raises(NotFound):
            world.batches.find(unknown)


def test_cancel_gives_up_what_is_not_over(world: World) -> None:
    world.take("a cat", "a dog", "a fox")
    done, started, queued = world.roots()
    world.end(done)
    world.start(started)
    assert [job.id for job in world.batches.cancel(world.batch())] == [started.id, queued.id]
    assert world.batch().counts == {"succeeded": 1, "cancelled": 2}
    assert list(world.batches.cancel(world.batch())) == []


def test_nothing_of_a_batch_starts_while_it_is_being_cancelled(world: World) -> None:
    world.take("a cat", "a dog")
    capacity = world.orchestrator.dispatch.capacity("main", NOW)
    cancelling = world.batches.cancel(world.batch())
    next(cancelling)
    assert next_ready(world.store, capacity, NOW) is None
    assert len(list(cancelling)) == 1
    assert not world.store.queue.paused()


def test_a_paused_batch_is_still_paused_when_it_was_cancelled(world: World) -> None:
    world.take("a cat")
    world.batches.pause(world.batch())
    list(world.batches.cancel(world.batch()))
    assert world.store.queue.paused() == {f"batch:{world.batch().id}"}


def test_children_that_appear_while_a_batch_is_cancelled_are_given_up_too(world: World) -> None:
    world.take({"prompt": "a cat", "then": [{"press": "U1"}]})
    root = world.start(world.roots()[0])
    read = world.batches.jobs

    def late(batch: Batch) -> Iterator[tuple[Job, tuple[Job, ...]]]:
        for found, jobs in read(batch):
            world.end(found)
            yield found, jobs

    world.batches.jobs = late  # type: ignore[method-assign]
    assert [job.spec.parent_id for job in world.batches.cancel(world.batch())] == [root.id]
    assert world.batch().counts == {"succeeded": 1, "cancelled": 1}


def test_retry_tries_again_what_failed_and_nothing_else(world: World) -> None:
    world.take("a cat", "a dog", "a fox")
    failed, done, _queued = world.roots()
    world.end(failed, TaskStatus.FAILED)
    world.end(done)
    assert report(world.store, world.batch()).errors == {"failed": 1}
    assert [job.id for job in world.batches.retry_failed(world.batch())] == [failed.id]
    assert world.batch().counts == {"succeeded": 1, "queued": 2}
    assert list(world.batches.retry_failed(world.batch())) == []


def test_a_failed_job_that_cannot_be_tried_again_is_passed_over(world: World) -> None:
    world.take({"prompt": "a cat", "then": [{"press": "No such button"}]}, "a dog")
    world.end(world.roots()[0])
    world.end(world.roots()[1], TaskStatus.FAILED)
    assert world.batch().counts == {"succeeded": 1, "failed": 2}
    assert [job.spec.row for job in world.batches.retry_failed(world.batch())] == [2]


def test_a_report_tells_how_far_a_batch_is(world: World) -> None:
    world.take(*[{"prompt": f"a cat {n}", "then": [{"press": "U1"}]} for n in range(3)], budget=5)
    seen = report(world.store, world.batch())
    assert (seen.status, seen.over, seen.total, seen.planned) == ("running", 0, 3, 6)
    assert (seen.cost.budget, seen.cost.estimated, seen.cost.spent) == (5 * UNIT, 3 * UNIT, 0)
    for root in world.roots():
        world.end(root, TaskStatus.FAILED)
    seen = report(world.store, world.batch())
    assert (seen.status, seen.over, seen.planned, seen.failed) == ("finished", 3, 3, 3)
    assert (seen.cost.estimated, seen.cost.spent) == (0, 3 * UNIT)


def test_pause_and_resume(world: World) -> None:
    world.take("a cat")
    world.batches.pause(world.batch())
    seen = report(world.store, world.batch())
    assert seen.status == "paused"
    waits = why_waiting(world.orchestrator, seen)
    assert waits is not None
    assert waits.reason == "paused"
    world.batches.resume(world.batch())
    assert report(world.store, world.batch()).status == "running"


def test_why_nothing_runs_is_told_only_where_nothing_runs(world: World) -> None:
    world.take("a cat", "a dog", budget=1)
    world.end(world.roots()[0])
    waits = why_waiting(world.orchestrator, report(world.store, world.batch()))
    assert waits is not None
    assert waits.reason == "budget"
    world.take("a cat", "a dog", "a fox", budget=3)
    world.start(world.roots()[1])
    assert why_waiting(world.orchestrator, report(world.store, world.batch())) is None


def test_several_are_told_of_newest_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(world.orchestrator, "clock", lambda: NOW + next(clock))
    for name in ("cats", "dogs"):
        world.take("a cat", name=name)
    assert [r.name for r in reports(world.store, world.store.batches.newest(9))] == [
        "dogs",
        "cats",
    ]
