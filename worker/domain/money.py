"""PURE. Amounts: whole millionths of a unit (a dollar, a credit), so that sums are exact."""

from decimal import ROUND_HALF_UP, Decimal

from worker.domain import numerals

#: An amount in millionths of a unit.
Amount = int

_UNIT = 1_000_000
#: Highest price or budget, in units; sums of them stay exact in Redis and Lua.
MAX_UNITS = 1_000_000


def amount(units: str | float) -> Amount:
    """Convert units to an amount.

    Raises:
        ValueError: not a number, negative, or above ``MAX_UNITS``.
    """
    is_number = not isinstance(units, bool)
    if isinstance(units, str):
        is_number = numerals.is_decimal(units)
    value = Decimal(str(units)) if is_number else Decimal(-1)
    if not value.is_finite() or not 0 <= value <= MAX_UNITS:
        raise ValueError(f"must be a number from 0 to {MAX_UNITS:,}")
    return int((value * _UNIT).to_integral_value(ROUND_HALF_UP))


def units(value: Amount) -> float:
    """The amount in units, for JSON."""
    return value / _UNIT


def in_words(value: Amount) -> str:
    """The amount in units, for people: ``12``, ``0.25``."""
    return f"{Decimal(value) / _UNIT:,.6f}".rstrip("0").rstrip(".")
