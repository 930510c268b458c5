"""Alerts begin once and end once, whatever lies between two looks."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import ROOT
from worker.domain.alerts import (
    AlertKind,
    AlertState,
    Condition,
    Paid,
    Trouble,
    budget_low,
    counted,
    look,
    no_worker,
    old_doubts,
    paid_twice,
)

HOLD_S = 30.0
CLOSED = Condition(AlertKind.ACCOUNT_CLOSED, "main", "main takes no jobs", "look")
RESTING = Condition(AlertKind.ACCOUNT_CLOSED, "main", "main rests", "wait", HOLD_S)


def told(*looks: tuple[float, Sequence[Condition]]) -> list[tuple[float, AlertState]]:
    """When what was told, of looks at a time that find something wrong."""
    known, said = dict[str, Trouble](), list[tuple[float, AlertState]]()
    for now, wrong in looks:
        for change in list(look(known, {each.key: each for each in wrong}, now)):
            if change.after:
                known[change.key] = change.after
            else:
                del known[change.key]
            if change.alert:
                said.append((now, change.alert.state))
    return said


def test_each_edge_is_told_once() -> None:
    assert told((0, [CLOSED]), (15, [CLOSED]), (30, []), (45, [])) == [
        (0, AlertState.BEGAN),
        (30, AlertState.ENDED),
    ]


def test_what_passes_by_itself_is_told_only_if_it_lasts() -> None:
    assert told((0, [RESTING]), (15, []), (30, [RESTING]), (59, [RESTING]), (70, [])) == []
    assert told((0, [RESTING]), (30, [RESTING]), (45, [])) == [
        (30, AlertState.BEGAN),
        (45, AlertState.ENDED),
    ]


def test_a_trouble_that_gets_worse_is_told_at_once() -> None:
    assert told((0, [RESTING]), (15, [CLOSED])) == [(15, AlertState.BEGAN)]


def test_an_end_says_since_when_it_lasted() -> None:
    [began] = look({}, {CLOSED.key: CLOSED}, 100.0)
    assert began.after
    [ended] = look({CLOSED.key: began.after}, {}, 160.0)
    assert ended.after is None
    assert ended.alert
    assert (ended.alert.since, ended.alert.until) == (100.0, 160.0)


@given(st.lists(st.booleans()))
def test_beginnings_and_ends_take_turns(wrong: list[bool]) -> None:
    said = told(*((15.0 * n, [CLOSED] if each else []) for n, each in enumerate(wrong)))
    states = [state for _, state in said]
    assert states == [AlertState.BEGAN, AlertState.ENDED] * (len(states) // 2) + (
        [AlertState.BEGAN] if len(states) % 2 else []
    )
    assert len(states) % 2 == bool(wrong and wrong[-1])


def test_double_payments_are_news_for_an_hour() -> None:
    first = counted({}, {"main": 2}, 100.0)
    assert first == {"main": Paid(2)}
    assert not list(paid_twice(first, 100.0)), "they were there before anybody looked"
    assert counted(first, {"main": 2}, 4000.0) == {}
    again = counted(first, {"main": 3}, 5000.0)
    assert [each.about for each in paid_twice(again, 8000.0)] == ["main"]
    assert not list(paid_twice(again, 8600.0))


def test_a_budget_is_low_below_a_tenth() -> None:
    assert not list(budget_low("day", 100, 90))
    [low] = budget_low("day", 100, 91)
    assert "budget day" in low.message
    assert not list(budget_low("day", 0, 0))


def test_doubts_are_old_after_an_hour() -> None:
    assert not list(old_doubts("main", {"j1": 0.0}, 3600.0))
    [old] = old_doubts("main", {"j1": 0.0, "j2": 10.0, "j3": 4000.0}, 3700.0)
    assert "2 of main's jobs" in old.message
    assert old.message.endswith("j1")


def test_no_worker_is_a_trouble_only_while_jobs_wait() -> None:
    assert not list(no_worker(0, 0))
    assert not list(no_worker(1, 9))
    [one] = no_worker(0, 9)
    assert one.hold_s > 60, "workers that restart are not told of"


def test_prometheus_is_told_of_the_same() -> None:
    rules = (ROOT / "deploy/alerts.yml").read_text("utf-8")
    for kind in AlertKind:
        name = "".join(word.title() for word in kind.value.split("_"))
        assert f"- alert: Hookline{name}\n" in rules
