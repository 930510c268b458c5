"""PURE. What a change of a job adds to the metrics.

Values are kept in one hash of integers: a counter is ``name|label|...``; a histogram has the number
of values per bucket, ``name|label|...|2``, and their sum in milliseconds, ``...|sum``.
"""

from bisect import bisect_left
from typing import Self

from worker.domain import events
from worker.domain.account.billing import paid_tasks
from worker.domain.error_codes import ErrorCode
from worker.domain.events import Decision, Disposition, Event
from worker.domain.job import Job, Status
from worker.domain.lifecycle.moves import followed
from worker.domain.metrics.table import Metric, Metrics
from worker.domain.provider_reports import Outcome, Snapshot
from worker.domain.result import AssetsStatus

_CODES = frozenset(code.value for code in ErrorCode)


class Counts(dict[str, int]):
    """What is added to the metrics, by field."""

    @classmethod
    def of(cls, metric: Metric, *labels: str) -> Self:
        """One."""
        counts = cls()
        counts.add(metric, *labels)
        return counts

    def add(self, metric: Metric, *labels: str, by: int = 1) -> None:
        """Count; ``labels``: the values of all of the metric's."""
        name = "|".join((metric.name, *labels))
        self[name] = self.get(name, 0) + by

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Add a value of a histogram."""
        bucket = bisect_left(metric.buckets, seconds)
        self.add(metric, *labels, str(bucket))
        self.add(metric, *labels, "sum", by=max(0, round(seconds * 1000)))


def counts_of(before: Job, decision: Decision, now: float) -> Counts:
    """What the change from ``before`` counts."""
    counts, event = Counts(), decision.event
    if event is None:
        return counts
    _of_event(counts, event, before, decision.job, now)
    if decision.job.status is not before.status:
        _of_status(counts, event, before, decision.job, now)
    if decision.job.attempts != before.attempts or decision.job.window is not before.window:
        _of_attempts(counts, before, decision.job, now)
    for child in decision.children:
        counts.add(Metrics.FOLLOWUPS, child.kind.value)
    return counts


def unchanged(account: str, event: Event, disposition: Disposition) -> Counts:
    """What an event counts that changed nothing."""
    counts = Counts()
    if isinstance(event, events.Observed):
        metric = Metrics.POLLS if event.asked else Metrics.CALLBACKS
        counts.add(metric, account, disposition.value)
    elif isinstance(event, events.Missing):
        counts.add(Metrics.POLLS, account, "missing")
    elif isinstance(event, events.Replied):  # a callback overtook it
        counts.add(Metrics.SUBMITS, account, event.verdict.outcome.value)
    return counts


def _of_event(counts: Counts, event: Event, before: Job, job: Job, now: float) -> None:
    account = job.account or before.account
    if isinstance(event, events.Observed):
        metric = Metrics.POLLS if event.asked else Metrics.CALLBACKS
        counts.add(metric, account, Disposition.APPLIED.value)
        ended_at = event.snapshot.ended_at
        if ended_at is not None and not event.asked:
            counts.observe(Metrics.CALLBACK_LAG, now - ended_at, account)
    elif isinstance(event, events.Missing):
        counts.add(Metrics.POLLS, account, "missing")
    elif isinstance(event, events.Replied):
        _of_reply(counts, event, before, now)
    elif isinstance(event, events.AssetsSettled):
        if event.paths:
            counts.add(Metrics.FILES_STORED, by=len(event.paths))
        if event.status is AssetsStatus.FAILED:
            counts.add(Metrics.FILES_GIVEN_UP, _code(event.error.code if event.error else None))


def _of_reply(counts: Counts, event: events.Replied, before: Job, now: float) -> None:
    """Of a POST that was sent: what goes wrong before it leaves is a reply, too."""
    if not before.posting and before.status is not Status.IN_DOUBT:
        return
    counts.add(Metrics.SUBMITS, before.account, event.verdict.outcome.value)
    posted_at = followed(before).posted_at
    if posted_at is not None:
        counts.observe(Metrics.SUBMIT, now - posted_at, before.account)


def _of_status(counts: Counts, event: Event, before: Job, job: Job, now: float) -> None:
    account = job.account or before.account
    if job.status.terminal:
        _of_end(counts, event, before, job, now)
    elif job.status is Status.IN_DOUBT:
        counts.add(Metrics.DOUBTS, account)
    elif job.status is Status.QUEUED and (reason := _why_again(event, before, job)):
        counts.add(Metrics.RETRIES, before.account, reason)
    if before.status is Status.IN_DOUBT:
        counts.add(Metrics.DOUBTS_SETTLED, before.account, _settled_by(event))
    if before.status is Status.QUEUED and job.status is Status.SUBMITTING and not before.attempts:
        counts.observe(Metrics.QUEUE_WAIT, now - job.spec.created_at, account)


def _of_end(counts: Counts, event: Event, before: Job, job: Job, now: float) -> None:
    account, succeeded = job.account or before.account, job.status is Status.SUCCEEDED
    reason = "" if succeeded else _code(job.error.code if job.error else None)
    counts.add(Metrics.JOBS_ENDED, account, job.kind.value, job.status.value, reason)
    late = succeeded and (before.status is Status.OVERDUE or before.status.terminal)
    counts.add(Metrics.ENDS, account, "late" if late else _way(event))
    posted_at = followed(job).posted_at if succeeded and job.attempts else None
    if posted_at is not None:
        snapshot = event.snapshot if isinstance(event, events.Observed) else None
        seconds = _ended_at(snapshot, posted_at, now) - posted_at
        counts.observe(Metrics.TASK, seconds, job.kind.value, job.options.mode or "")


def _ended_at(snapshot: Snapshot | None, posted_at: float, now: float) -> float:
    """The task's end: what the provider says, unless its clock is wrong."""
    said = snapshot.ended_at if snapshot else None
    return said if said is not None and posted_at <= said <= now else now


def _of_attempts(counts: Counts, before: Job, job: Job, now: float) -> None:
    if (paid := paid_tasks(job) - paid_tasks(before)) > 0:
        counts.add(Metrics.TASKS_ACCEPTED, job.account or before.account, job.kind.value, by=paid)
    if (twice := len(job.double_payments) - len(before.double_payments)) > 0:
        counts.add(Metrics.DOUBLE_PAYMENTS, job.account or before.account, by=twice)
    first_post = job.posting and not before.posting and job.attempt == 1 and job.refusals == 0
    if first_post and job.spec.parent_id:
        counts.observe(Metrics.FOLLOWUP_DELAY, now - job.spec.created_at)


def _way(event: Event) -> str:
    """How we learnt of an end."""
    match event:
        case events.Observed(asked=True) | events.Missing():
            return "poll"
        case events.Observed():
            return "callback"
        case events.Replied():
            return "reply"
        case events.Cancelled():
            return "caller"
        case events.Resolved():
            return "person"
        case events.TimePassed() | events.Started():
            return "time"
        case _:
            return "other"


def _settled_by(event: Event) -> str:
    if isinstance(event, events.NotListed):
        return "list"
    return "silence" if isinstance(event, events.TimePassed) else _way(event)


def _why_again(event: Event, before: Job, job: Job) -> str | None:
    """Why the job is queued again; None: for the answer to its window."""
    if isinstance(event, events.Retried):
        return "by_hand"
    if isinstance(event, events.ModalAnswered) or job.task_id is not None:
        return None
    if before.status is Status.IN_DOUBT and job.error is None:
        return "in_doubt"
    if isinstance(event, events.Replied) and event.verdict.outcome is Outcome.NEEDS_MODAL:
        return None
    return _code(job.error.code) if job.error else "worker_lost"


def _code(code: str | None) -> str:
    """A code of the table; texts of other versions would be without bounds."""
    return code if code in _CODES else "other"
