"""A blend waits for the presses beside it, and is made of their pictures."""

from dataclasses import replace

import pytest

from tests.support.jobs import GRID, NOW, a_job, after, callback, capacity, in_status
from tests.support.shell import Shell
from worker.adapters.store import NoFreeSlot
from worker.domain import retry_policy
from worker.domain.errors import Conflict, InvalidRequest, StoreUnavailable
from worker.domain.events import Cancelled, Disposition, Retried, SiblingsSeen, Started, TimePassed
from worker.domain.job import Job, Status
from worker.domain.job_spec import JSON, JobSpec, Kind
from worker.domain.provider_reports import TaskStatus
from worker.domain.requests.requests import parse_request
from worker.domain.requests.steps import parse_then_shorthand
from worker.domain.result import Result
from worker.services.reports import answers
from worker.services.sweep import Sweep

U1, U3 = {"press": "U1"}, {"press": "U3"}
BLEND = {"blend": ["U1", "U3"], "dimensions": "LANDSCAPE", "then": [{"describe": True}]}
DONE = callback(TaskStatus.SUCCEEDED)


def family(*then: JSON, result: Result | None = None) -> tuple[Job, dict[str, Job]]:
    """A finished imagine, and the children of its steps by button; the blend is ``blend``."""
    told = callback(TaskStatus.SUCCEEDED, result=result) if result else DONE
    decision = after(in_status(Status.SUBMITTED, then=then), told)
    names = [str(child.request.get("button", "blend")) for child in decision.children]
    return decision.job, dict(zip(names, decision.children, strict=True))


def seen(job: Job, **standing: tuple[Status, str | None]) -> SiblingsSeen:
    """The siblings of ``job``: status and image, by the names that it gives them."""
    ids, spec = (
        dict(zip(job.request["blend"], job.spec.waits_for, strict=True)),
        JobSpec(Kind.ACTION),
    )
    siblings = (
        Job(ids[name], spec, "a", status=status, result=Result(image_url=url))
        for name, (status, url) in standing.items()
    )
    return SiblingsSeen(tuple(siblings))


GOOD_1, GOOD_3 = (Status.SUCCEEDED, "https://c/1"), (Status.SUCCEEDED, "https://c/3")
RUNNING = (Status.SUBMITTED, None)


@pytest.mark.parametrize("buttons", [GRID, None], ids=["buttons known", "no buttons"])
@pytest.mark.parametrize(
    "then",
    [(U1, U3, BLEND), (BLEND, U1, U3), ({"press": "U*"}, BLEND), ({"press": "u 1"}, U3, BLEND)],
)
def test_the_blend_and_those_that_it_names_know_each_other(
    then: tuple[JSON, ...], buttons: tuple[object, ...] | None
) -> None:
    result = Result(image_url="https://c/grid", buttons=buttons)  # type: ignore[arg-type]
    job = in_status(Status.SUBMITTED, then=then)
    decision = after(job, replace(callback(TaskStatus.SUCCEEDED, result=result), asked=True))
    blend = next(child for child in decision.children if child.kind is Kind.BLEND)
    by_id = {child.id: child for child in decision.children}
    named = [by_id[job_id] for job_id in blend.spec.waits_for]
    assert [each.request["button"].replace(" ", "").upper() for each in named] == ["U1", "U3"]
    assert all(each.awaited_by == (blend.id,) for each in named)
    others = [
        child for child in decision.children if child.id not in (*blend.spec.waits_for, blend.id)
    ]
    assert all(each.ready and not each.awaited_by for each in others)


def test_a_waiting_blend_is_neither_ready_nor_running_and_never_forgotten() -> None:
    _, made = family(U1, U3, BLEND)
    blend = made["blend"]
    assert (blend.status, blend.waiting, blend.ready, blend.holds_slot) == (
        Status.QUEUED, True, False, False,
    )  # fmt: skip
    assert blend.due_at is not None
    for event in (TimePassed(), Started("default")):
        decision = after(blend, event, now=NOW + 10_000)
        assert decision.disposition is not Disposition.APPLIED
        assert decision.job.waiting
    assert answers.Job.of(blend).to_dict()["waits_for"] == list(blend.spec.waits_for)


def test_it_is_blended_of_their_pictures_in_the_order_of_their_names() -> None:
    _, made = family(U1, U3, {**BLEND, "blend": ["U3", "U1"]})
    blend = made["blend"]
    waits = after(blend, seen(blend, U1=GOOD_1, U3=RUNNING))
    assert waits.disposition is Disposition.DUPLICATE
    job = after(blend, seen(blend, U1=GOOD_1, U3=GOOD_3)).job
    assert (job.ready, job.waiting, job.due_at) == (True, False, None)
    assert job.request["images"] == ["https://c/3", "https://c/1"]
    assert job.request["dimensions"] == "LANDSCAPE"
    again = after(job, seen(job, U1=GOOD_1, U3=GOOD_3))
    assert again.disposition is Disposition.STALE, "told twice it is the same"


@pytest.mark.parametrize(
    ("third", "words"),
    [
        ((Status.FAILED, None), "U3 is failed"),
        ((Status.CANCELLED, None), "U3 is cancelled"),
        ((Status.TIMED_OUT, None), "U3 is timed_out"),
        ((Status.SUCCEEDED, None), "U3 has no picture"),
        (None, "U3 is gone"),
    ],
)
@pytest.mark.parametrize("first", [GOOD_1, RUNNING])
def test_without_one_of_the_pictures_it_fails_and_says_which(
    first: tuple[Status, str | None], third: tuple[Status, str | None] | None, words: str
) -> None:
    blend = family(U1, U3, BLEND)[1]["blend"]
    known = {"U1": first} | ({"U3": third} if third else {})
    job = after(blend, seen(blend, **known)).job
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == "sibling_failed"
    assert words in job.error.message
    assert "U1" not in job.error.message
    assert job.due_at is None


def test_a_blend_of_a_button_that_is_not_there_fails_at_once() -> None:
    grid = Result(image_url="https://c/grid", buttons=GRID[:1])
    blend = family({"press": "U*"}, BLEND, result=grid)[1]["blend"]
    assert (blend.status, blend.spec.waits_for) == (Status.FAILED, ())
    assert blend.error is not None
    assert (blend.error.code, blend.error.hint) == (
        "sibling_failed", "The buttons of this task are: U1.",
    )  # fmt: skip
    _, made = family(U1, U3, BLEND, result=grid)
    assert made["U3"].status is Status.FAILED
    assert made["blend"].due_at == NOW, "to be looked at now: no sibling's end will tell"


def test_a_retry_waits_for_them_again() -> None:
    blend = family(U1, U3, BLEND)[1]["blend"]
    failed = after(blend, seen(blend, U1=GOOD_1, U3=(Status.FAILED, None))).job
    late = after(failed, seen(failed, U1=GOOD_1, U3=GOOD_3))
    assert late.disposition is Disposition.STALE, "nobody asked for it"
    again = after(failed, Retried()).job
    assert (again.waiting, again.due_at, again.error) == (True, NOW, None)
    assert after(again, seen(again, U1=GOOD_1, U3=GOOD_3)).job.ready
    cancelled = after(blend, seen(blend, U1=GOOD_1, U3=GOOD_3), Cancelled()).job
    new = (Status.SUCCEEDED, "https://c/new")
    newer = after(cancelled, Retried(), seen(blend, U1=GOOD_1, U3=new)).job
    assert newer.request["images"] == ["https://c/1", "https://c/new"]


def test_a_waiting_blend_can_be_cancelled() -> None:
    blend = family(U1, U3, BLEND)[1]["blend"]
    gone = after(blend, Cancelled()).job
    assert (gone.status, gone.due_at, gone.draining) == (Status.CANCELLED, None, False)
    assert after(gone, seen(gone, U1=GOOD_1, U3=GOOD_3)).disposition is Disposition.STALE


def test_looks_at_siblings_become_rarer() -> None:
    waits = [retry_policy.look_at_siblings(age) for age in (0, 60, 600, 86_400)]
    assert waits == [5.0, 12.0, 120.0, 300.0]


class Family(Shell):
    """A finished imagine of three places with U1, U3 and their blend in the store."""

    def __init__(self) -> None:
        super().__init__()
        root = self.put(in_status(Status.SUBMITTED, then=(U1, U3, BLEND)))
        self.made = dict(
            zip(["U1", "U3", "blend"], self.orchestrator.record(root, DONE).children, strict=True)
        )

    def ends(self, name: str, url: str | None) -> None:
        """The child of that name succeeds with the picture, or fails."""
        child = self.job(self.made[name])
        status = TaskStatus.SUCCEEDED if url else TaskStatus.FAILED
        result = Result(image_url=url, buttons=())
        told = replace(callback(status, task_id=name, result=result), asked=True)
        started = self.orchestrator.record(child, Started("default")).job
        self.orchestrator.record(started, replace(told, attempt=started.attempt))

    @property
    def blend(self) -> Job:
        return self.job(self.made["blend"])


def test_the_last_sibling_to_end_makes_it_ready_at_once() -> None:
    family = Family()
    family.ends("U3", "https://c/3")
    assert family.blend.waiting
    family.wakeups.sent.clear()
    family.store.queue.next_ready(capacity(3), family.now, 9)  # a worker came for the others
    family.ends("U1", "https://c/1")
    assert family.blend.ready
    assert family.blend.request["images"] == ["https://c/1", "https://c/3"]
    assert ("start", "default") in family.wakeups.sent


def test_the_first_to_fail_ends_it() -> None:
    family = Family()
    family.ends("U1", None)
    assert family.blend.status is Status.FAILED
    family.ends("U3", "https://c/3")
    assert family.blend.status is Status.FAILED


def test_what_a_process_that_died_left_undone_the_sweep_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = Family()
    family.ends("U1", "https://c/1")
    with monkeypatch.context() as dying:
        dying.setattr(family.orchestrator, "recheck_dependencies", lambda _: None)
        family.ends("U3", "https://c/3")
    assert family.blend.waiting
    family.now += retry_policy.look_at_siblings(0.0)
    Sweep(family.orchestrator, family.wakeups).run()
    assert family.blend.ready


def test_the_sweep_looks_later_at_what_still_waits() -> None:
    family = Family()
    family.now += 600.0
    sweep = Sweep(family.orchestrator, family.wakeups)
    assert sweep.run() > 0
    assert family.blend.waiting
    family.now += retry_policy.look_at_siblings(600.0) - 1.0
    assert family.blend.id not in {
        job.id for job in family.store.jobs.claim_due(family.now, 99, 1.0)
    }
    family.now += 2.0
    assert family.blend.id in {job.id for job in family.store.jobs.claim_due(family.now, 99, 1.0)}


def test_trouble_with_the_blend_is_no_trouble_for_its_sibling() -> None:
    family = Family()
    family.ends("U1", None)
    retried = family.orchestrator.record(family.blend, Retried()).job
    assert retried.waiting

    def away(_: object) -> list[Job]:
        raise StoreUnavailable

    family.store.jobs.get_many = away  # type: ignore[method-assign,assignment]
    family.ends("U3", "https://c/3")
    assert family.job(family.made["U3"]).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("then", "field", "words"),
    [
        ([U1, {"blend": ["U1", "U3"]}], "then[1].blend", '"U3", which no step next to it presses'),
        ([{"blend": ["U1", "U3"]}, U1, U3][:1], "then[0].blend", "presses"),
        ([U1, {"blend": ["U1", "U1"]}], "then[1].blend", '"U1" twice'),
        ([{"press": "U*"}, {"blend": ["U1", "V1"]}], "then[1].blend", '"V1"'),
        ([{"press": "U*"}, {"blend": ["U*", "U1"]}], "then[1].blend", "one button each"),
        ([U1, {"blend": ["U1"]}], "then[1].blend", "2 to 5 items"),
        ([{**U1, "dimensions": "SQUARE"}], "then[0].dimensions", "belongs to a `blend`"),
        ([U1, U3, {**BLEND, "dimensions": "ROUND"}], "then[2].dimensions", "PORTRAIT"),
        ([U1, U3, {**BLEND, "press": "U2"}], "then[2].blend", "cannot be combined with `press`"),
        ([{**U1, "then": [{"blend": ["U1", "U3"]}]}, U3], "then[0].then[0].blend", '"U1"'),
    ],
)
def test_a_blend_of_what_is_not_beside_it_is_refused(
    then: list[JSON], field: str, words: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request({"kind": "imagine", "prompt": "a cat", "then": then})
    found = [error.message for error in refused.value.errors if error.field == field]
    assert any(words in message for message in found), refused.value.errors


def test_all_that_is_wrong_is_told_at_once() -> None:
    then = [{"press": ""}, {"blend": ["U1", "U3"]}]
    with pytest.raises(InvalidRequest) as refused:
        parse_request({"kind": "imagine", "prompt": "a cat", "then": then})
    fields = [error.field for error in refused.value.errors]
    assert fields == ["then[0].press", "then[1].blend", "then[1].blend"]


def test_on_the_command_line_it_is_json() -> None:
    given = '[{"press": "U*"}, {"blend": ["U1", "🔄"]}, {"press": "🔄"}]'
    assert parse_then_shorthand(given)[1] == {"blend": ["U1", "🔄"]}


def test_what_could_never_be_submitted_is_not_retried() -> None:
    grid = Result(image_url="https://c/grid", buttons=GRID[:1])
    blend = family({"press": "U*"}, BLEND, result=grid)[1]["blend"]
    with pytest.raises(Conflict):
        after(blend, Retried())


def test_a_blend_starts_like_any_job_once_it_is_ready() -> None:
    family = Family()
    family.ends("U1", "https://c/1")
    family.ends("U3", "https://c/3")
    for _ in range(3):
        family.put(in_status(Status.SUBMITTED))
    with pytest.raises(NoFreeSlot):
        family.orchestrator.record(family.blend, Started("default"))
    assert a_job().spec.waits_for == ()
