"""The judge of the chaos scenarios finds each kind of wrong, and nothing in what is right."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.leaks import secrets_in
from tests.chaos.oracle import Evidence, Payment, Rules, compare, read_ledger
from tests.chaos.scenario import Row
from tests.chaos.scenarios import SCENARIOS
from tests.support.jobs import changed
from worker.adapters.tokens import Tokens
from worker.domain import followups
from worker.domain.job import Attempt, Job, Status
from worker.domain.job_spec import JobSpec, Kind
from worker.domain.result import JobError

ROOT = "0" * 31 + "1"
U1, V2 = (followups.child_id(ROOT, index) for index in ("0", "1"))
STEPS = ({"press": "U1"}, {"press": "V2"})
DOUBT = Rules(in_doubt=1)


def job(job_id: str, task_id: str | None, status: Status = Status.SUCCEEDED, **more: object) -> Job:
    attempts = (Attempt(1, 0.0, task_id=task_id),)
    spec = JobSpec(
        Kind.ACTION,
        then=STEPS if job_id == ROOT else (),
        pipeline_id=ROOT,
        parent_id=None if job_id == ROOT else ROOT,
    )
    made = Job(job_id, spec, account="default", status=status, task_id=task_id, attempts=attempts)
    return changed(made, **more)


@dataclass
class World:
    """A root and its two follow-ups, each done and paid for once."""

    jobs: list[Job] = field(default_factory=lambda: [job(ROOT, "t1"), job(U1, "t2"), job(V2, "t3")])
    payments: list[Payment] = field(
        default_factory=lambda: [
            Payment(ROOT, 1, "t1"),
            Payment(U1, 1, "t2", ("t1", "upsample::1")),
            Payment(V2, 1, "t3", ("t1", "variation::2")),
        ]
    )
    acknowledged: Sequence[str] = (ROOT,)
    leftovers: dict[str, frozenset[str]] = field(default_factory=dict)
    seen: Sequence[str] = ()

    def change(self, job_id: str, **more: object) -> None:
        self.jobs = [changed(each, **more) if each.id == job_id else each for each in self.jobs]

    def forget(self, job_id: str) -> None:
        self.jobs = [each for each in self.jobs if each.id != job_id]

    def unpay(self, job_id: str) -> None:
        self.payments = [each for each in self.payments if each.job_id != job_id]

    def judged(self, rules: Rules | None = None) -> Row:
        evidence = Evidence(self.acknowledged, self.jobs, self.payments, self.leftovers, self.seen)
        return compare(evidence, rules or Rules())


def test_what_is_right_has_no_problems() -> None:
    row = World().judged()
    assert row == Row(jobs=3)
    assert row.passed


def lost_root(world: World) -> None:
    world.acknowledged = (ROOT, "f" * 32)


def stuck(world: World) -> None:
    world.change(V2, status=Status.QUEUED, task_id=None, attempts=())
    world.unpay(V2)


def unknown_to_us(world: World) -> None:
    world.payments.append(Payment("e" * 32, 1, "t9"))


def no_token_of_ours(world: World) -> None:
    world.payments.append(Payment(None, 0, "t9"))


def attempt_twice(world: World) -> None:
    world.payments.append(Payment(ROOT, 1, "t9"))


def second_attempt_unlisted(world: World) -> None:
    world.payments.append(Payment(ROOT, 2, "t9"))


def listed_but_never_paid(world: World) -> None:
    extra = Attempt(2, 0.0, task_id="t9", extra=True)
    world.change(ROOT, attempts=(Attempt(1, 0.0, task_id="t1"), extra))


def another_task(world: World) -> None:
    world.change(ROOT, task_id="t9")


def child_never_made(world: World) -> None:
    world.forget(U1)
    world.unpay(U1)


def child_never_sent(world: World) -> None:
    world.unpay(U1)


def pressed_twice(world: World) -> None:
    world.payments.append(Payment(U1, 2, "t9", ("t1", "upsample::1")))


def child_too_many(world: World) -> None:
    world.jobs.append(job("d" * 32, "t9", parent_id=ROOT))
    world.payments.append(Payment("d" * 32, 1, "t9", ("t1", "reroll")))


def failed(world: World) -> None:
    world.change(V2, status=Status.FAILED, error=JobError("lost", "gone"))


def in_doubt(world: World) -> None:
    world.change(V2, status=Status.IN_DOUBT, task_id=None, attempts=(Attempt(1, 0.0),))
    world.unpay(V2)


def left_due(world: World) -> None:
    world.leftovers = {"the due set": frozenset({U1})}


def seen_on_the_way(world: World) -> None:
    world.seen = ("a terminal job changed",)


@pytest.mark.parametrize(
    ("spoil", "problem", "numbers"),
    [
        (lost_root, "lost", {"lost": 1}),
        (stuck, "lost", {"lost": 1}),
        (unknown_to_us, "no record knows", {"lost": 1}),
        (no_token_of_ours, "no record knows", {"lost": 1}),
        (attempt_twice, "twice under one attempt", {"paid_twice": 1, "unlisted": 1}),
        (second_attempt_unlisted, "paid twice", {"paid_twice": 1, "unlisted": 1}),
        (listed_but_never_paid, "only one side knows", {"unlisted": 1}),
        (another_task, "spend that only one side knows", {}),
        (child_never_made, "follow-ups missing", {"follow_ups_missing": 1}),
        (child_never_sent, "follow-ups missing", {"follow_ups_missing": 1}),
        (pressed_twice, "follow-ups doubled", {"follow_ups_doubled": 1, "paid_twice": 1}),
        (child_too_many, "follow-ups doubled", {"follow_ups_doubled": 1}),
        (failed, "did not succeed", {}),
        (in_doubt, "more than may be", {"in_doubt": 1}),
        (left_due, "left in the due set", {}),
        (seen_on_the_way, "a terminal job changed", {}),
    ],
)
def test_it_finds(spoil: Callable[[World], None], problem: str, numbers: dict[str, int]) -> None:
    world = World()
    spoil(world)
    row = world.judged()
    assert any(problem in found for found in row.problems), row.problems
    assert {name: getattr(row, name) for name in numbers} == numbers


def test_a_listed_extra_payment_passes_where_the_rules_allow_it() -> None:
    world = World()
    world.payments.append(Payment(U1, 2, "t9", ("t1", "upsample::1")))
    extra = Attempt(2, 0.0, task_id="t9", extra=True)
    world.change(U1, attempts=(Attempt(1, 0.0, task_id="t2"), extra))
    assert not world.judged().passed
    allowed = world.judged(Rules(listed_extras=1))
    assert allowed.passed, allowed.problems
    assert (allowed.paid_twice, allowed.unlisted) == (1, 0)


def test_a_doubt_is_allowed_within_its_number_and_explains_what_is_left() -> None:
    world = World()
    in_doubt(world)
    world.leftovers = {"the due set": frozenset({V2})}
    assert world.judged(DOUBT).passed
    assert world.judged(Rules(in_doubt_per_fault=1).after(1)).passed
    assert not world.judged(Rules(in_doubt_per_fault=1).after(0)).passed


def test_a_doubt_about_what_was_accepted_passes_only_where_its_callbacks_were_lost() -> None:
    world = World()
    world.change(V2, status=Status.IN_DOUBT, task_id=None, attempts=(Attempt(1, 0.0),))
    assert any("although callbacks came" in each for each in world.judged(DOUBT).problems)
    assert world.judged(replace(DOUBT, callbacks_lost=True)).passed


def test_a_failure_passes_only_with_its_code() -> None:
    world = World()
    failed(world)
    assert world.judged(Rules(errors=frozenset({"lost"}))).passed


def test_it_reads_the_ledger() -> None:
    tokens = Tokens(["a secret for this test only"])
    entry = {"task_id": "t1", "parent_task_id": None, "custom_id": None}
    ours = {**entry, "state": tokens.for_job(ROOT, 2)}
    press = {**ours, "parent_task_id": "t0", "custom_id": "upsample::1"}
    forged = {**entry, "state": Tokens(["another secret, not ours"]).for_job(ROOT, 2)}
    account = {**entry, "state": tokens.for_account("default")}
    lines = [json.dumps(each) for each in (ours, press, forged, account, {**entry, "state": None})]
    stranger = Payment(None, 0, "t1")
    assert read_ledger(lines, tokens) == [
        Payment(ROOT, 2, "t1"),
        Payment(ROOT, 2, "t1", ("t0", "upsample::1")),
        stranger,
        stranger,
        stranger,
    ]


def test_it_finds_secrets_and_our_tokens_in_a_log() -> None:
    tokens = Tokens(["a secret for this test only"])
    token = tokens.for_job(ROOT, 1)
    assert list(secrets_in("all well: j.1.2.3", frozenset({"hush-hush"}), tokens)) == []
    assert list(secrets_in("key=hush-hush", frozenset({"hush-hush"}), tokens)) == ["hush-hush"]
    assert list(secrets_in(f'"POST /x/{token} 200"', frozenset(), tokens)) == [token]
    assert list(secrets_in(tokens.for_account("default"), frozenset(), tokens))
    forged = Tokens(["another secret, not ours"]).for_job(ROOT, 1)
    assert list(secrets_in(forged, frozenset(), tokens)) == []


def test_each_scenario_has_one_row_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- chaos: begin -->\nold\n<!-- chaos: end -->\nafter\n")
    first, second, *_ = SCENARIOS
    limit = next(scenario for scenario in SCENARIOS if scenario.beyond)
    report.write(limit, Row(jobs=5, lost=9), 7, page=page)
    report.write(second, Row(jobs=3, lost=1, problems=("lost",)), 7, page=page)
    report.write(second, Row(jobs=3, lost=2, problems=("lost",)), 8, page=page)  # in its place
    report.write(first, Row(jobs=1200), 7, page=page)  # before it
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "1,203 jobs, 0 faults: 2 lost, 0 paid twice; 2 of 3 scenarios passed" in lines[2]
    assert "Not run at this size yet: F" in lines[2]
    shown = [line for line in lines if line.startswith("| F")]
    assert [line.split()[1] for line in shown] == [first.name, second.name, limit.name]
    assert "| passed | 7 |" in shown[0]
    assert "| FAILED | 8 |" in shown[1]
    assert "old" not in lines


def test_further_figures_stand_below_the_table_until_they_are_measured_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- chaos: begin -->\n<!-- chaos: end -->\n")
    first, second, *_ = SCENARIOS
    report.write(second, Row(figures="all used"), 7, page=page)
    report.write(first, Row(figures="some used"), 7, page=page)
    report.write(second, Row(figures="96.5% used"), 8, page=page)
    *_, blank, one, two, _end = page.read_text().splitlines()
    assert (blank, one, two) == ("", f"- {first.name}: some used", f"- {second.name}: 96.5% used")
    report.write(first, Row(), 9, page=page)
    assert "some used" not in page.read_text()


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="markers"):
        report.write(SCENARIOS[0], Row(), 7, page=page)
    assert page.read_text() == "nothing here"
