"""PURE. How far the taking in of a batch's file has come, and what was wrong with its rows."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from worker.domain.batch.rows import BadRow
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job import JSON
from worker.domain.money import Amount

#: Bad rows that are told of at once.
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the taking in of a file has come; a row with permutations counts once per job."""

    batch_id: str
    new: int = 0  #: jobs that were not there before
    known: int = 0  #: jobs that were
    bad: int = 0  #: rows that are no jobs
    planned: int = 0  #: jobs that the new ones become, their follow-ups included
    price: Amount = 0  #: the most that those cost
    exact: bool = True  #: False: how many follow-ups there will be is known only later
    bad_rows: tuple[JSON, ...] = ()  #: the first of them, see ``bad_row_json``

    @property
    def rows(self) -> int:
        """Read so far."""
        return self.new + self.known + self.bad


class BadRows(InvalidRequest):
    """Rows of the file are bad, and none of it is wanted then; nothing was stored."""

    def __init__(self, progress: Progress) -> None:
        self.rows = progress.bad_rows
        self.count = progress.bad
        errors = [
            FieldError(f"row {row['row']}, {error['field']}", error["message"])
            for row in self.rows
            for error in row["errors"]
        ]
        if more := self.count - len(self.rows):
            errors.append(FieldError("rows", f"{more:,} more are bad"))
        super().__init__(errors)


def whole(progress: Iterator[Progress]) -> Progress:
    """What it was in the end."""
    return deque(progress, maxlen=1).pop()


def bad_row_json(row: BadRow) -> JSON:
    """A bad row as it is kept and shown."""
    return {"row": row.number, "errors": [asdict(error) for error in row.errors]}
