"""When what happened to each job of a pipeline, as bars on one scale of time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from webhooks.pages.languages import gettext as _
from worker.domain.history import History, StageName, stages
from worker.domain.job import Job

#: Seconds that the whole scale has at least.
_LEAST_S = 1.0
#: Thousandths of the scale for a time in which nothing happened.
_GAP = 12


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a bar, in thousandths of the scale."""

    what: StageName
    start: int
    length: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One job's spans, oldest first."""

    job: Job
    spans: tuple[Span, ...]
    total_s: float


def phases() -> dict[StageName, str]:
    """The words for what the spans are."""
    return {
        StageName.WAITED: _("waited"),
        StageName.FOLLOW_UP: _("follow-up"),
        StageName.SUBMIT: _("submit"),
        StageName.PROVIDER: _("provider"),
        StageName.CALLBACK: _("callback"),
        StageName.FILES: _("files"),
        StageName.TOLD: _("notified"),
    }


def bars(jobs: Sequence[Job], histories: Mapping[str, History], now: float) -> tuple[Bar, ...]:
    """A bar for each job, on one scale that leaves out the times in which none was under way."""
    found = {job.id: _times(job, histories[job.id], now) for job in jobs}
    scale = _Scale([each[1:] for times in found.values() for each in times])
    return tuple(_bar(job, found[job.id], scale) for job in jobs)


def _times(job: Job, history: History, now: float) -> list[tuple[StageName, float, float]]:
    """The job's stages that took any time; one that lasts is drawn to this moment."""
    ends = [
        (each.name, each.start, now if each.end is None else each.end)
        for each in stages(job, history.moments)
    ]
    return [each for each in ends if each[2] > each[1]]


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


def _bar(job: Job, times: Iterable[tuple[StageName, float, float]], scale: _Scale) -> Bar:
    spans = tuple(
        Span(what, round(scale.at(a)), max(3, round(scale.at(b) - scale.at(a))), b - a)
        for what, a, b in times
    )
    return Bar(job, spans, sum(span.seconds for span in spans))
