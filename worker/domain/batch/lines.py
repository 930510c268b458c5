"""PURE. Splits a byte stream into lines of bounded length, and reads CSV rows from them."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

MAX_LINE = 1 << 20  #: bytes, with the line ending

_BOM = b"\xef\xbb\xbf"
_UTF_16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CTRL_Z = b"\x1a"  #: the end of a file for DOS programs, which some still write
_NOT_UTF8 = "is not UTF-8 text; save the file as UTF-8 (in Excel: CSV UTF-8)"
_TOO_LONG = f"is longer than {MAX_LINE} bytes (1 MiB); pictures are better given as URLs"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its line ending."""

    number: int  #: in the file, from 1
    text: str  #: truncated or mangled if there is a problem
    problem: str | None = None  #: why the text cannot be used


def lines_of(source: Iterable[bytes]) -> Iterator[Line]:
    """The lines of a file in UTF-8, or UTF-16 with its mark, given as chunks of any size."""
    for number, data in enumerate(_split(_as_utf8(source)), start=1):
        yield _line(number, data.removeprefix(_BOM) if number == 1 else data)


def _as_utf8(source: Iterable[bytes]) -> Iterator[bytes]:
    """The file in UTF-8. What is no UTF-16 after its mark stays what it is: no UTF-8 either."""
    chunks = iter(source)
    start = b""
    while len(start) < 2 and (chunk := next(chunks, None)) is not None:
        start += chunk
    if not start.startswith(_UTF_16_BOMS):
        yield start
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    for chunk in chain([start], chunks):
        yield decoder.decode(chunk).encode(errors="surrogatepass")
    if decoder.getstate()[0]:  # half a character
        yield b"\xff"


def _split(source: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, truncated just above ``MAX_LINE``."""
    line, held = bytearray(), b""
    for chunk in source:
        pieces = held + chunk
        # A trailing \r may be half of a \r\n: wait for the next chunk.
        held = b"\r" if pieces.endswith(b"\r") else b""
        for piece in pieces.removesuffix(held).splitlines(keepends=True):
            line += piece[: MAX_LINE + 1 - len(line)]
            if piece[-1:] in b"\r\n":
                yield bytes(line)
                line.clear()
    if rest := (line + held).rstrip(_CTRL_Z):
        yield bytes(rest)


def _line(number: int, data: bytes) -> Line:
    if not data.strip(_CTRL_Z + b"\r\n"):
        data = data.strip(_CTRL_Z)
    if len(data) > MAX_LINE:
        return Line(number, data.decode(errors="replace"), _TOO_LONG)
    try:
        return Line(number, data.decode())
    except UnicodeDecodeError:
        return Line(number, data.decode(errors="replace"), _NOT_UTF8)


#: A quoted cell may span lines; a row longer than this lacks a closing quote.
MAX_ROW_LINES = 200
_ENDLESS = (
    f"opens a quote that is not closed within {MAX_ROW_LINES} lines and {csv.field_size_limit():,} "
    "characters; close it, or write "
    '"" for a quote within quotes. Nothing of the file was read from there on'
)

_MESSAGES = (
    ("field larger", f"has a cell of more than {csv.field_size_limit()} characters; use NDJSON"),
    ("expected after", 'has text after a quoted cell; write "" for a quote within quotes'),
    ("new-line", "has a line break outside of quotes"),
)


class BrokenRow(ValueError):
    """The row cannot be read; the message is for the caller.

    ``is_endless``: it may be that all that follows is still inside of its quote.
    """

    def __init__(self, message: str, *, is_endless: bool = False) -> None:
        super().__init__(message)
        self.is_endless = is_endless


class Table:
    """The rows of a CSV file, including the header.

    Lines inside a broken row are never read as rows of their own: each would be paid for. So after
    one that ``is_endless`` nothing more may be read.
    """

    def __init__(self, lines: Iterator[Line], delimiter: str) -> None:
        self._feed = _Feed(lines)
        self._reader = csv.reader(self._feed, delimiter=delimiter, strict=True)

    @property
    def number(self) -> int:
        """The line number where the last row started."""
        return self._feed.taken[0].number

    def next_row(self) -> list[str] | None:
        """The next row's cells: empty for a blank line, None at the end of the file.

        Raises:
            BrokenRow: for the row that starts at ``number``; the next call continues after it.
        """
        self._feed.begin_row()
        try:
            cells = next(self._reader)
        except StopIteration:
            return None
        except csv.Error as error:
            if self._feed.is_full or ("field larger" in str(error) and self._feed.is_in_quotes):
                raise BrokenRow(_ENDLESS + self._range(), is_endless=True) from None
            raise BrokenRow(self._problem() or self._message(str(error))) from None
        if problem := self._problem():
            raise BrokenRow(problem)
        return cells

    def _problem(self) -> str | None:
        """The first problem of the row's lines."""
        problem = next((line.problem for line in self._feed.taken if line.problem), None)
        return problem and problem + self._range()

    def _message(self, error: str) -> str:
        known = next((message for part, message in _MESSAGES if part in error), None)
        return (known or "opens a quote that is not closed") + self._range()

    def _range(self) -> str:
        first, last = self._feed.taken[0].number, self._feed.taken[-1].number
        return "" if first == last else f"; nothing was read of the lines {first} to {last}"


class _Feed:
    """Feeds a csv reader the lines of one row, and stops if the row gets too long."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.taken: list[Line] = []  #: by the current row
        self.is_full = False  #: the row is longer than may be
        self._lines = lines
        self._size = 0

    @property
    def is_in_quotes(self) -> bool:
        """Whether the row's lines end within quotes."""
        return sum(line.text.count('"') for line in self.taken) % 2 == 1

    def begin_row(self) -> None:
        self.taken, self._size, self.is_full = [], 0, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_ROW_LINES or self._size > MAX_LINE:
            self.is_full = True
            raise StopIteration
        line = next(self._lines)
        self.taken.append(line)
        self._size += len(line.text)
        return line.text


def named_delimiter(line: str) -> str | None:
    """The delimiter that a line such as ``sep=;`` before the header names, as Excel reads it."""
    found = re.match(r'"?sep=([^\w\s"]|\t)"?', line, re.IGNORECASE)
    if not found or line[found.end() :].lstrip(found[1]).strip():
        return None
    return found[1]


def delimiter_of(header: str) -> str:
    """The delimiter: the most frequent of comma, semicolon and tab outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(",;\t", key=bare.count)
