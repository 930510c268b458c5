"""PURE. The rows of a CSV file: each one line or, within quotes, several."""

import csv
import re
from collections.abc import Iterator

from worker.domain.batch.lines import MAX_LINE, Line

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
