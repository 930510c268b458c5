"""PURE. Amounts: whole millionths of the unit that prices are given in, so that sums are exact.

What a unit is (a dollar, a credit) is up to whoever writes the prices.
"""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

#: An amount in millionths of a unit.
Amount = int

_UNIT = 1_000_000
#: No price or budget is higher than this, in units; sums of them stay exact in Redis and Lua.
MAX_UNITS = 1_000_000


def amount(units: str | float) -> Amount:
    """The amount of so many units.

    Raises:
        ValueError: not a number, negative, or above ``MAX_UNITS``.
    """
    try:
        value = Decimal(str(units))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= MAX_UNITS:
        raise ValueError(f"must be a number from 0 to {MAX_UNITS:,}")
    return int((value * _UNIT).to_integral_value(ROUND_HALF_UP))


def units(value: Amount) -> float:
    """The amount in units, for JSON."""
    return value / _UNIT


def in_words(value: Amount) -> str:
    """The amount in units as people write it: ``12``, ``0.25``."""
    return (
        f"{Decimal(value) / _UNIT:,f}".rstrip("0").rstrip(".")
        if value % _UNIT
        else f"{value // _UNIT:,}"
    )
