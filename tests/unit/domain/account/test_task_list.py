"""When a task list proves that a submission was not accepted, and when it proves nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from worker.domain.account.task_list import (
    GATEWAY_AFTER_POST_S,
    KEPT,
    Accepted,
    Doubt,
    History,
    Listing,
    Row,
    after,
    proves_absence,
)

P = 1_000_000.0  #: when the POST in doubt left
READ = P + 45  #: the first moment at which a list may be believed


def task(number: int, posted_at: float, accepted_at: float | None = None) -> Accepted:
    """A known task, whose reply took 0.2 s unless said otherwise."""
    return Accepted(f"t{number}", "imagine", posted_at, accepted_at or posted_at + 0.2)


#: Ten before the POST in doubt, ten after it.
KNOWN = tuple(task(number, P + (number - 10) * 4 + 2.5) for number in range(20))
DOUBT = Doubt(1, "imagine", P, P + 0.1)
CLEAN = History()


def listing(
    known: tuple[Accepted, ...] = KNOWN, *, read_at: float = READ, without: tuple[str, ...] = ()
) -> Listing:
    """A list that shows all that is known but ``without``."""
    rows = tuple(Row(each.task_id, ours=True) for each in known if each.task_id not in without)
    return Listing(read_at, rows, known)


def named(numbers: range) -> tuple[str, ...]:
    return tuple(f"t{number}" for number in numbers)


def with_row(row: Row) -> Listing:
    whole = listing()
    return replace(whole, rows=(*whole.rows, row))


#: A gateway's list as it is read two minutes after the POST, the newest first: jobs went on.
LATER = tuple(task(number, P + (number - 10) * 4 + 2.5) for number in range(40))
NEWEST_FIRST = tuple(Row(each.task_id, ours=True) for each in reversed(LATER))
UNSEEN = Row("t99", ours=False, stated=False)  #: a row that the gateway did not look at yet


@pytest.mark.parametrize(
    ("above", "believed"),
    [
        (0, True),
        (10, True),  # t29 was submitted 78.5 s after the POST
        (11, False),  # t28 only 74.5 s after it
        (20, False),
        (40, False),
    ],
)
def test_a_row_that_a_gateway_wrote_down_later_is_not_the_task_in_doubt(
    above: int, believed: bool
) -> None:
    rows = (*NEWEST_FIRST[:above], UNSEEN, *NEWEST_FIRST[above:])
    read = Listing(P + 130, rows, LATER, by_gateway=True)
    assert proves_absence(read, CLEAN, DOUBT) == believed
    # The order of other lists says nothing.
    assert not proves_absence(replace(read, by_gateway=False), CLEAN, DOUBT)


def test_a_whole_list_from_before_the_post_and_after_it_is_believed() -> None:
    assert proves_absence(listing(), CLEAN, DOUBT)


#: Lists that prove nothing, each with one fault.
UNBELIEVED: dict[str, Listing] = {
    "read too soon": listing(read_at=READ - 0.1),
    "a gateway's, which waits longer for its provider": replace(
        listing(read_at=P + GATEWAY_AFTER_POST_S - 0.1), by_gateway=True
    ),
    "empty, as of a provider that was restarted": listing(without=named(range(20))),
    "restarted after the post: only what came later": listing(without=named(range(12))),
    "short: it does not reach back to the post": listing(without=named(range(10))),
    "lags: our newest is not in it": listing(without=("t19",)),
    "lags by a minute: nothing from after the post": listing(without=named(range(10, 20))),
    "frozen before the post, and nothing was sent since": listing(KNOWN[:10]),
    "one of two servers: it lacks every other task": listing(without=named(range(0, 20, 2))),
    "it lacks one task between": listing(without=("t13",)),
    "it lacks one task of before": listing(without=("t5",)),
    "too few tasks": listing(KNOWN[6:12]),
    "nothing of ours is known": listing(()),
    "a row without a state may be ours": with_row(Row("t99", ours=False, stated=False)),
    "states are cut or rewritten": replace(
        listing(), rows=tuple(Row(t.task_id, ours=False) for t in KNOWN)
    ),
    "states are stripped": replace(
        listing(), rows=tuple(Row(t.task_id, ours=False, stated=False) for t in KNOWN)
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", UNBELIEVED.values(), ids=UNBELIEVED)
def test_a_list_with_a_fault_is_not_believed(fault: Listing) -> None:
    assert not proves_absence(fault, CLEAN, DOUBT)
    assert not proves_absence(fault, CLEAN, replace(DOUBT, unheard=True))


def test_a_strangers_row_changes_nothing() -> None:
    assert proves_absence(with_row(Row("t99", ours=False, stated=True)), CLEAN, DOUBT)


def test_a_list_that_was_caught_is_not_believed_for_an_hour() -> None:
    caught = after(CLEAN, listing(read_at=READ - 5, without=("t13",)))
    assert caught.lacked_at == READ - 5
    assert not proves_absence(listing(), caught, DOUBT)
    assert after(caught, listing()).lacked_at == READ - 5, "it counts although it is whole again"
    much_later = listing(
        tuple(task(n, P + 3500 + n) for n in range(-3530, 10)), read_at=READ + 3600
    )
    assert proves_absence(much_later, caught, DOUBT)


def test_what_was_just_accepted_may_be_missing() -> None:
    fresh = (*KNOWN, task(20, READ - 4.5))
    assert not listing(fresh, without=("t20",)).lacks
    settled = (*KNOWN, task(20, READ - 6))
    assert listing(settled, without=("t20",)).lacks


def test_a_task_that_was_found_late_may_have_dropped_out_of_a_short_list() -> None:
    """It was submitted before the oldest that the list shows, and we learnt of it after."""
    found_late = (*KNOWN, task(20, P - 200, P + 20))
    assert not listing(found_late, without=("t20", "t0")).lacks


def test_a_submission_that_hung_is_given_more_time() -> None:
    hung = replace(DOUBT, since=P + 80)
    assert not proves_absence(listing(read_at=P + 100), CLEAN, hung)
    later = tuple(task(n, P + (n - 10) * 12 + 2.5) for n in range(20))
    assert proves_absence(listing(later, read_at=P + 120), CLEAN, hung)
    before_it_broke = replace(hung, since=P + 115)
    assert not proves_absence(listing(later, read_at=P + 150), CLEAN, before_it_broke)


def test_tasks_of_another_sort_prove_nothing_of_this_one() -> None:
    """Not every provider lists all that it does: an upload has no task."""
    assert not proves_absence(listing(), CLEAN, replace(DOUBT, sort="upload"))


# The last ones: nothing was submitted after them.

LAST = KNOWN[:10]
SILENT = replace(DOUBT, unheard=True)
PROMPT = History(prompt_at=P - 10)


def test_the_last_one_needs_a_prompt_list_and_silent_callbacks() -> None:
    assert proves_absence(listing(LAST), PROMPT, SILENT)
    assert not proves_absence(listing(LAST), PROMPT, DOUBT), "callbacks may tell of it yet"
    assert not proves_absence(listing(LAST), CLEAN, SILENT), "the list may lag"
    assert not proves_absence(listing(LAST), History(prompt_at=READ - 3600), SILENT), "long ago"


def test_a_list_is_prompt_if_it_shows_a_task_soon_after_its_post() -> None:
    assert after(CLEAN, listing(LAST, read_at=P + 20)).prompt_at == P + 20
    assert after(CLEAN, listing(LAST, read_at=P + 45)).prompt_at == 0.0
    found_in_it = (*LAST, task(10, P - 90, P + 60))
    assert after(CLEAN, listing(found_in_it, read_at=P + 59)).prompt_at == 0.0


# The first ones of an account: nothing was accepted before them.

#: Another that was sent at the same time, and others later.
FIRST = (task(0, P - 0.2, P + 0.4), *KNOWN[10:])
GREW = History(rows=9, rows_at=READ - 6)


def test_the_first_one_needs_a_list_that_was_never_full_and_lost_nothing() -> None:
    assert proves_absence(listing(FIRST), GREW, DOUBT)
    assert not proves_absence(listing(FIRST), CLEAN, DOUBT), "it may have been full all the time"
    full = History(rows=len(FIRST), rows_at=READ - 6)
    assert not proves_absence(listing(FIRST), full, DOUBT)
    grew_before = replace(full, room_at=P + 6)
    assert proves_absence(listing(FIRST), grew_before, DOUBT)
    assert not proves_absence(listing(FIRST), replace(full, room_at=P + 4), DOUBT), "too early"
    restarted = History(rows=50, rows_at=READ - 6, room_at=P + 9)
    assert not proves_absence(listing(FIRST), restarted, DOUBT), "it shrank"
    assert not proves_absence(listing(FIRST[1:]), GREW, DOUBT), "it may have restarted at once"
    older = (task(99, P - 900), *FIRST)
    assert not proves_absence(listing(older, without=("t99",)), GREW, DOUBT), "it forgets"
    many = tuple(task(n, P + n / 15) for n in range(KEPT))
    assert not proves_absence(listing((*FIRST[:1], *many[1:])), GREW, DOUBT), "are these all?"


# Whatever the provider's list is like: what it accepted is never taken for absent.

_IDS = 14


@dataclass(frozen=True)
class Life:
    """An account around a POST that was accepted: what the provider did, what we know, a reading.

    ``order``: the provider's tasks by the time at which it accepted them.
    """

    order: list[tuple[float, str]]
    known: tuple[Accepted, ...]
    read_at: float
    doubt: Doubt
    size: float
    which: frozenset[str]


def life_of(seed: int, *, hung: bool) -> Life:
    """A random life; drawn from a seed, as each has some sixty numbers.

    ``hung``: the provider may accept the POST long after its connection was over.
    """
    rng = Random(seed)
    number, read_at = rng.randint(8, _IDS), P + rng.uniform(0.0, 300.0)
    cut_after = rng.uniform(0.1, 80.0)
    accepted = P + rng.uniform(0.0, 44.0 if hung else cut_after)
    order, known = [(accepted, "ours")], []
    for i in range(number):
        posted = rng.uniform(P - 120, read_at)
        there, told = sorted((rng.uniform(0.0, 30.0), rng.uniform(0.0, 30.0)))
        order.append((posted + there, f"t{i}"))
        known.append(Accepted(f"t{i}", "imagine", posted, posted + told))
    return Life(
        sorted(order),
        tuple(task for task in known if task.accepted_at <= read_at),
        read_at,
        Doubt(1, "imagine", P, P + cut_after),
        rng.uniform(0.0, 60.0),
        frozenset(f"t{i}" for i in range(_IDS) if rng.random() < 0.7),
    )


seeds = st.integers(0, 2**64)


Fault = Callable[[Life], list[str]]


def listed(life: Life, shown: Callable[[float], bool]) -> list[str]:
    return [task_id for at, task_id in life.order if at <= life.read_at and shown(at)]


#: What the list shows of a life.
FAULTS: dict[str, Fault] = {
    "short": lambda life: listed(life, lambda at: True)[-1 - int(life.size) :],
    "restarted": lambda life: listed(life, lambda at: at > P - 20 + life.size),
    "lags": lambda life: listed(life, lambda at: at <= life.read_at - 2 * life.size),
    "frozen": lambda life: listed(life, lambda at: at <= P - 20 + life.size),
    "of two servers": lambda life: [i for i in listed(life, lambda at: True) if i in life.which],
}
#: These need that the provider does not accept a POST long after its connection was over.
LATE = ("lags", "frozen")


def known_at(life: Life) -> tuple[Accepted, ...]:
    return tuple(task for task in life.known if task.accepted_at <= life.read_at)


@pytest.mark.parametrize("name", FAULTS)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(seeds)
def test_what_was_accepted_is_never_taken_for_absent(name: str, seed: int) -> None:
    life = life_of(seed, hung=name not in LATE)
    if name == "of two servers":
        # The other server has another of our tasks by the time at which a list may be believed,
        # and not only our first: a list may be short.
        assume(life.known)
        first, *others = sorted(life.known, key=lambda task: task.posted_at)
        assume(first.task_id in life.which)
        assume(
            any(
                first.accepted_at < task.posted_at
                and task.accepted_at <= P + 40
                and task.task_id not in life.which
                for task in others
            )
        )
    fault = FAULTS[name]
    readings = [replace(life, read_at=at) for at in range(int(P) - 60, int(life.read_at), 6)]
    shown = [(reading, fault(reading)) for reading in (*readings, life)]
    assume(not any("ours" in ids for _, ids in shown))  # it is found
    history = CLEAN
    for reading, ids in shown:
        seen = Listing(reading.read_at, [Row(i, ours=True) for i in ids], known_at(reading))
        assert not proves_absence(seen, history, life.doubt)
        history = after(history, seen)


@given(seeds)
def test_a_list_that_is_right_is_believed_as_soon_as_something_came_later(seed: int) -> None:
    """So that the properties above prove something."""
    life = life_of(seed, hung=True)
    whole = replace(life, order=[each for each in life.order if each[1] != "ours"])
    known, doubt = whole.known, whole.doubt
    assume(sum(task.accepted_at < P - 2 for task in known) >= 1)
    assume(len(known) >= 8)
    assume(any(task.posted_at > doubt.since + 2 for task in known))
    assume(whole.read_at >= max(P + 45, doubt.since + 30))
    rows = [Row(i, ours=True) for i in listed(whole, lambda at: True)]
    assert proves_absence(Listing(whole.read_at, rows, known), CLEAN, doubt)
