from threading import Event, Thread

import pytest

from worker.adapters.limiter import Limiter


def test_what_finds_no_place_is_done_by_whoever_has_one() -> None:
    done, first_goes_on, first_began = list[str](), Event(), Event()

    def act(name: str) -> None:
        if name == "first":
            first_began.set()
            assert first_goes_on.wait(30)
        done.append(name)

    limiter = Limiter(1, act)
    thread = Thread(target=limiter.do, args=("first",))
    thread.start()
    assert first_began.wait(30)
    for name in ("second", "third", "second"):
        limiter.do(name)  # returns at once
    assert done == []
    first_goes_on.set()
    thread.join(30)
    assert done == ["first", "second", "third"], "each once, in the order in which they came"


def test_what_goes_wrong_gives_the_place_back() -> None:
    def act(name: str) -> None:
        raise ValueError(name)

    limiter = Limiter(1, act)
    for name in ("first", "second"):
        with pytest.raises(ValueError, match=name):
            limiter.do(name)


def test_what_waits_can_be_dropped() -> None:
    done = list[str]()

    def act(name: str) -> None:
        done.append(name)
        if name == "first":
            limiter.do("second")
            limiter.clear()

    limiter = Limiter(1, act)
    limiter.do("first")
    assert done == ["first"]
