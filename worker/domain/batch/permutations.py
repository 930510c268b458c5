r"""PURE. Prompt permutations, ``{red, green} bird``, and prompt templates with columns.

A group, braces with a comma inside, gives one prompt per alternative; groups multiply and nest.
``\,`` ``\{`` and ``\}`` are escapes. All other braces in a prompt are text. In a template, braces
without a comma name a column, and ``{{`` and ``}}`` are literal braces.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, product
from typing import TypeAlias

MAX_NESTING = 20  #: groups within groups
MAX_TOKENS = 20_000  #: braces, commas and backslashes, and the texts between them
MAX_MARKS = 5000  #: opening braces, and commas in groups: far more than MAX_PERMUTATIONS needs

_TOKEN = re.compile(r"\\[,{}]|[,{}\\]|[^,{}\\]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A placeholder for a row's column."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A group of alternatives."""

    alternatives: tuple["Pattern", ...]


#: A parsed prompt or template.
Pattern: TypeAlias = tuple[str | Column | Choice, ...]


def parse_prompt(text: str) -> Pattern:
    """Parse a row's prompt; raises ``ValueError`` for the caller on too many or too deep braces."""
    if "{" not in text and "\\" not in text:
        return (text,)  # the common case
    return _Parser(text).parse()


def parse_template(text: str, *, permute: bool) -> Pattern:
    """Parse a template; without ``permute`` its groups are text.

    Raises:
        ValueError: for the caller, such as for an unmatched brace or an empty column name.
    """
    return _TemplateParser(text, permute=permute).parse()


def columns_of(pattern: Pattern) -> Iterator[str]:
    """The names of a template's columns, in order."""
    for part in pattern:
        if isinstance(part, Column):
            yield part.name
        elif isinstance(part, Choice):
            for alternative in part.alternatives:
                yield from columns_of(alternative)


def fill(template: Pattern, values: Mapping[str, Pattern]) -> Pattern:
    """Replace the template's columns with values; commas in values do not separate alternatives."""
    filled: list[str | Column | Choice] = []
    for part in template:
        if isinstance(part, Column):
            filled += values[part.name]
        elif isinstance(part, Choice):
            filled.append(Choice(tuple(fill(each, values) for each in part.alternatives)))
        else:
            filled.append(part)
    return tuple(filled)


def count(pattern: Pattern, limit: int) -> int:
    """The number of prompts in a pattern; ``limit`` + 1 if there are more than ``limit``."""
    total = 1
    for part in pattern:
        if isinstance(part, Choice):
            total *= sum(count(each, limit) for each in part.alternatives)
        if total > limit:
            return limit + 1
    return total


def longest(pattern: Pattern) -> int:
    """The length of the longest prompt, in characters."""
    return sum(
        max(longest(each) for each in part.alternatives)
        if isinstance(part, Choice)
        else len(_text(part))
        for part in pattern
    )


def expand(pattern: Pattern) -> Iterator[str]:
    """All prompts of a pattern without columns; the last group varies fastest."""
    places = [
        [text for each in part.alternatives for text in expand(each)]
        if isinstance(part, Choice)
        else [_text(part)]
        for part in pattern
    ]
    return ("".join(texts) for texts in product(*places))


def _text(part: str | Column) -> str:
    if isinstance(part, Column):
        raise TypeError(f"The column {part.name} was not filled in")
    return part


@dataclass(slots=True)
class _Group:
    """An open group: its alternatives so far, the last one unfinished."""

    alternatives: list[list[str | Column | Choice]] = field(default_factory=lambda: [[]])
    literal: int = 0  #: unmatched ``{{``

    @property
    def last(self) -> list[str | Column | Choice]:
        return self.alternatives[-1]

    def as_text(self, end: str) -> list[str | Column | Choice]:
        """The group with its brace and commas as text."""
        first, *others = self.alternatives
        parts: list[str | Column | Choice] = ["{", *first]
        for alternative in others:
            parts += [",", *alternative]
        return [*parts, end]


class _Parser:
    """Parses a prompt, where an unmatched brace is text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._stack = [_Group()]
        self._marks = 0

    def parse(self) -> Pattern:
        place = tokens = 0
        while token := _TOKEN.match(self._text, place):
            tokens += 1
            if tokens > MAX_TOKENS:
                raise ValueError(f"has more than {MAX_TOKENS:,} braces, commas and other parts")
            place = self._take(token[0], token.end())
        while len(self._stack) > 1:
            self._unclosed()
        return _joined(self._stack[0].last)

    def _take(self, token: str, end: int) -> int:
        """Handle a token, and return where the next one starts."""
        if token == "{":  # noqa: S105  # a brace
            return self._open(end)
        if token == "}":  # noqa: S105  # a brace
            return self._close(end)
        if token == "," and len(self._stack) > 1:  # noqa: S105  # a comma
            self._count_mark()
            self._stack[-1].alternatives.append([])
        else:
            self._stack[-1].last.append(
                token[1:] if len(token) == 2 and token[0] == "\\" else token
            )
        return end

    def _count_mark(self) -> None:
        self._marks += 1
        if self._marks > MAX_MARKS:
            raise ValueError(f"has more than {MAX_MARKS} braces, and commas within braces")

    def _open(self, end: int) -> int:
        self._count_mark()
        if len(self._stack) > MAX_NESTING:
            raise ValueError(f"has braces within braces, deeper than {MAX_NESTING}")
        self._stack.append(_Group())
        return end

    def _close(self, end: int) -> int:
        if len(self._stack) == 1:
            self._stack[0].last.append("}")
        else:
            group = self._stack.pop()
            self._stack[-1].last.extend(self._closed(group))
        return end

    def _closed(self, group: _Group) -> list[str | Column | Choice]:
        return [_choice(group)] if len(group.alternatives) > 1 else group.as_text("}")

    def _unclosed(self) -> None:
        group = self._stack.pop()
        self._stack[-1].last.extend(group.as_text(""))


class _TemplateParser(_Parser):
    """Parses a template, where an unmatched brace is an error."""

    def __init__(self, text: str, *, permute: bool) -> None:
        super().__init__(text)
        self._permute = permute

    def _open(self, end: int) -> int:
        if not self._text.startswith("{", end):
            return super()._open(end)
        self._stack[-1].last.append("{")
        self._stack[-1].literal += 1
        return end + 1

    def _close(self, end: int) -> int:
        group, within = self._stack[-1], len(self._stack) > 1
        # }} closes two groups in {red, {green, blue}}, unless a {{ is open.
        if self._text.startswith("}", end) and (group.literal or not within):
            group.last.append("}")
            group.literal -= 1
            return end + 1
        if not within:
            self._unclosed()
        return super()._close(end)

    def _closed(self, group: _Group) -> list[str | Column | Choice]:
        if len(group.alternatives) > 1:
            return [_choice(group)] if self._permute else group.as_text("}")
        if any(not isinstance(part, str) for part in group.last):
            raise ValueError("has braces around braces; a column is named as in {subject}")
        name = "".join(part for part in group.last if isinstance(part, str)).strip()
        if not name:
            raise ValueError("has empty braces; a column is named as in {subject}")
        return [Column(name)]

    def _unclosed(self) -> None:
        raise ValueError("has an unmatched brace; write {{ and }} for braces")


def _choice(group: _Group) -> Choice:
    return Choice(tuple(_trimmed(_joined(each)) for each in group.alternatives))


def _joined(parts: list[str | Column | Choice]) -> Pattern:
    """The parts, with adjacent texts merged."""
    joined: list[str | Column | Choice] = []
    for is_text, run in groupby(parts, key=lambda part: isinstance(part, str)):
        same = list(run)
        joined += ["".join(part for part in same if isinstance(part, str))] if is_text else same
    return tuple(joined)


def _trimmed(pattern: Pattern) -> Pattern:
    """The pattern without surrounding whitespace."""
    parts = list(pattern)
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].lstrip()
    if parts and isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
    return tuple(parts)
