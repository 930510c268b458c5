"""PURE. A job's whole history, and when it reached which stage."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from worker.domain.history.entries import Entry, What
from worker.domain.job import Attempt, Job
from worker.domain.lifecycle.moves import followed
from worker.domain.notifications import DeliveryState, Notification


@dataclass(frozen=True, slots=True)
class Moments:
    """The times of a job's stages, those of the attempt that is followed, in seconds since the
    epoch; None: not yet, or unknown.
    """

    created: float
    taken: float | None = None  #: a worker took it: it had a slot
    posted: float | None = None  #: its POST was about to leave
    accepted: float | None = None  #: the provider's task id was known
    progressed: float | None = None  #: the first progress was reported
    ended_there: float | None = None  #: the task's end, by the provider's own clock
    ended: float | None = None  #: the job's end: its record had the result, or the error
    called_back: float | None = None  #: the callback that ended it; None: another way
    children: float | None = None  #: the jobs that follow it were created
    files: float | None = None  #: its files were stored, or given up
    notified: float | None = None  #: the last of its notifications was delivered


@dataclass(frozen=True, slots=True)
class History:
    """A job's history, oldest first. ``left_out``: entries in its middle that are not kept."""

    entries: tuple[Entry, ...]
    moments: Moments
    left_out: int = 0


def history_of(
    job: Job,
    stored: Sequence[Entry],
    left_out: int = 0,
    notifications: Iterable[Notification] = (),
) -> History:
    """The job's whole history, from its record, its ``stored`` entries and its notifications."""
    tries = [entry for one in notifications for entry in _deliveries(one)]
    # Stable: what happened in one commit stays in its order.
    found = sorted((_created(job), *stored, *tries), key=lambda entry: entry.at)
    return History(tuple(found), moments_of(job, found), left_out)


def _created(job: Job) -> Entry:
    return Entry(job.spec.created_at, What.CREATED, account=job.account or None)


def _deliveries(one: Notification) -> Iterator[Entry]:
    """An entry per try."""
    for number, each in enumerate(one.tries, 1):
        last = number == len(one.tries)
        state = one.state.value if last and one.state is not DeliveryState.WAITING else "failed"
        yield Entry(
            each.at, What.NOTIFIED, outcome=state, message=each.outcome, notifications=(one.id,)
        )


def moments_of(job: Job, entries: Sequence[Entry]) -> Moments:
    """When the job reached its stages, from its record and those of its ``entries`` that are known,
    oldest first.
    """
    attempt = followed(job) if job.attempts else None
    mine = [entry for entry in entries if attempt is None or entry.at >= attempt.started_at]
    ends = [entry for entry in entries if entry.at == job.finished_at]
    over = next(reversed(ends), None)
    return Moments(
        created=job.spec.created_at,
        taken=_taken(attempt, entries) if attempt else None,
        posted=attempt.posted_at if attempt else None,
        accepted=_first(mine, lambda entry: entry.task_id is not None) or _accepted(job, attempt),
        progressed=_first(mine, lambda entry: bool(entry.progress)),
        ended_there=over.reported_at if over else None,
        ended=job.finished_at,
        called_back=job.finished_at if over and over.what is What.CALLBACK else None,
        children=_first(entries, lambda entry: bool(entry.children)),
        files=_first(reversed(entries), lambda entry: entry.what is What.FILES),
        notified=_first(reversed(entries), _is_delivered),
    )


def _taken(attempt: Attempt, entries: Sequence[Entry]) -> float:
    """The last time before its POST: an attempt that was only refused is taken again."""
    until = attempt.posted_at or float("inf")
    last = (e for e in reversed(entries) if e.what is What.TAKEN and e.at <= until)
    return _first(last, lambda _: True) or attempt.started_at


def _accepted(job: Job, attempt: Attempt | None) -> float | None:
    """By the record alone: of jobs that were submitted before there was a history."""
    return job.submitted_at if attempt and attempt.task_id else None


def _is_delivered(entry: Entry) -> bool:
    return entry.what is What.NOTIFIED and entry.outcome == DeliveryState.DELIVERED


def _first(entries: Iterable[Entry], wanted: Callable[[Entry], bool]) -> float | None:
    return next((entry.at for entry in entries if wanted(entry)), None)
