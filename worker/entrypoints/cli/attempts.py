"""Describes attempts: what was sent, how a person ends a doubt, double payments."""

from worker.domain.job import Attempt, Job, Status
from worker.entrypoints.cli.base import moment

_RESOLVE = (
    "hookline resolve {id} --outcome accepted --task-id TASK  it is there: follow it\n"
    "hookline resolve {id} --outcome resubmit                 it is not: send it again\n"
    "hookline resolve {id} --outcome failed                   give it up"
)


def listed(job: Job) -> str:
    """A line per attempt: when its POST left, its outcome, its task."""
    return "\n".join(map(_attempt, job.attempts))


def _attempt(attempt: Attempt) -> str:
    posted = f"sent {_time(attempt.posted_at)}" if attempt.posted_at else "not sent"
    task = f"task {attempt.task_id}" if attempt.task_id else None
    words = (f"{attempt.number}: {posted}", attempt.outcome, task)
    return ", ".join(filter(None, words))


def paid_twice(job: Job) -> str | None:
    """Name every task that was paid for; None if there is at most one."""
    others = [f"{a.task_id} (attempt {a.number})" for a in job.double_payments]
    if not others:
        return None
    return f"yes: {' and '.join(others)} beside {job.task_id}, which is followed"


def by_hand(job: Job) -> str | None:
    """How a person ends the doubt of a job, or why a cancelled one cannot be retried yet."""
    if job.draining:
        return "The provider may still run it, so it cannot be retried yet."
    if job.status is not Status.IN_DOUBT:
        return None
    return f"By hand, after a look at the provider's tasks:\n{_RESOLVE.format(id=job.id)}"


def _time(seconds: float | None) -> str:
    return "?" if seconds is None else f"{moment(seconds)} UTC"
