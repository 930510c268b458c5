"""Few at a time: never more than the places, nothing twice at once, nothing forgotten."""

from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from math import inf
from threading import Event, Thread
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.limiter import Limiter


@dataclass(frozen=True)
class Asked:
    """One call of ``run``, and the calls that come while its item is running."""

    key: str
    item: str
    meanwhile: tuple["Asked", ...] = ()


def _nested(flat: list[tuple[int, str]]) -> list[Asked]:
    """Calls from their depth and item: each comes while the last one that is less deep runs."""
    if not flat:
        return []
    (depth, item), *rest = flat
    inner = list(takewhile(lambda call: call[0] > depth, rest))
    first = Asked(item[0], item, tuple(_nested(inner)))
    return [first, *_nested(rest[len(inner) :])]


_CALLS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([a + b for a in "abc" for b in "123"])),
    max_size=40,
).map(_nested)


class World:
    """Does what is asked, and watches that no limit is passed; a nested call is another thread."""

    def __init__(self, per_key: int, total: float, max_waiting: float = inf) -> None:
        self.per_key, self.total = per_key, total
        self.limiter: Limiter[str] = Limiter(
            self.act, per_key=per_key, total=total, max_waiting=max_waiting
        )
        self.running: list[str] = []
        self.began: list[str] = []
        self.to_come: dict[str, list[Asked]] = {}

    def ask(self, asked: Asked) -> None:
        self.to_come.setdefault(asked.item, []).extend(asked.meanwhile)
        assert self.limiter.run(asked.key, asked.item) is None

    def act(self, item: str) -> None:
        assert item not in self.running
        self.running.append(item)
        self.began.append(item)
        assert len(self.running) <= self.total
        assert Counter(each[0] for each in self.running)[item[0]] <= self.per_key
        for asked in self.to_come.pop(item, []):
            self.ask(asked)
        self.running.remove(item)


@given(calls=_CALLS, per_key=st.integers(1, 2), total=st.integers(1, 3))
def test_within_its_places_everything_that_was_asked_for_runs(
    calls: list[Asked], per_key: int, total: int
) -> None:
    world = World(per_key, total)
    asked_for: set[str] = set()
    for call in calls:
        world.ask(call)
        asked_for |= _names(call)
    assert set(world.began) == asked_for
    assert not world.running
    assert not world.to_come, "what came while an item ran was run again after it"


@given(calls=_CALLS, most=st.integers(0, 2))
def test_what_is_above_the_waiting_is_dropped(calls: list[Asked], most: int) -> None:
    world = World(1, 2, max_waiting=most)
    for call in calls:
        begun = len(world.began)
        world.ask(call)
        assert world.began[begun] == call.item, "a free place is taken at once"
    assert not world.running


def _names(asked: Asked) -> set[str]:
    return {asked.item}.union(*map(_names, asked.meanwhile))


def test_what_finds_no_place_is_done_by_whoever_has_one() -> None:
    done, first_goes_on, first_began = list[str](), Event(), Event()

    def act(name: str) -> None:
        if name == "first":
            first_began.set()
            assert first_goes_on.wait(30)
        done.append(name)

    limiter = Limiter(act, per_key=1, total=1)
    thread = Thread(target=limiter.run, args=("first", "first"))
    thread.start()
    assert first_began.wait(30)
    for name in ("second", "third", "second"):
        limiter.run(name, name)  # returns at once
    assert done == []
    first_goes_on.set()
    thread.join(30)
    assert done == ["first", "second", "third"], "each once, in the order in which they came"


def test_keys_take_turns() -> None:
    done = list[str]()

    def act(name: str) -> None:
        done.append(name)
        if name == "first":
            for item in ("a1", "a2", "a3", "b1", "b2"):
                limiter.run(item[0], item)

    limiter = Limiter(act, per_key=1, total=1)
    limiter.run("x", "first")
    assert done == ["first", "a1", "b1", "a2", "b2", "a3"]


def test_what_goes_wrong_gives_the_place_back() -> None:
    def act(name: str) -> None:
        raise ValueError(name)

    limiter = Limiter(act, per_key=1, total=1)
    for name in ("first", "second"):
        with pytest.raises(ValueError, match=name):
            limiter.run("key", name)


def test_what_waits_can_be_dropped() -> None:
    done = list[str]()

    def act(name: str) -> None:
        done.append(name)
        if name == "first":
            limiter.run("key", "second")
            limiter.clear()

    limiter = Limiter(act, per_key=1)
    limiter.run("key", "first")
    assert done == ["first"]


def test_what_waited_too_long_is_left_to_others() -> None:
    done = list[str]()
    limiter = Limiter(done.append, per_key=1)
    limiter.run("key", "late", until=monotonic() - 1)
    limiter.run("key", "in time", until=monotonic() + 60)
    assert done == ["in time"]


def test_after_its_turn_a_thread_hands_on_what_could_run() -> None:
    done = list[str]()

    def act(name: str) -> None:
        done.append(name)
        if name == "first":
            assert limiter.run("key", "second") is None, "it has no place"

    limiter = Limiter(act, per_key=1, turn_s=0)
    assert limiter.run("key", "first") == "second"
    assert done == ["first"]
    assert limiter.run("key", "third") is None, "what was handed on waits no more"
