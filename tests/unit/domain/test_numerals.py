"""Numbers are plain digits, at every door that reads them from text."""

from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.types import FloatParamType, IntParamType

from config.redis_urls import parse as parse_redis
from config.settings import Settings
from worker.adapters.store.places import read_cursor
from worker.domain import numerals
from worker.domain.batch.columns import converted
from worker.domain.errors import InvalidRequest
from worker.domain.money import amount
from worker.entrypoints.cli import cli
from worker.entrypoints.cli.numbers import PlainFloat, PlainFloatRange, PlainInt, PlainIntRange

#: What Python takes for a number.
SLIPS = ["1_000", "\uff11\uff12", "+5", "1e3", "0x10", "inf", "Infinity", "nan", "\u0663", "1_0.5"]


@pytest.mark.parametrize("text", [*SLIPS, "", " 12 ", "1 2", "12\n", "--1", "9" * 5000, "\u00b2"])
def test_what_is_no_number_in_plain_digits(text: str) -> None:
    assert not numerals.is_whole(text)
    assert not numerals.is_decimal(text)


@pytest.mark.parametrize("text", ["0", "7", "-7", "007", "1000000"])
def test_what_is_one(text: str) -> None:
    assert numerals.is_whole(text)
    assert numerals.is_decimal(text)


@pytest.mark.parametrize("text", ["0.5", ".5", "5.", "-0.25", "12.50"])
def test_decimals(text: str) -> None:
    assert numerals.is_decimal(text)
    assert not numerals.is_whole(text)


@pytest.mark.parametrize("text", [*SLIPS, " 12 "])
def test_no_slip_is_a_budget(text: str) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        amount(text)


@pytest.mark.parametrize("text", SLIPS)
@pytest.mark.parametrize("name", ["HOOKLINE_MAX_RUNNING", "HOOKLINE_SUBMIT_TIMEOUT_S"])
def test_no_slip_is_a_setting(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="plain digits"):
        Settings.model_validate({name: text})


@pytest.mark.parametrize("text", SLIPS)
def test_no_slip_is_a_number_on_the_command_line(text: str) -> None:
    for kind in (PlainInt(), PlainFloat()):
        with pytest.raises(Exception, match="plain digits"):
            kind.convert(text, None, None)
    assert PlainInt().convert("12", None, None) == 12


def numbers_of(command: click.Command, *names: str) -> Iterator[tuple[str, click.ParamType[Any]]]:
    """The parameters of a command, and of those below it, that are numbers."""
    for each in command.params:
        if isinstance(each.type, IntParamType | FloatParamType) and not getattr(each, "hidden", 0):
            yield " ".join((*names, each.opts[0])), each.type
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from numbers_of(below, *names, name)


def test_every_number_on_the_command_line_is_in_plain_digits() -> None:
    found = dict(numbers_of(cli))
    plain = (PlainInt, PlainIntRange, PlainFloat, PlainFloatRange)
    assert [name for name, kind in found.items() if not isinstance(kind, plain)] == []
    assert {"tokens create --per-day", "batch submit --budget", "imagine --priority"} <= {*found}


@pytest.mark.parametrize("text", [each for each in SLIPS if each != "+5"])
def test_no_slip_is_a_number_in_a_table(text: str) -> None:
    assert converted("index", text) == text  # which the field then refuses
    assert converted("index", "+5") == 5  # some programs write numbers so
    assert converted("index", " 12 ") == 12  # blanks around a cell belong to the file
    assert converted("index", "12.0") == 12


@pytest.mark.parametrize("text", [*SLIPS, "1_7.0", " 1.0", "1"])
def test_no_slip_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(f"{text}-id")


@pytest.mark.parametrize("text", SLIPS)
def test_no_slip_is_a_timeout_of_redis(text: str) -> None:
    with pytest.raises(ValueError, match=r"from 0\.1 to 60"):
        parse_redis(f"redis://x?timeout={text}")
