"""When what happened to each job of a pipeline, as bars on one scale of time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from webhooks.pages.languages import gettext as _
from worker.domain.job import Job, Status

#: Seconds that the whole scale has at least.
_LEAST_S = 1.0
#: Thousandths of the scale for a time in which nothing happened.
_GAP = 12


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a bar, in thousandths of the scale. ``what``: waited, submit, provider, files."""

    what: str
    start: int
    length: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One job's spans, oldest first."""

    job: Job
    spans: tuple[Span, ...]
    total_s: float


def phases() -> dict[str, str]:
    """The words for what the spans are."""
    return {
        "waited": _("waited"),
        "submit": _("submit"),
        "provider": _("provider"),
        "files": _("files"),
    }


def bars(jobs: Sequence[Job], now: float) -> tuple[Bar, ...]:
    """A bar for each job, on one scale that leaves out the times in which none was under way."""
    phases = {job.id: [each for each in _phases(job, now) if each[2] > each[1]] for job in jobs}
    scale = _Scale([each[1:] for found in phases.values() for each in found])
    return tuple(_bar(job, phases[job.id], scale) for job in jobs)


class _Scale:
    """Seconds -> thousandths; a gap between ``times`` is as long as any other."""

    def __init__(self, times: Iterable[tuple[float, float]]) -> None:
        self._parts: list[tuple[float, float]] = []
        for start, end in sorted(times):
            if self._parts and start <= self._parts[-1][1]:
                first, last = self._parts[-1]
                self._parts[-1] = (first, max(last, end))
            else:
                self._parts.append((start, end))
        busy = max(_LEAST_S, sum(end - start for start, end in self._parts))
        self._per_s = max(1, 1000 - _GAP * (len(self._parts) - 1)) / busy

    def at(self, moment: float) -> float:
        """Where the moment is."""
        place = 0.0
        for start, end in self._parts:
            place += (min(moment, end) - start) * self._per_s
            if moment <= end:
                break
            place += _GAP
        return place


def _bar(job: Job, phases: Iterable[tuple[str, float, float]], scale: _Scale) -> Bar:
    spans = tuple(
        Span(what, round(scale.at(a)), max(3, round(scale.at(b) - scale.at(a))), b - a)
        for what, a, b in phases
    )
    return Bar(job, spans, sum(span.seconds for span in spans))


def _phases(job: Job, now: float) -> Iterator[tuple[str, float, float]]:
    """What the record has: it waited, it was sent, the provider worked, its files were stored."""
    end = job.finished_at or now
    started = job.attempts[-1].posted_at or job.attempts[-1].started_at if job.attempts else end
    started = min(started, end)
    yield "waited", job.spec.created_at, started
    submitted = min(job.submitted_at or (end if job.attempts else started), end)
    yield "submit", started, submitted
    yield "provider", max(started, submitted), end
    if job.status is Status.SUCCEEDED and not job.settled:
        yield "files", end, now
