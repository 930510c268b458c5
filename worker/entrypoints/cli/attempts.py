"""Describes attempts: what was sent, how a doubt or an overdue job ends, double payments."""

from worker.domain.events import Policy
from worker.domain.job import Attempt, Job, Status
from worker.domain.lifecycle import doubting, moves
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
    """How the wait ends of a job in doubt, overdue or draining, and its place; None for others."""
    if job.status is Status.OVERDUE:
        return _overdue(job, policy)
    if job.draining:
        return f"the provider may still run it, so it cannot be retried yet. {_place(job, policy)}"
    return _doubt(job, policy) if job.status is Status.IN_DOUBT else None


def _overdue(job: Job, policy: Policy) -> str:
    until = _time((job.overdue_since or 0.0) + policy.grace_s)
    return (
        f"a late success is taken over until {until}, then it is timed out.\n"
        f"{_place(job, policy)}\nhookline cancel {job.id}  ends the wait"
    )


def _place(job: Job, policy: Policy) -> str:
    if not job.holds_slot:
        return "It takes no place meanwhile: others run."
    until = moves.place_until(job, policy)
    if until is None:
        return "It keeps its place while the provider may be running it."
    return f"It keeps its place until {_time(until)} at most, as it would have ended then."


def _doubt(job: Job, policy: Policy) -> str:
    resolve = f"By hand, after a look at the provider's tasks:\n{_RESOLVE.format(id=job.id)}"
    if job.held:
        waits = "held: a callback or the task list still settles it, or you."
        return f"{waits}\n{_place(job, policy)}\n{resolve}"
    until = _time(job.doubt_until)
    evidence = f"until {until} a callback or the provider's task list may settle it."
    return f"{evidence}\n{_place(job, policy)}\n{_after_window(job, policy)}\n{resolve}"


def _after_window(job: Job, policy: Policy) -> str:
    """What follows if no evidence comes."""
    otherwise = "it fails" if policy.in_doubt == "fail" else "it is held for you"
    if doubting.resubmits(job) >= policy.max_resubmits:
        return f"Then {otherwise}: it is not sent again by itself any more."
    if policy.in_doubt == "resubmit":
        return "Then it is sent again, and may be paid for twice."
    return (
        "Then it is sent again if callbacks came all the while and none for it, as it was not"
        f" accepted then; else {otherwise}."
    )


def _time(seconds: float | None) -> str:
    return "?" if seconds is None else f"{moment(seconds)} UTC"
