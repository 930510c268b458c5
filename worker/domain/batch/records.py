"""PURE. Reads a batch's file into rows of columns: NDJSON, CSV or one prompt per line."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import PurePath
from typing import Any, NoReturn, Protocol

from worker.domain.batch.lines import (
    BrokenRow,
    Line,
    Table,
    delimiter_of,
    lines_of,
    named_delimiter,
)
from worker.domain.errors import FieldError, InvalidRequest

#: Of a row. Those that are no field are kept in the metadata, whose 4 KB hold fewer.
MAX_COLUMNS = 1_000
MAX_SKIPPED_LINES = 10_000  #: in a row: blank lines, and comments between prompts
_MAX_HEADER = 100_000  #: characters


class Form(StrEnum):
    """The format of a batch's file."""

    NDJSON = "ndjson"  #: a JSON object per line
    CSV = "csv"  #: with a header; separated by comma, semicolon or tab
    LINES = "lines"  #: a prompt per line


_SUFFIXES = {
    ".jsonl": Form.NDJSON, ".ndjson": Form.NDJSON,
    ".csv": Form.CSV, ".tsv": Form.CSV,
    ".txt": Form.LINES,
}  # fmt: skip


def form_of(name: str) -> Form:
    """The format with this name, or of a file with this name.

    Raises:
        InvalidRequest: on ``format``, if the name is neither.
    """
    if name in set(Form):
        return Form(name)
    suffix = PurePath(name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InvalidRequest.of(
            "format",
            f"cannot be told from {name!r}; say one of {', '.join(Form)}, "
            f"or use a file named {', '.join('*' + each for each in _SUFFIXES)}",
        )
    return _SUFFIXES[suffix]


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the file."""

    number: int  #: the line where it starts, from 1
    columns: dict[str, Any]
    as_text: bool  #: all values are text, even numbers and lists


@dataclass(frozen=True, slots=True)
class BadRow:
    """An invalid row and its errors.

    Errors name a column, ``row`` for the whole row, or ``header`` for the header of a CSV file.
    """

    number: int  #: the line where it starts, from 1
    errors: tuple[FieldError, ...]
    is_last: bool = False  #: reading stopped here: the file is not in this format


class Header(Protocol):
    """What the names of a CSV file's columns mean."""

    def meant(self, names: Sequence[str]) -> Sequence[str]:
        """The names of the columns, as written in the header, as they are used."""

    def errors(self, names: Sequence[str]) -> Iterable[FieldError]:
        """The errors of the names that make every row invalid."""


def read_records(source: Iterable[bytes], form: Form, header: Header) -> Iterator[Record | BadRow]:
    """The non-blank rows of a file, given as chunks of any size."""
    lines = lines_of(source)
    first = next(lines, None)
    if first is None:
        return
    if problem := _not_text(first.text):
        yield _bad(first.number, problem, is_last=True)
        return
    lines = _without_gaps(chain([first], lines), form)
    try:
        match form:
            case Form.NDJSON:
                yield from _ndjson(lines)
            case Form.CSV:
                yield from _csv(lines, header)
            case Form.LINES:
                yield from _prompts(lines)
    except _Gap as gap:
        message = f"follows {MAX_SKIPPED_LINES:,} lines without a row; nothing more was read"
        yield _bad(gap.number, message, is_last=True)


class _Gap(Exception):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _without_gaps(lines: Iterable[Line], form: Form) -> Iterator[Line]:
    """The lines; a megabyte of nothing but skipped ones would take seconds."""
    skipped = 0
    for line in lines:
        skipped = skipped + 1 if _is_skipped(line.text.strip(), form) else 0
        if skipped > MAX_SKIPPED_LINES:
            raise _Gap(line.number)
        yield line


def _is_skipped(text: str, form: Form) -> bool:
    return not text or (form is Form.LINES and text.startswith("#"))


def _bad(number: int, message: str, *, field: str = "row", is_last: bool = False) -> BadRow:
    return BadRow(number, (FieldError(field, message),), is_last)


def _not_text(start: str) -> str | None:
    """Why a file that starts with ``start`` is not UTF-8 text, if it is not."""
    if start.startswith("PK\x03\x04"):
        return "is the start of a workbook or archive, not of text; export it as CSV UTF-8"
    if start.startswith("\x1f\ufffd"):
        return "is the start of a compressed file; unpack it first"
    if "\x00" in start:
        return "is not UTF-8, nor UTF-16 that says so at the start of the file; save it as UTF-8"
    return None


def _ndjson(lines: Iterable[Line]) -> Iterator[Record | BadRow]:
    is_first = True
    for line in lines:
        text = line.text.strip()
        if not text:
            continue
        if is_first and text.startswith("["):
            message = "starts a JSON list; write one object per line (with jq: jq -c '.[]')"
            yield _bad(line.number, message, is_last=True)
            return
        yield _object(line, text, is_first=is_first)
        is_first = False


def _object(line: Line, text: str, *, is_first: bool) -> Record | BadRow:
    if line.problem:
        return _bad(line.number, line.problem)
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        hint = "; is this file CSV, or lines of prompts?" if is_first and text[0] != "{" else ""
        return _bad(line.number, f"is not readable JSON: {error}{hint}")
    if not isinstance(data, dict):
        return _bad(line.number, "must be an object")
    if len(data) > MAX_COLUMNS:
        return _bad(line.number, _too_many(len(data)))
    return Record(line.number, data, as_text=False)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")


def _prompts(lines: Iterable[Line]) -> Iterator[Record | BadRow]:
    is_first = True
    for line in lines:
        text = line.text.strip()
        if _is_skipped(text, Form.LINES):
            continue
        if is_first and _is_header(text):
            message = "looks like the header of a CSV file; read the file as csv"
            yield _bad(line.number, message, is_last=True)
            return
        is_first = False
        if line.problem:
            yield _bad(line.number, line.problem)
        elif _is_object(text):
            yield _bad(line.number, "is a JSON object, not a prompt; read the file as ndjson")
        else:
            yield Record(line.number, {"prompt": text}, as_text=True)


def _is_header(text: str) -> bool:
    if len(text) > _MAX_HEADER:
        return False
    names = [name.strip('" ') for name in re.split(r"[,;\t]", text)]
    return "prompt" in names and all(re.fullmatch(r"\w+", name) for name in names)


def _is_object(text: str) -> bool:
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _csv(lines: Iterator[Line], header: Header) -> Iterator[Record | BadRow]:
    filled = (line for line in lines if line.text.strip())
    first = next(filled, None)
    delimiter = named_delimiter(first.text) if first else None
    if delimiter is not None:
        first = next(filled, None)
    if first is None:
        return
    if len(first.text) > _MAX_HEADER:
        message = f"has more than {_MAX_HEADER:,} characters; the first line must name the columns"
        yield _bad(first.number, message, field="header", is_last=True)
        return
    table = Table(chain([first], lines), delimiter or delimiter_of(first.text))
    try:
        written = _names(table.next_row() or [])
        names = header.meant(written) if len(written) <= MAX_COLUMNS else written
    except BrokenRow as problem:
        yield _bad(first.number, str(problem), field="header", is_last=True)
        return
    if len(names) > MAX_COLUMNS:
        yield _bad(first.number, _too_many(len(names)), field="header", is_last=True)
        return
    if errors := _header_errors(names, header.errors):
        yield BadRow(first.number, tuple(errors), is_last=True)
        return
    yield from _table_rows(table, names)


def _too_many(columns: int) -> str:
    return f"has {columns:,} columns; {MAX_COLUMNS:,} are the most"


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip() or f"column_{place}" for place, name in enumerate(header, start=1)]


def _header_errors(
    names: Sequence[str], check: Callable[[Sequence[str]], Iterable[FieldError]]
) -> list[FieldError]:
    if names[0].startswith("{") and names[0].lstrip("{ ").startswith('"'):
        return [FieldError("header", "looks like a JSON object; read the file as ndjson")]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        message = f"names {', '.join(f'`{name}`' for name in twice)} twice; rename a column"
        return [FieldError("header", message)]
    return list(check(names))


def _table_rows(table: Table, names: Sequence[str]) -> Iterator[Record | BadRow]:
    while True:
        try:
            cells = table.next_row()
        except BrokenRow as problem:
            yield _bad(table.number, str(problem), is_last=problem.is_endless)
            if problem.is_endless:
                return
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(table.number, names, cells)


def _row(number: int, names: Sequence[str], cells: list[str]) -> Record | BadRow:
    if len(cells) != len(names):
        return _bad(
            number,
            f"has {len(cells)} cells, but the header has {len(names)}; "
            "put text that contains the delimiter into double quotes",
        )
    return Record(number, dict(zip(names, cells, strict=True)), as_text=True)
