"""Describes attempts: what was sent, how a doubt ends, double payments."""

from worker.domain.events import Policy
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


def what_next(job: Job, policy: Policy) -> str | None:
    """How the doubt of a job ends; None for a job that is not in doubt."""
    if job.status is not Status.IN_DOUBT:
        return None
    resolve = f"By hand, after a look at the provider's tasks:\n{_RESOLVE.format(id=job.id)}"
    if job.held:
        waits = "held: a callback still settles it, or you; it takes no place meanwhile."
        return f"{waits}\n{resolve}"
    until = _time(job.doubt_until)
    evidence = f"until {until} a callback or the provider's task list may settle it."
    return f"{evidence}\n{_after_window(job, policy)}\n{resolve}"


def _after_window(job: Job, policy: Policy) -> str:
    """What follows if no evidence comes."""
    otherwise = "it fails" if policy.in_doubt == "fail" else "it is held for you"
    given_up = sum(attempt.given_up for attempt in job.attempts)
    if given_up >= policy.max_resubmits:
        return f"Then {otherwise}: it is not sent again by itself any more."
    if policy.in_doubt == "resubmit":
        return "Then it is sent again, and may be paid for twice."
    return (
        "Then it is sent again if callbacks came all the while and none for it, as it was not"
        f" accepted then; else {otherwise}."
    )


def _time(seconds: float | None) -> str:
    return "?" if seconds is None else f"{moment(seconds)} UTC"
