"""PURE. Automatic further attempts (the request's ``retry``), and successes that came late.

A task that the provider accepted and then failed, gave up or lost is submitted again if the request
asks for that. The new attempt is a second payment, so it waits until the previous task has no
chance left: after the grace period, if the provider gave that task up. Providers are sometimes
wrong about a failure: the first success wins, and the other one is recorded as a double payment.
"""

from dataclasses import replace

from worker.domain import retry_policy
from worker.domain.events import Observed
from worker.domain.job import Attempt, AttemptOutcome, Job, Status, changed
from worker.domain.lifecycle.moves import ended, requeued
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import JobError

#: Outcomes of an attempt after which another one may start automatically.
_RETRIED = frozenset({AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT})
#: Outcomes of attempts that were not accepted.
_NOT_TRIED = frozenset(
    {AttemptOutcome.NOT_SENT, AttemptOutcome.NOT_LISTED, AttemptOutcome.PERMANENT}
)


def ended_or_retried(job: Job, status: Status, now: float, error: JobError | None) -> Job:
    """End the job, or queue the next attempt if the request asks for one.

    The deadline counts from the first submit; no attempt starts after it.
    """
    over, retry = ended(job, status, now, error), job.options.retry
    if retry is None or error is None:
        return over
    tried = sum(attempt.outcome not in _NOT_TRIED for attempt in job.attempts)
    jitter = retry_policy.jitter_of(job.id, "retry", tried)
    wait = retry_policy.before_next_attempt(retry, error.code, tried, jitter)
    if wait is None or (job.deadline_at is not None and now + wait >= job.deadline_at):
        return over
    hint = f"Attempt {tried} of {retry.attempts}; the next starts by itself."
    return changed(
        requeued(over),
        error=replace(error, hint=hint),
        deadline_at=job.deadline_at,
        due_at=now + wait,
    )


def was_retried(job: Job, attempt: Attempt) -> bool:
    """Whether ``attempt`` failed and the job went on from it automatically."""
    over = attempt.outcome in _RETRIED and attempt.task_id != job.task_id
    return over and job.options.retry is not None


def late_success(job: Job, event: Observed) -> Attempt | None:
    """The automatically retried attempt whose task succeeded after all, if ``event`` says so.

    A retry by hand does not count: its caller gave the previous attempt up.
    """
    snapshot = event.snapshot
    if snapshot.task_id is None or snapshot.status is not TaskStatus.SUCCEEDED:
        return None
    if job.status.terminal and job.status is not Status.SUCCEEDED:
        return None
    former = (a for a in reversed(job.attempts) if a.task_id == snapshot.task_id)
    return next((a for a in former if was_retried(job, a)), None)
