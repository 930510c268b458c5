"""PURE. The stages of a job, from its record and moments: pages draw them, traces export them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from worker.domain.history.moments import Moments
from worker.domain.job import Job, Status
from worker.domain.result import AssetsStatus


class StageName(StrEnum):
    """What a job is doing."""

    WAITED = "waited"  #: until its POST, mostly for a slot
    FOLLOW_UP = "follow_up"  #: the same, of a job that another one started: from that one's end
    SUBMIT = "submit"  #: until the provider's answer
    PROVIDER = "provider"  #: until the task's end, by the provider's own clock where it says so
    CALLBACK = "callback"  #: until that end was known here
    FILES = "files"  #: until its files were stored, or given up
    TOLD = "told"  #: until its last notification was delivered


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage from ``start`` to ``end``, in seconds since the epoch; None: it lasts."""

    name: StageName
    start: float
    end: float | None


def stages(job: Job, moments: Moments) -> tuple[Stage, ...]:
    """The stages that the job has reached, oldest first; the attempt's that is followed."""
    return tuple(_reached(job, moments))


def _reached(job: Job, at: Moments) -> Iterator[Stage]:
    started, ended = at.posted or at.taken, at.ended
    if job.status is Status.QUEUED or (started is None and ended is None):
        started = None  # what its earlier attempts did is over
    yield Stage(_wait_of(job), at.created, _first(started, ended))
    if started is None:
        return
    accepted = _first(at.accepted, ended)
    yield Stage(StageName.SUBMIT, started, accepted)
    if at.accepted is None or accepted is None:
        return
    # Another clock: it may be ahead of ours, or behind.
    over = ended if at.ended_there is None else max(accepted, at.ended_there)
    over = over if ended is None or over is None else min(over, ended)
    yield Stage(StageName.PROVIDER, accepted, over)
    if ended is None or over is None:
        return
    if over < ended:
        yield Stage(StageName.CALLBACK, over, ended)
    yield from _afterwards(job, at, ended)


def _afterwards(job: Job, at: Moments, ended: float) -> Iterator[Stage]:
    pending = job.result.assets_status is AssetsStatus.PENDING
    if pending or (at.files is not None and at.files >= ended):
        yield Stage(StageName.FILES, ended, None if pending else at.files)
        ended = (None if pending else at.files) or ended
    if at.notified is not None and at.notified >= ended:
        yield Stage(StageName.TOLD, ended, at.notified)


def _wait_of(job: Job) -> StageName:
    return StageName.FOLLOW_UP if job.spec.parent_id else StageName.WAITED


def _first(*moments: float | None) -> float | None:
    return min((each for each in moments if each is not None), default=None)
