"""Presses follow the pace at which a gateway learns of its provider's ends."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.account.parent_lag import LONGEST_S, NO_LAG, SHORTEST_S, WINDOW_S, ParentLag

seconds = st.floats(0.0, 1e6)


def press(lag: ParentLag, true_s: float) -> tuple[ParentLag, int, float]:
    """What is known after a press on a task that the gateway knew ``true_s`` after its end; how
    often it was refused, and when it was accepted.
    """
    age, refused_at, refusals = lag.first_try_s, None, 0
    while age < true_s:
        refused_at, refusals = age, refusals + 1
        age += lag.again_after(age)
    return lag.after_press(age, refused_at), refusals, age


def presses(true_s: Callable[[], float], count: int, lag: ParentLag = NO_LAG) -> tuple[int, float]:
    """Refusals and seconds waited in vain, of so many presses."""
    refusals, waited = 0, 0.0
    for _ in range(count):
        needed = true_s()
        lag, refused, age = press(lag, needed)
        refusals, waited = refusals + refused, waited + age - needed
    return refusals, waited


@pytest.mark.parametrize("seed", range(5))
def test_a_gateway_that_looks_every_15_s_refuses_less_than_every_press(seed: int) -> None:
    rng = random.Random(seed)
    refusals, waited = presses(lambda: rng.uniform(0.0, 15.0), 100)
    assert refusals <= 80
    assert waited / 100 <= 6.0


def test_a_steady_lag_is_learnt_and_then_waited_out() -> None:
    lag = NO_LAG
    for _ in range(20):
        lag, _, _ = press(lag, 12.0)
    refusals, waited = presses(lambda: 12.0, 50, lag)
    assert refusals <= 30
    assert waited / 50 <= 2.0


def test_without_a_lag_nothing_waits() -> None:
    assert presses(lambda: 0.0, 100) == (0, 0.0)


def test_a_lag_that_is_over_is_forgotten_within_a_few_presses() -> None:
    lag = ParentLag(8.0, 4.0)
    for _ in range(20):
        lag, refusals, _ = press(lag, 0.0)
        assert refusals == 0
    assert lag.first_try_s == 0.0


def test_one_late_press_delays_the_next_ones_for_a_moment_only() -> None:
    lag, refusals, _ = press(NO_LAG, 2.0)
    assert (refusals, lag.first_try_s) == (1, 1.5)
    for _ in range(4):
        lag, _, _ = press(lag, 0.0)
    assert lag.first_try_s == 0.0


def test_a_press_that_waited_for_a_slot_says_nothing_of_a_longer_lag() -> None:
    known = ParentLag(8.0, 4.0)
    assert known.after_press(3600.0, None) == known
    assert known.after_press(3600.0, 9.0).mean_s < 12.0


@given(seconds, seconds, seconds, st.none() | seconds)
def test_all_waits_are_bounded_whatever_was_learnt(
    mean: float, deviation: float, age: float, refused: float | None
) -> None:
    lag = ParentLag(mean, deviation)
    if refused is not None:
        age = max(age, refused)
    learnt = lag.after_press(age, refused)
    assert learnt.mean_s >= 0.0
    assert learnt.deviation_s >= 0.0
    assert lag.window_s >= max(WINDOW_S, 2 * mean)
    wait = lag.again_after(age)
    assert wait >= SHORTEST_S
    assert wait <= max(LONGEST_S, lag.first_try_s - age)
