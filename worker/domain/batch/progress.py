"""PURE. The import progress of a batch's file, and its bad rows."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from worker.domain.batch.rows import BadRow
from worker.domain.errors import FieldError, InvalidRequest
from worker.domain.job_spec import JSON
from worker.domain.money import Amount

#: The most bad rows that are reported.
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """Import progress; a row with permutations counts once per job."""

    batch_id: str
    new: int = 0  #: jobs created
    known: int = 0  #: jobs that existed already
    bad: int = 0  #: invalid rows
    planned: int = 0  #: the new jobs and their follow-ups
    price: Amount = 0  #: the most that those can cost
    exact: bool = True  #: False: the number of follow-ups is not known yet
    bad_rows: tuple[JSON, ...] = ()  #: the first of them, see ``bad_row_json``

    @property
    def rows(self) -> int:
        """Rows read so far."""
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
    """The final progress."""
    return deque(progress, maxlen=1).pop()


def bad_row_json(row: BadRow) -> JSON:
    """A bad row as stored and shown."""
    return {"row": row.number, "errors": [asdict(error) for error in row.errors]}
