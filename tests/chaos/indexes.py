"""How the jobs stand, by the store's own indexes: cheap to read, however many there are.

Whether the indexes are right is asked at the end: ``tests/support/indexes.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.domain.job import Status

PREFIX = "hookline:"
_DUE = f"{PREFIX}due"
_JOBS = f"{PREFIX}jobs"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs stand where, and how many somebody must look at."""

    by_status: Mapping[str, int]
    due: int

    @property
    def in_doubt(self) -> int:
        return self.by_status[Status.IN_DOUBT]

    @property
    def over(self) -> int:
        return sum(number for status, number in self.by_status.items() if Status(status).terminal)

    @property
    def open(self) -> int:
        """Those that must go on by themselves."""
        return sum(self.by_status.values()) - self.over - self.in_doubt

    @property
    def at_rest(self) -> bool:
        """Nothing goes on any more. Jobs in doubt stay due; all else that is due has to be done."""
        return bool(self.over or self.in_doubt) and not self.open and self.due <= self.in_doubt

    def __str__(self) -> str:
        shown = (f"{number} {status}" for status, number in self.by_status.items() if number)
        return ", ".join(shown) or "nothing yet"


def counts(client: Any) -> Counts:
    """Costs the same however many jobs there are."""
    pipe = client.pipeline(transaction=False)
    for status in Status:
        pipe.zcard(f"{_JOBS}:{status}")
    pipe.zcard(_DUE)
    *numbers, due = pipe.execute()
    return Counts(dict(zip((s.value for s in Status), numbers, strict=True)), due)


def newest(client: Any, status: Status | None, number: int) -> list[str]:
    """The last jobs that were handed in and have this status now; None: any."""
    index = f"{_JOBS}:{status}" if status else _JOBS
    return [i.decode() for i in client.zrevrange(index, 0, number - 1)]
