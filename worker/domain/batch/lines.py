"""PURE. The lines of a file that comes in pieces, of bounded length, and the CSV rows in them."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINE = 1 << 20  #: bytes, with the line's end

_BOM = b"\xef\xbb\xbf"
_NOT_UTF8 = "is not UTF-8 text; save the file as UTF-8 (in Excel: CSV UTF-8)"
_TOO_LONG = f"is longer than {MAX_LINE} bytes (1 MiB); pictures are better given as URLs"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end."""

    number: int  #: in the file, from 1
    text: str
    problem: str | None = None  #: why the text cannot be used; it is then cut or mangled


def lines_of(source: Iterable[bytes]) -> Iterator[Line]:
    """The lines of a file, whatever the pieces (``source``) are that it comes in."""
    for number, data in enumerate(_split(source), start=1):
        yield _line(number, data.removeprefix(_BOM) if number == 1 else data)


def _split(source: Iterable[bytes]) -> Iterator[bytes]:
    """Each line, of a long one only its beginning."""
    line, held = bytearray(), b""
    for chunk in source:
        pieces = held + chunk
        # A \r at the end may be half of a \r\n: wait for what follows.
        held = b"\r" if pieces.endswith(b"\r") else b""
        for piece in pieces.removesuffix(held).splitlines(keepends=True):
            line += piece[: MAX_LINE + 1 - len(line)]
            if piece[-1:] in b"\r\n":
                yield bytes(line)
                line.clear()
    if line or held:
        yield bytes(line + held)


def _line(number: int, data: bytes) -> Line:
    if len(data) > MAX_LINE:
        return Line(number, data.decode(errors="replace"), _TOO_LONG)
    try:
        return Line(number, data.decode())
    except UnicodeDecodeError:
        return Line(number, data.decode(errors="replace"), _NOT_UTF8)


#: A row may go on over lines, within quotes; beyond this a quote was forgotten.
MAX_ROW_LINES = 200

_WORDS = (
    ("field larger", f"has a cell of more than {csv.field_size_limit()} characters; use NDJSON"),
    ("expected after", 'has text after a quoted cell; write "" for a quote within quotes'),
    ("new-line", "has a line break outside of quotes"),
)


class BrokenRow(ValueError):
    """The row cannot be read; the message is in words for the caller."""


class Table:
    """The rows of a CSV file, the header among them.

    What is inside of a broken row is never taken for rows: each would be a payment.
    """

    def __init__(self, lines: Iterator[Line], delimiter: str) -> None:
        self._feed = _Feed(lines)
        self._reader = csv.reader(self._feed, delimiter=delimiter, strict=True)

    @property
    def number(self) -> int:
        """The line where the last row started."""
        return self._feed.taken[0].number

    def next_row(self) -> list[str] | None:
        """The next row's cells, none for a blank line; None at the end of the file.

        Raises:
            BrokenRow: the row that starts at ``number``; the next call goes on behind it.
        """
        self._feed.begin_row()
        try:
            cells = next(self._reader)
        except StopIteration:
            return None
        except csv.Error as error:
            raise BrokenRow(self._problem() or self._words(str(error))) from None
        if problem := self._problem():
            raise BrokenRow(problem)
        return cells

    def _problem(self) -> str | None:
        """What was wrong with the lines themselves."""
        problem = next((line.problem for line in self._feed.taken if line.problem), None)
        return problem and problem + self._range()

    def _words(self, error: str) -> str:
        known = next((words for part, words in _WORDS if part in error), None)
        return (known or "opens a quote that is not closed") + self._range()

    def _range(self) -> str:
        first, last = self._feed.taken[0].number, self._feed.taken[-1].number
        return "" if first == last else f"; nothing was read of the lines {first} to {last}"


class _Feed:
    """Gives a csv reader the lines of one row at a time, and ends where the row is too long."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.taken: list[Line] = []  #: for the present row
        self._lines = lines
        self._size = 0

    def begin_row(self) -> None:
        self.taken, self._size = [], 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_ROW_LINES or self._size > MAX_LINE:
            raise StopIteration
        line = next(self._lines)
        self.taken.append(line)
        self._size += len(line.text)
        return line.text


def delimiter_of(header: str) -> str:
    """What stands between the columns: of , ; and tab the most frequent outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(",;\t", key=bare.count)
