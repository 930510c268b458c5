"""Numbers on the command line."""

from typing import Any

import click
from click.types import FloatParamType, IntParamType

from worker.domain import numerals


class _PlainDigits:
    """Refuses what Python takes for a number and people do not write: `1_000`, `+5`, `1e3`."""

    name: str

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        if isinstance(value, str) and not numerals.is_decimal(value):
            problem = f"{value!r} is not a number in plain digits."
            raise click.BadParameter(problem, ctx=ctx, param=param)
        return super().convert(value, param, ctx)  # type: ignore[misc]


class PlainInt(_PlainDigits, IntParamType):
    """A whole number."""


class PlainIntRange(_PlainDigits, click.IntRange):
    """A whole number of a range."""


class PlainFloat(_PlainDigits, FloatParamType):
    """A number."""


class PlainFloatRange(_PlainDigits, click.FloatRange):
    """A number of a range."""
