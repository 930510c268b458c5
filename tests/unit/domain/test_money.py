import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.money import amount, in_words, units


@pytest.mark.parametrize(
    ("given_units", "words"),
    [
        (0, "0"),
        (1, "1"),
        (0.2, "0.2"),
        ("12.50", "12.5"),
        (1_000_000, "1,000,000"),
        (1e-6, "0.000001"),
    ],
)
def test_amounts_read_as_people_write_them(given_units: str | float, words: str) -> None:
    assert in_words(amount(given_units)) == words


@pytest.mark.parametrize(
    "wrong", [-1, "x", float("nan"), float("inf"), 1_000_001, "", "1e7", True, 10**400]
)
def test_what_is_no_amount_is_refused(wrong: str | float) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        amount(wrong)


@given(st.lists(st.integers(0, 1000), max_size=50))
def test_sums_of_cents_are_exact(cents: list[int]) -> None:
    assert sum(amount(f"{n / 100:.2f}") for n in cents) == sum(cents) * 10_000


def test_units_are_for_json() -> None:
    assert units(amount(0.25)) == 0.25
