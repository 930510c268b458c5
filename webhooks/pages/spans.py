"""When what happened to each job of a pipeline, as bars on one scale of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from webhooks.pages.languages import gettext as _
from worker.domain.job import Job, Status

#: Seconds that the whole scale has at least.
_LEAST_S = 1.0


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
    """A bar for each job."""
    first = min(job.spec.created_at for job in jobs)
    last = max(now if not job.settled else job.finished_at or now for job in jobs)
    scale = max(_LEAST_S, last - first)
    return tuple(_bar(job, first, scale, now) for job in jobs)


def _bar(job: Job, first: float, scale: float, now: float) -> Bar:
    spans = tuple(
        Span(
            what,
            round((start - first) / scale * 1000),
            max(3, round((end - start) / scale * 1000)),
            end - start,
        )
        for what, start, end in _phases(job, now)
        if end > start
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
