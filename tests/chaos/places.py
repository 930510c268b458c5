"""PURE. How well the places of one account were used, told from the ledger of its sandbox."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Any, NamedTuple

from worker.adapters.tokens import BadToken, JobToken, Tokens

#: From when to when, in seconds since the epoch.
Span = tuple[float, float]


class Stay(NamedTuple):
    """The time of one task in its place."""

    job_id: str
    began: float
    ended: float


def stays(entries: Iterable[Mapping[str, Any]], tokens: Tokens) -> Iterator[Stay]:
    """Those of our tasks, in the order of the sandbox's ledger; without an end while one runs."""
    for entry in entries:
        try:
            named = tokens.read(entry["state"] or "")
        except BadToken:
            continue
        if isinstance(named, JobToken):
            ended = entry.get("ended_at")
            began = _seconds(entry["accepted_at"])
            yield Stay(named.job_id, began, _seconds(ended) if ended else inf)


def together(spans: Iterable[Span]) -> list[Span]:
    """The moments that lie in any of the spans, as spans that do not touch each other."""
    found: list[Span] = []
    for began, ended in sorted(spans):
        if found and began <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ended)
        elif began < ended:
            found.append((began, ended))
    return found


def used(taken: Sequence[Stay], places: int, work: Sequence[Span]) -> float:
    """Which share of the places was taken, 0-1, while there was ``work`` (of ``together``)."""
    seconds = sum(ended - began for began, ended in work)
    shared = sum(
        max(0.0, min(stay.ended, ended) - max(stay.began, began))
        for began, ended in work
        for stay in taken
    )
    return shared / (places * seconds) if seconds else 1.0


def gaps(
    freed: Iterable[float], began: Iterable[float], places: int, work: Sequence[Span]
) -> list[float]:
    """Seconds from each moment at which a place was ``freed`` until a task took it.

    Only of those that were freed while there was ``work``. The first of them is taken by the first
    task that found no place in the beginning, and so on.
    """
    later = sorted(began)[places:]
    starts = [start for start, _ in work]
    found = []
    for end, start in zip(sorted(freed), later, strict=False):
        at = bisect_right(starts, end) - 1
        if at >= 0 and end < work[at][1]:
            found.append(start - end)
    return found


def most_at_once(taken: Sequence[Stay]) -> int:
    """How many places were taken at the same time, at most."""
    changes = [(stay.began, 1) for stay in taken] + [(stay.ended, -1) for stay in taken]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
