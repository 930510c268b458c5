"""Which server counts as the primary while sentinels are cut off from each other."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as NotReached
from redis.sentinel import MasterNotFoundError

from worker.adapters.store.sentinels import Sentinels

OLD, NEW = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


class Sentinel:
    """Names a primary, as of a fail-over; ``epoch`` None: it is away."""

    def __init__(self, primary: tuple[str, int], epoch: int | None) -> None:
        self.primary = primary
        self.epoch = epoch
        self.first: Callable[[], object] = lambda: None  #: done before it answers

    def sentinel_masters(self) -> dict[str, Any]:
        self.first()
        if self.epoch is None:
            raise NotReached
        ip, port = self.primary
        state = {"ip": ip, "port": port, "config-epoch": self.epoch, "num-other-sentinels": 2}
        return {"main": state | {"is_master": True, "is_sdown": False, "is_odown": False}}


def asking(*sentinels: Sentinel) -> Sentinels:
    made: Any = Sentinels([], {})
    made.sentinels = list(sentinels)
    return cast("Sentinels", made)


def known(asked: Sentinels) -> list[Sentinel]:
    return cast("list[Sentinel]", asked.sentinels)


def test_the_first_that_answers_is_asked_first_from_then_on() -> None:
    away, first, last = Sentinel(OLD, None), Sentinel(NEW, 1), Sentinel(NEW, 1)
    asked = asking(away, first, last)
    assert asked.discover_master("main") == NEW
    assert known(asked) == [first, last, away]


def test_a_sentinel_left_alone_with_the_old_primary_is_never_believed_again() -> None:
    alone, one, other = Sentinel(OLD, 1), Sentinel(NEW, 2), Sentinel(NEW, 2)
    asked = asking(alone, one, other)
    assert asked.discover_master("main") == OLD, "nothing else is known"
    named = []
    for _ in range(9):
        asked.ask_another()
        named.append(asked.discover_master("main"))
    assert named == [NEW] * 9


def test_it_is_believed_while_the_others_are_away() -> None:
    alone, other = Sentinel(OLD, 1), Sentinel(NEW, 2)
    asked = asking(other, alone)
    assert asked.discover_master("main") == NEW
    other.epoch = None
    assert asked.discover_master("main") == OLD
    other.epoch = 2
    asked.ask_another()
    assert asked.discover_master("main") == NEW


def test_sentinels_that_were_set_up_again_are_believed() -> None:
    both = Sentinel(OLD, 7), Sentinel(OLD, 7)
    asked = asking(*both)
    assert asked.discover_master("main") == OLD
    for each in both:
        each.primary, each.epoch = NEW, 0
    assert asked.discover_master("main") == NEW


def test_none_is_lost_while_threads_ask() -> None:
    sentinels = Sentinel(OLD, None), Sentinel(NEW, 1), Sentinel(NEW, 1)
    asked = asking(*sentinels)
    answered = Event()

    def meanwhile() -> None:
        asked.ask_another()
        answered.set()

    def once() -> None:
        sentinels[1].first = lambda: None
        Thread(target=meanwhile).start()
        assert answered.wait(30)

    sentinels[1].first = once
    assert asked.discover_master("main") == NEW
    assert sorted(known(asked), key=id) == sorted(sentinels, key=id)


def test_without_an_answer_there_is_no_primary() -> None:
    with pytest.raises(MasterNotFoundError, match="No master found for 'main'"):
        asking(Sentinel(OLD, None), Sentinel(OLD, None)).discover_master("main")
