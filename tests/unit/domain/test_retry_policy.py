"""When to try again and when to look again."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.retry_policy import (
    BACKOFF_CAP_S,
    IN_TROUBLE_CAP_S,
    SLOW_BACKOFF_S,
    backoff,
    look_after,
)

jitters = st.floats(0, 1, exclude_max=True)


def test_each_refusal_doubles_the_wait_up_to_a_minute() -> None:
    waits = [backoff(refusals, 0.999999) for refusals in range(1, 9)]
    assert [round(wait) for wait in waits] == [2, 4, 8, 16, 32, 60, 60, 60]


@given(st.integers(1, 10**6), jitters, st.booleans())
def test_a_wait_is_never_short_and_never_endless(refusals: int, jitter: float, slow: bool) -> None:
    wait = backoff(refusals, jitter, slow=slow)
    assert 1 <= wait <= (SLOW_BACKOFF_S if slow else BACKOFF_CAP_S)
    assert backoff(refusals, 0.0, slow=slow) <= wait, "jitter only spreads, over the upper half"
    assert wait <= 2 * backoff(refusals, 0.0, slow=slow)


def test_lasting_trouble_soon_waits_minutes() -> None:
    waits = [backoff(refusals, 0.0, slow=True) for refusals in (1, 2, 3, 4, 99)]
    assert waits == [7.5, 30.0, 120.0, SLOW_BACKOFF_S / 2, SLOW_BACKOFF_S / 2]


def test_in_trouble_of_the_account_a_job_waits_for_seconds() -> None:
    assert backoff(99, 0.999, in_trouble=True) <= IN_TROUBLE_CAP_S


@given(st.floats(0, 10**6))
def test_the_less_an_account_calls_back_the_more_often_it_is_asked(age: float) -> None:
    silent, unknown, flowing = (
        look_after(age, age, callbacks_flow=flow) for flow in (False, None, True)
    )
    assert 1 <= silent <= unknown <= flowing <= 120


def test_looks_grow_rarer_with_age() -> None:
    for flow in (False, None, True):
        looks = [look_after(age, age, callbacks_flow=flow) for age in range(0, 4000, 10)]
        assert all(a <= b for a, b in pairwise(looks))
