"""The short form of ``python -m tests.fuzz``: every function that reads outside words once or more,
and that the fuzzer would notice a function that is slow or raises.
"""

import time

import pytest

from tests.fuzz.inputs import Inputs
from tests.fuzz.run import Fuzz
from tests.fuzz.targets import TARGETS, Target

_LARGE = 200_000  #: characters; the full form has a million


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_words_are_read_in_time_or_refused(target: Target) -> None:
    fuzz = Fuzz(20, (target,), most=_LARGE)
    assert list(fuzz.run(range(25))) == []


def test_what_freezes_or_raises_is_noticed() -> None:
    slow = Target("slow", Inputs.text, lambda _: sum(range(6_000_000)))
    (fault,) = Fuzz(1, (slow,)).run(range(1))
    assert "bytes" in fault.problem
    broken = Target("broken", Inputs.text, lambda text: {}[text])
    (fault,) = Fuzz(1, (broken,)).run(range(1))
    assert "KeyError" in fault.problem


def test_waiting_for_others_is_no_cost() -> None:
    idle = Target("idle", Inputs.text, lambda _: time.sleep(0.2))
    assert list(Fuzz(1, (idle,)).run(range(1))) == []


def test_an_input_is_always_the_same() -> None:
    first, second = Inputs(7), Inputs(7)
    for number in (3, 1, 2):
        first.start(number)
        second.start(number)
        assert first.task() == second.task()
