"""A function of the user's chooses which buttons of a finished job are pressed."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from os import system
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.jobs import NOW, after, callback, in_status
from tests.support.shell import Shell
from worker.adapters.storage.storage import Storage
from worker.domain import retry_policy
from worker.domain.errors import InvalidRequest, StoreUnavailable
from worker.domain.events import (
    AssetsSettled,
    Cancelled,
    Choosing,
    Chosen,
    Disposition,
    NotChosen,
    Retried,
    Started,
    TimePassed,
)
from worker.domain.job import Job, Status
from worker.domain.job_spec import JSON, SUBMITTED_KINDS, Kind
from worker.domain.provider_reports import TaskStatus
from worker.domain.requests.requests import parse_request
from worker.domain.result import AssetsStatus, JobError, Result
from worker.services.choose import PLACES, Chooser
from worker.services.enqueue import Enqueuer
from worker.services.sweep import Sweep

HERE = __name__
FUNCTION = f"{HERE}:choose"
STEP: JSON = {"choose": FUNCTION, "then": [{"describe": True}]}
DONE = callback(TaskStatus.SUCCEEDED)
STORED = AssetsSettled(("p/grid.png",), AssetsStatus.STORED)
BROKEN = JobError("choose_failed", "no")

#: What the function of these tests does, and what it was called with.
answers: list[Callable[[Job, list[str]], Any]] = []
calls: list[tuple[Job, list[str]]] = []


def choose(job: Job, files: list[str]) -> Any:
    """Answer as the test says."""
    calls.append((job, files))
    return answers[0](job, files)


plain = lambda job, files: choose(job, files)  # noqa: E731, PLW0108
lent = partial(system, "true")


def noted(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def noting(*args: Any) -> Any:
        return function(*args)

    return noting


remembered = noted(choose)


@pytest.fixture(autouse=True)
def fresh() -> None:
    answers.clear()
    calls.clear()


class Family(Shell):
    """A finished imagine with a choose, its files stored unless ``stored`` is false."""

    def __init__(self, folder: Path, step: JSON = STEP, *, stored: bool = True) -> None:
        super().__init__()
        self.storage = Storage(f"file://{folder}")
        self.chooser = Chooser(self.orchestrator, self.storage, [HERE])
        root = self.put(in_status(Status.SUBMITTED, then=(step,), tenant="t", priority=7))
        decision = self.orchestrator.record(root, DONE)
        self.root, (self.made,) = decision.job, decision.children
        if stored:
            self.root = self.orchestrator.record(self.job(self.root), STORED).job

    @property
    def choice(self) -> Job:
        return self.job(self.made)

    def answers(self, answer: Any) -> Job:
        """The choose, after its function answered."""
        answers[:] = [lambda *_: answer]
        self.chooser.choose(self.made.id)
        return self.choice

    def chosen(self) -> list[Job]:
        return [job for job in self.jobs() if job.spec.parent_id == self.made.id]


@pytest.fixture
def family(tmp_path: Path) -> Family:
    return Family(tmp_path)


def test_it_is_called_with_the_finished_job_and_its_files(family: Family, tmp_path: Path) -> None:
    family.answers([])
    ((job, files),) = calls
    assert job == family.job(family.root)
    assert files == [str(tmp_path / "p/grid.png")]


def test_what_it_names_is_pressed_under_the_same_parent(family: Family) -> None:
    job = family.answers(["U2", {"press": "V1", "then": [{"press": "U1"}]}])
    assert (job.status, job.progress, job.due_at, job.error) == (Status.SUCCEEDED, 100, None, None)
    pressed = {child.request["button"]: child for child in family.chosen()}
    assert set(pressed) == {"U2", "V1"}
    assert pressed["U2"].request == {
        "job_id": family.root.id,
        "button": "U2",
        "custom_id": "MJ::JOB::upsample::2::4f2c",
    }
    assert pressed["U2"].spec.then == ({"describe": True},), "the step's own"
    assert pressed["V1"].spec.then == ({"press": "U1"},), "the answer's own"
    assert all(child.ready and child.options.tenant == "t" for child in pressed.values())
    assert {child.spec.pipeline_id for child in pressed.values()} == {family.root.id}


@pytest.mark.parametrize(
    ("answer", "pressed"), [([], []), ((), []), (["U*"], ["U1", "U2", "U3", "U4"])]
)
def test_it_may_choose_none_or_many(family: Family, answer: Any, pressed: list[str]) -> None:
    assert family.answers(answer).status is Status.SUCCEEDED
    assert sorted(child.request["button"] for child in family.chosen()) == pressed


def test_a_button_that_is_not_there_fails_only_its_press(family: Family) -> None:
    assert family.answers(["U2", "U9"]).status is Status.SUCCEEDED
    found = {child.request["button"]: child.error for child in family.chosen()}
    assert found["U2"] is None
    assert found["U9"] is not None
    assert found["U9"].code == "button_not_found"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "answer: must be a list"),
        ("U2", "answer: must be a list"),
        ([2], "answer[0]: must be an object"),
        ([{"describe": True}], "answer[0]: must press a button"),
        ([{"press": "U1", "them": []}], "answer[0].them: is not a field"),
        ([{"press": "U1", "then": [{"choose": "os:system"}]}], "HOOKLINE_CHOOSERS"),
        ([{"press": "U1", "modal": {"mask": "/no/such.png"}}], "modal.mask: there is no file"),
        (["U1"] * 51, "answer: must have at most 50"),
    ],
)
def test_an_answer_that_cannot_be_pressed_fails_the_step(
    family: Family, answer: Any, words: str
) -> None:
    job = family.answers(answer)
    assert (job.status, job.due_at) == (Status.FAILED, None)
    assert job.error is not None
    assert job.error.code == "choose_failed"
    assert words in job.error.message
    assert family.chosen() == []
    assert family.job(family.root).status is Status.SUCCEEDED


def _raises(error: BaseException) -> Callable[..., Any]:
    def function(*_: object) -> Any:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no face"), "choose raised ValueError: no face"),
        (SystemExit(3), "choose raised SystemExit: 3"),
        (ValueError("x" * 600), "raised ValueError: xxx"),
        (StoreUnavailable(), "raised StoreUnavailable"),
    ],
)
def test_whatever_it_raises_fails_the_step(
    family: Family, error: BaseException, words: str
) -> None:
    answers[:] = [_raises(error)]
    family.chooser.choose(family.made.id)
    assert family.choice.status is Status.FAILED
    assert family.choice.error is not None
    assert words in family.choice.error.message
    assert len(family.choice.error.message) <= 500


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (f"{HERE}:nobody", "raised AttributeError"),
        ("no_such_module:best", "raised ModuleNotFoundError"),
        (f"{HERE}:NOW", "not a function that"),
        (f"{HERE}:Family", "not a function that"),
        (f"{HERE}:after", "not a function that"),
        (f"{HERE}:system", "not a function that"),
        (f"{HERE}:lent", "not a function that"),
        (f"{HERE}.os:system", "list its module"),
        ("os:system", "may not be called: list its module in the setting HOOKLINE_CHOOSERS"),
    ],
)
def test_a_function_that_cannot_be_called_fails_the_step(
    tmp_path: Path, function: str, words: str
) -> None:
    family = Family(tmp_path, {"choose": function})
    Chooser(family.orchestrator, family.storage, [HERE, "no_such_module"]).choose(family.made.id)
    assert family.choice.error is not None
    assert words in family.choice.error.message


@pytest.mark.parametrize("function", ["plain", "remembered"])
def test_a_function_may_be_written_in_any_way(tmp_path: Path, function: str) -> None:
    answers[:] = [lambda *_: []]
    family = Family(tmp_path, {"choose": f"{HERE}:{function}"})
    family.chooser.choose(family.made.id)
    assert family.choice.status is Status.SUCCEEDED, family.choice.error


def test_one_that_takes_too_long_has_failed(family: Family) -> None:
    forever = Event()
    answers[:] = [lambda *_: forever.wait()]
    chooser = Chooser(family.orchestrator, family.storage, [HERE], limit_s=0.02)
    chooser.choose(family.made.id)
    forever.set()
    assert family.choice.error is not None
    assert "did not answer within 0.02 s" in family.choice.error.message


def test_a_failed_one_is_called_again_on_request(family: Family) -> None:
    assert family.answers(None).status is Status.FAILED
    family.orchestrator.record(family.choice, Retried())
    assert family.choice.due_at == NOW
    Sweep(family.orchestrator, family.wakeups).run()
    assert ("choose", family.made.id) in family.wakeups.sent
    assert family.answers(["U1"]).status is Status.SUCCEEDED
    assert len(family.chosen()) == 1
    assert [attempt.outcome for attempt in family.choice.attempts] == ["failed", "succeeded"]


def test_it_waits_for_the_files_of_its_parent(tmp_path: Path) -> None:
    family = Family(tmp_path, stored=False)
    assert family.answers(["U1"]).waiting
    assert (calls, family.wakeups.sent) == ([], [])
    family.orchestrator.record(family.job(family.root), STORED)
    assert family.wakeups.sent == [("choose", family.made.id)]
    assert family.answers(["U1"]).status is Status.SUCCEEDED


def test_it_does_without_files_that_cannot_be_had(tmp_path: Path) -> None:
    family = Family(tmp_path, stored=False)
    family.orchestrator.record(family.job(family.root), AssetsSettled((), AssetsStatus.FAILED))
    family.answers(["U1"])
    assert calls[0][1] == []


def test_a_wake_up_that_was_lost_is_sent_again_by_the_sweep(tmp_path: Path) -> None:
    family = Family(tmp_path, stored=False)
    family.now += retry_policy.look_at_siblings(0.0)
    Sweep(family.orchestrator, family.wakeups).run()
    assert ("choose", family.made.id) in family.wakeups.sent


def test_it_needs_no_slot_and_is_never_submitted(family: Family) -> None:
    job = family.choice
    assert not job.ready
    assert after(job, Started("default")).disposition is Disposition.STALE
    called = after(job, Choosing()).job
    assert (called.status, called.holds_slot, called.askable) == (Status.IN_PROGRESS, False, False)


def test_two_workers_never_call_it_at_once(family: Family) -> None:
    inside, go_on = Event(), Event()

    def slow(*_: object) -> list[str]:
        inside.set()
        assert go_on.wait(10)
        return ["U1"]

    answers[:] = [slow]
    first = Thread(target=family.chooser.choose, args=(family.made.id,))
    first.start()
    assert inside.wait(10)
    other = Chooser(family.orchestrator, family.storage, [HERE])
    other.choose(family.made.id)
    assert len(calls) == 1
    go_on.set()
    first.join()
    other.choose(family.made.id)
    assert len(calls) == 1
    assert family.choice.status is Status.SUCCEEDED


def test_while_it_runs_its_lease_is_renewed(family: Family) -> None:
    put_off, renewed = family.store.jobs.reschedule, Event()

    def reschedule(job_id: str, due_at: float) -> None:
        put_off(job_id, due_at)
        renewed.set()

    family.store.jobs.reschedule = reschedule  # type: ignore[method-assign]
    answers[:] = [lambda *_: ["U1"] if renewed.wait(10) else None]
    chooser = Chooser(family.orchestrator, family.storage, [HERE], limit_s=2.0)
    chooser.choose(family.made.id)
    assert family.choice.status is Status.SUCCEEDED


def test_where_every_place_is_taken_the_others_come_after(family: Family) -> None:
    """Those that came meanwhile are not left to the sweep."""
    others = [
        family.put(replace(family.made, id=f"{n:032x}", version=0)) for n in range(PLACES + 2)
    ]
    inside, go_on = Event(), Event()

    def slow(*_: object) -> list[str]:
        if len(calls) == PLACES:
            inside.set()
        assert go_on.wait(10)
        return []

    answers[:] = [slow]
    busy = [Thread(target=family.chooser.choose, args=(job.id,)) for job in others[:PLACES]]
    for thread in busy:
        thread.start()
    assert inside.wait(10)
    for job in others[PLACES:]:
        family.chooser.choose(job.id)
    assert len(calls) == PLACES
    go_on.set()
    for thread in busy:
        thread.join()
    assert {family.job(job).status for job in others} == {Status.SUCCEEDED}


def test_a_worker_that_died_in_it_is_followed_by_another(family: Family) -> None:
    job = after(family.choice, Choosing()).job
    early = after(job, TimePassed(), now=NOW + retry_policy.CHOOSE_LEASE_S - 1)
    assert early.disposition is Disposition.STALE
    for call in (2, 3):
        job = after(job, TimePassed(), now=(job.due_at or 0) + 1).job
        assert (job.waiting, job.due_at is not None) == (True, True)
        job = after(job, Choosing(), now=job.due_at or 0).job
        assert job.attempt == call
    job = after(job, TimePassed(), now=(job.due_at or 0) + 1).job
    assert job.status is Status.FAILED
    assert job.error is not None
    assert "during each of 3 calls" in job.error.message
    again = after(job, Retried(), Choosing(), TimePassed(), now=NOW + 10_000)
    assert again.job.status is Status.IN_PROGRESS, "a retry has three calls of its own"


def test_whoever_was_taken_for_dead_has_no_say(family: Family) -> None:
    late_at = NOW + retry_policy.CHOOSE_LEASE_S + 1
    stalled = after(family.choice, Choosing()).job
    followed = after(after(stalled, TimePassed(), now=late_at).job, Choosing(), now=late_at).job
    answer = Chosen(stalled.attempt, family.root, ({"press": "U1"},))
    for event in (answer, NotChosen(stalled.attempt, BROKEN)):
        assert after(followed, event).disposition is Disposition.STALE
    assert len(after(followed, replace(answer, attempt=followed.attempt)).children) == 1


def test_a_cancelled_one_presses_nothing(family: Family) -> None:
    called = after(family.choice, Choosing()).job
    gone = after(called, Cancelled()).job
    assert (gone.status, gone.draining, gone.due_at) == (Status.CANCELLED, False, None)
    late = after(gone, Chosen(called.attempt, family.root, ({"press": "U1"},)))
    assert (late.disposition, late.children) == (Disposition.STALE, ())


def test_a_callback_without_buttons_is_no_end_for_a_job_with_a_choose() -> None:
    job = in_status(Status.SUBMITTED, then=(STEP,))
    told = callback(TaskStatus.SUCCEEDED, result=Result(image_url="https://c/1"))
    assert after(job, told).job.status is Status.IN_PROGRESS
    assert after(job, replace(told, asked=True)).job.status is Status.SUCCEEDED


@pytest.mark.parametrize(
    "name", ["choose", "os.system", "a:b.c", ":f", "a:", "a b:c", "a:b()", "../a:b", "a:b\n", "é:f"]
)
def test_what_names_no_function_is_refused(name: str) -> None:
    data = {"kind": "imagine", "prompt": "a cat", "then": [{"choose": name}]}
    if name == "a:b\n":  # blanks around it are dropped
        assert parse_request(data).spec.then == ({"choose": "a:b"},)
        return
    with pytest.raises(InvalidRequest, match=r"then\[0\].choose: must name a function"):
        parse_request(data)


def test_only_functions_of_listed_modules_may_be_named(family: Family) -> None:
    enqueuer = Enqueuer(family.orchestrator, family.storage, [HERE])
    good = {"kind": "imagine", "prompt": "a dog", "then": [{"press": "U1", "then": [STEP]}]}
    assert enqueuer.submit(good)[1]
    bad = {**good, "then": [{"press": "U1", "then": [{"choose": "os:system"}]}]}
    with pytest.raises(InvalidRequest) as refused:
        enqueuer.submit(bad)
    (error,) = refused.value.errors
    assert error.field == "then[0].then[0].choose"
    assert "HOOKLINE_CHOOSERS" in error.message
    with pytest.raises(InvalidRequest, match="HOOKLINE_CHOOSERS"):
        enqueuer.press(family.root.id, {"button": "U1", "then": bad["then"]})
    with pytest.raises(InvalidRequest, match="HOOKLINE_CHOOSERS"):
        Enqueuer(family.orchestrator, family.storage).submit(good)


def test_nobody_can_hand_one_in() -> None:
    assert Kind.CHOOSE not in SUBMITTED_KINDS
    with pytest.raises(InvalidRequest, match="is not a kind of job") as refused:
        parse_request({"kind": "choose", "job_id": "j", "choose": FUNCTION})
    assert "upload" in str(refused.value)
    assert "choose from imagine" in str(refused.value)


def test_its_module_is_imported_by_the_call_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ranking_of_mine.py").write_text("def best(job, files): return ['U3']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    family = Family(tmp_path, {"choose": "ranking_of_mine:best"})
    chooser = Chooser(family.orchestrator, family.storage, ["ranking_of_mine"])
    assert "ranking_of_mine" not in sys.modules
    chooser.choose(family.made.id)
    sys.modules.pop("ranking_of_mine")
    assert [child.request["button"] for child in family.chosen()] == ["U3"]
