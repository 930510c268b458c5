"""The store's indexes as they lie in Redis: cheap to read, and they must be empty at the end."""

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


def all_ids(client: Any) -> list[str]:
    """Every job, oldest first."""
    return [i.decode() for i in client.zrange(_JOBS, 0, -1)]


def newest(client: Any, status: Status | None, number: int) -> list[str]:
    """The last jobs that were handed in and have this status now; None: any."""
    index = f"{_JOBS}:{status}" if status else _JOBS
    return [i.decode() for i in client.zrevrange(index, 0, number - 1)]


def leftovers(client: Any) -> dict[str, frozenset[str]]:
    """The ids in every index of jobs that are not over."""
    found = {"the due set": client.zrange(_DUE, 0, -1)}
    for key in client.scan_iter(f"{PREFIX}*", count=1000):
        kind = key.decode().removeprefix(PREFIX).partition(":")[0]
        if kind == "ready":
            found[f"the queue {key.decode()}"] = client.zrange(key, 0, -1)
        elif kind == "running":
            found[f"the slots {key.decode()}"] = client.smembers(key)
        elif kind == "guards":
            found["the guards"] = client.hvals(key)
        elif kind == "heads":
            found["the heads"] = client.hvals(key)
        elif kind == "parked":
            found[f"parked {key.decode()[-8:]}"] = client.lrange(key, 0, -1)
    return {name: frozenset(i.decode() for i in ids) for name, ids in found.items()}
