"""Log events are stable names with fields, and docs/log-events.md lists every one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import worker

ROOT = Path(worker.__file__).parents[1]
NAME = re.compile(r"[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
#: Names that loggers go by; `write` is one of their methods, chosen by level.
LOGGERS = {"log", "_log", "logger"}


def events() -> Iterator[str]:
    files = [
        f for folder in ("worker", "webhooks", "config") for f in (ROOT / folder).rglob("*.py")
    ]
    for file in files:
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _logs(call.func):
                first = call.args[0]
                assert isinstance(first, ast.Constant), f"{file}:{call.lineno}: not a plain name"
                yield str(first.value)


def _logs(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return name in LOGGERS and attr in LEVELS
        case ast.Name(id="write"):
            return True
    return False


@pytest.fixture(scope="module")
def found() -> set[str]:
    return set(events())


def test_every_event_is_a_dotted_name(found: set[str]) -> None:
    assert len(found) > 20, "the search finds the calls"
    assert [event for event in sorted(found) if not NAME.fullmatch(event)] == []


def test_the_documentation_lists_exactly_the_events_that_are_logged(found: set[str]) -> None:
    page = (ROOT / "docs/log-events.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE)
    assert listed == sorted(found)
