"""No pattern takes quadratic time: every one of the product's, as the product uses it, is given
texts that are made to be expensive.

A new pattern is among them by itself.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from tests.support.cpu import SECONDS_PER_MB, assert_cheap, seconds_of
from tests.support.processes import ROOT

_LENGTH = 20_000  #: characters, as the longest text of a provider has
#: What makes a pattern fail only after it has looked at all that is repeated.
_ENDS = ("", " \0")
#: What most patterns take many of.
_CHARACTERS = ' \t\na0-_./`"<\\é'
_WAYS = ("search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn")
#: They read what the operator has set.
_OPERATORS = frozenset(
    f"worker.adapters.provider.{name}._SURPLUS" for name in ("payloads", "ledger_client")
)
#: What of a pattern stands for itself.
_PLAIN = re.compile(r"[A-Za-z0-9:/_.=<>@-]+")


class Use(NamedTuple):
    """A pattern, and a method by which it is used."""

    name: str
    pattern: re.Pattern[str]
    way: str

    def on(self, text: str) -> None:
        """Use it."""
        more = ("",) if self.way in {"sub", "subn"} else ()
        found = getattr(self.pattern, self.way)(*more, text)
        if self.way == "finditer":
            list(found)


def _modules() -> dict[str, ast.Module]:
    paths = [
        path for each in ("config", "webhooks", "worker") for path in (ROOT / each).rglob("*.py")
    ]
    trees = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts): ast.parse(p.read_bytes())
        for p in paths
    }
    return {name: tree for name, tree in sorted(trees.items()) if ".sandbox." not in name}


def _uses() -> Iterator[Use]:
    trees = _modules()
    ways = defaultdict[str, set[str]](set)  # by the variable's name, in whichever module
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in _WAYS:
                ways[ast.unparse(node.value).rpartition(".")[2]].add(node.attr)
    for name, tree in trees.items():
        if any(isinstance(node, ast.Import) and node.names[0].name == "re" for node in tree.body):
            known = vars(import_module(name))
            yield from _unnamed(name, tree, known)
            yield from _named(name, known, ways)


def _unnamed(module: str, tree: ast.Module, known: Mapping[str, Any]) -> Iterator[Use]:
    """Patterns that are written where they are used."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("re."):
            continue
        way = ast.unparse(node.func).removeprefix("re.")
        if way in _WAYS:
            given = [*node.args[1:], *(each.value for each in node.keywords)]
            flags = [text for each in given if (text := ast.unparse(each)).startswith("re.")]
            made = [eval(text, dict(known)) for text in (ast.unparse(node.args[0]), *flags)]
            yield Use(f"{module}, line {node.lineno}", re.compile(*made), way)


def _named(module: str, known: Mapping[str, Any], ways: Mapping[str, set[str]]) -> Iterator[Use]:
    for variable, value in list(known.items()):
        name = f"{module}.{variable}"
        for number, pattern in enumerate(_patterns_in(value)):
            for way in sorted(ways.get(variable) or {"match", "fullmatch"}):  # of tables
                if name not in _OPERATORS:
                    yield Use(f"{name}, {number}, {way}", pattern, way)


def _patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _patterns_in(each)


def _texts(pattern: re.Pattern[str]) -> Iterator[str]:
    plain = _PLAIN.findall(pattern.pattern)
    pairs = (f"{one}{other}" for one, other in pairwise(plain))
    for unit in sorted({*_CHARACTERS, *plain, *"".join(plain), *pairs}):
        for end in _ENDS:
            yield unit * (_LENGTH // len(unit)) + end


def _slow_on(use: Use) -> Iterator[str]:
    """The texts that cost it more than they may; perhaps only since another process had the CPU."""
    for text in _texts(use.pattern):
        if seconds_of(partial(use.on, text)) > SECONDS_PER_MB:
            yield text


USES = list(_uses())


@pytest.mark.parametrize("use", USES, ids=[use.name for use in USES])
def test_a_pattern_takes_time_in_proportion_to_the_text(use: Use) -> None:
    for text in _slow_on(use):
        assert_cheap(partial(use.on, text), _LENGTH)


def test_patterns_are_found_wherever_they_are() -> None:
    names = " ".join(use.name for use in USES)
    assert "worker.domain.redaction._RUN, 0, sub" in names
    assert "worker.domain.buttons._NAMES, 24, match" in names
    assert "worker.adapters.provider.wire, line" in names


@pytest.mark.parametrize("slow", [r"\w+://\S+", r"\s+$", r"[a-z]+\d"])
def test_a_pattern_that_looks_again_and_again_is_noticed(slow: str) -> None:
    assert next(_slow_on(Use("", re.compile(slow), "search")), None)
