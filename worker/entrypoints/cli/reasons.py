"""What holds followed jobs up: each reason is printed once, with what to type."""

from collections.abc import Callable, Iterator, Sequence

from worker.domain.job import Job, Status
from worker.entrypoints.cli import render
from worker.services.reports.answers.waiting import Reason, Waiting

#: Seconds between two looks.
LOOK_EVERY_S = 2.0
#: A reason is printed when it has lasted for so many seconds: what is usual, and what is not.
USUAL_S = 10.0
UNUSUAL_S = 2.0
#: Queued jobs that are asked about in one look: others wait for the same reasons.
_QUEUED = 10

_USUAL = frozenset(
    {
        Reason.NEXT, Reason.SLOTS, Reason.PACE, Reason.PROMPT, Reason.SIBLINGS, Reason.FUNCTION,
        Reason.SUBMIT, Reason.SEED,
    }
)  # fmt: skip
#: Told once for all jobs of an account; the others need a look at each job.
_SHARED = frozenset(
    {
        Reason.NEXT, Reason.SLOTS, Reason.PACE, Reason.PROMPT, Reason.BUDGET, Reason.MODE,
        Reason.PAUSED, Reason.CLOSED, Reason.RESTING, Reason.ACCOUNT, Reason.BACKOFF,
    }
)  # fmt: skip

_Key = tuple[Reason, str]


class Reasons:
    """Remembers which reasons were told. ``why``: what holds a job up, None if nothing does."""

    def __init__(self, why: Callable[[Job], Waiting | None]) -> None:
        self._why = why
        self._looked_at: float | None = None
        self._since: dict[_Key, float] = {}
        self._told: set[_Key] = set()

    def look(self, members: Sequence[Job], now: float) -> list[str]:
        """The lines to print at ``now`` (seconds of any clock)."""
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S:
            return []
        self._looked_at = now
        found = self._found(members)
        self._since = {key: self._since.get(key, now) for key in found}
        self._told &= found.keys()
        due = {
            key: held
            for key, held in found.items()
            if now - self._since[key] >= _patience(held[0][1])
        }
        return self._lines(due)

    def rest(self, members: Sequence[Job]) -> list[str]:
        """The lines for everything that was not told yet."""
        return self._lines(self._found(members))

    def _found(self, members: Sequence[Job]) -> dict[_Key, list[tuple[Job, Waiting]]]:
        found: dict[_Key, list[tuple[Job, Waiting]]] = {}
        for job in _asked_about(members):
            if waiting := self._why(job):
                shared = waiting.reason in _SHARED
                key = (waiting.reason, job.account if shared else job.id)
                found.setdefault(key, []).append((job, waiting))
        return found

    def _lines(self, found: dict[_Key, list[tuple[Job, Waiting]]]) -> list[str]:
        lines: list[str] = []
        for key, held in found.items():
            if key not in self._told:
                self._told.add(key)
                lines += _said(*held[0], others=len(held) - 1)
        return lines


def _asked_about(members: Sequence[Job]) -> Iterator[Job]:
    queued = 0
    for job in members:
        queued += job.status is Status.QUEUED
        if not job.settled and (job.status is not Status.QUEUED or queued <= _QUEUED):
            yield job


def _patience(waiting: Waiting) -> float:
    """Files that are on their way, without trouble so far, are as usual as a full account."""
    under_way = waiting.reason is Reason.FILES and waiting.until is None
    return USUAL_S if waiting.reason in _USUAL or under_way else UNUSUAL_S


def _said(job: Job, waiting: Waiting, others: int) -> Iterator[str]:
    more = f" (and {others} more)" if others else ""
    yield f"{job.id}  {render.what(job)}{more} waits: {waiting.message}"
    yield from (f"    {command}" for command in render.to_type(waiting))
