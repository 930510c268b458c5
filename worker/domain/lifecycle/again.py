"""PURE. Further attempts that the request asked for (``retry``), and successes that came late.

A task that the provider accepted and then failed, gave up or lost is submitted anew where the
request says so. It is a payment of its own, so it waits until nothing more is to be hoped for from
the one before: of a task that the provider gave up, that is when the grace is over. A provider may
prove wrong about a failure all the same: the first success wins, and what was paid for beside it is
kept as a double payment.
"""

from dataclasses import replace

from worker.domain import retry_policy
from worker.domain.events import Observed
from worker.domain.job import Attempt, AttemptOutcome, Job, Retry, Status
from worker.domain.lifecycle.moves import as_new, ended
from worker.domain.provider_reports import TaskStatus
from worker.domain.result import JobError

#: Ends of an attempt that another one may have followed by itself.
_TRIED_AGAIN = frozenset({AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT})


def ended_or_again(job: Job, status: Status, now: float, error: JobError | None) -> Job:
    """Over, or back in the queue where the request asked for a further attempt.

    The deadline counts from the first submit, and nothing is submitted after it.
    """
    over = ended(job, status, now, error)
    if job.options.retry is None or error is None:
        return over
    tried = sum(attempt.outcome is not AttemptOutcome.NOT_SENT for attempt in job.attempts)
    jitter = retry_policy.jitter_of(job.id, "retry", tried)
    wait = retry_policy.before_next_attempt(job.options.retry, error.code, tried, jitter)
    if wait is None or (job.deadline_at is not None and now + wait >= job.deadline_at):
        return over
    return replace(
        as_new(over),
        error=_shown(error, job.options.retry, tried),
        deadline_at=job.deadline_at,
        due_at=now + wait,
    )


def _shown(error: JobError, retry: Retry, tried: int) -> JobError:
    """What is to be seen of a job that waits for its next attempt."""
    return replace(error, hint=f"Attempt {tried} of {retry.attempts}; the next starts by itself.")


def tried_again(job: Job, attempt: Attempt) -> bool:
    """Whether the job went on from ``attempt``, which failed, because its request asks for that."""
    over = attempt.outcome in _TRIED_AGAIN and attempt.task_id != job.task_id
    return over and job.options.retry is not None


def late_success(job: Job, event: Observed) -> Attempt | None:
    """The attempt that was followed by another one, and whose task succeeded after all.

    Only where that was done by itself: who asks for a retry by hand has given the former one up.
    """
    snapshot = event.snapshot
    if snapshot.task_id is None or snapshot.status is not TaskStatus.SUCCEEDED:
        return None
    if job.status.terminal and job.status is not Status.SUCCEEDED:
        return None
    former = (a for a in reversed(job.attempts) if a.task_id == snapshot.task_id)
    return next((a for a in former if tried_again(job, a)), None)
