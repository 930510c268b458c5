"""PURE. Where a job belongs in the store, told from the job alone; both stores move it there."""

from hashlib import blake2b
from math import isfinite, nan
from typing import NamedTuple

from worker.errors import InvalidRequest
from worker.job import Job, Status

#: Milliseconds since the epoch stay below this until the year 2286, so that ranks never overlap.
_RANK = 10**13


class Place(NamedTuple):
    """``score`` orders the ready queue; ``guard`` is shared by jobs that must not run at once."""

    ready: bool
    score: int
    starts: bool  #: takes a slot only if one is free
    holds_slot: bool
    over: bool  #: holds nothing any more: nobody waits for its slot or its prompt
    due_at: float | None
    guard: str
    double_payments: bool


def place_of(job: Job) -> Place:
    """The job's place in every index."""
    return Place(
        ready=job.ready,
        score=ready_score(job),
        starts=job.status is Status.SUBMITTING,
        holds_slot=job.holds_slot,
        over=(job.status.terminal and not job.draining) or job.held,
        due_at=job.due_at,
        guard=guard_of(job),
        double_payments=bool(job.double_payments),
    )


def ready_score(job: Job) -> int:
    """Lowest first: by priority, follow-ups before roots so that pipelines finish, then by age.

    A job whose window is open comes before all others of its priority: its task waits at the
    provider.
    """
    rank = (9 - job.priority) * 3
    if job.task_id is None:
        rank += 1 if job.parent_id else 2
    return rank * _RANK + int(job.created_at * 1000)


def guard_of(job: Job) -> str:
    """A short name for the prompt that no other running job may share; empty where any may."""
    prompt = job.exclusive_prompt
    return blake2b(prompt.encode(), digest_size=9).hexdigest() if prompt else ""


def read_cursor(cursor: str) -> tuple[float, str]:
    """``created_at`` and id of the last job of the page before."""
    created_at, _, job_id = cursor.partition("-")
    try:
        moment = float(created_at)
    except ValueError:
        moment = nan
    if not isfinite(moment):
        raise InvalidRequest.of("cursor", "is not one that this listing gave")
    return moment, job_id


def write_cursor(job: Job) -> str:
    """The place after ``job``: its time exactly, as many jobs may share a rounded one."""
    return f"{job.created_at!r}-{job.id}"
