"""PURE. What a job costs, from its record alone.

Each commit adds the difference between the job's charges before and after to the sums per account,
tenant, batch and day, so the sums always match the records.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window
from worker.domain.money import Amount


class Standing(StrEnum):
    """The state of a charge."""

    ESTIMATED = "estimated"  #: the job has not started
    RESERVED = "reserved"  #: being submitted, or in doubt
    SPENT = "spent"  #: accepted
    REFUNDED = "refunded"  #: spent, and refunded because the task failed


class Charge(NamedTuple):
    """One amount. ``account``: empty if not known yet; ``day``: as ``2026-11-22``."""

    account: str
    day: str
    standing: Standing
    amount: Amount


#: Outcomes of attempts that were never accepted.
_FREE = frozenset(
    {
        AttemptOutcome.NOT_YET,
        AttemptOutcome.TRY_LATER,
        AttemptOutcome.PERMANENT,
        AttemptOutcome.NOT_SENT,
        AttemptOutcome.NOT_LISTED,
    }
)


def charges(job: Job, price: Amount) -> tuple[Charge, ...]:
    """All charges of the job; ``price``: of its next submission."""
    found = [charge for attempt in job.attempts for charge in _of_attempt(job, attempt)]
    if price and job.status is Status.QUEUED and job.window is not Window.OPEN:
        found.append(Charge(job.account, day_of(job.spec.created_at), Standing.ESTIMATED, price))
    return tuple(found)


def day_of(moment: float) -> str:
    """The day (UTC) of a time in seconds since the epoch."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _of_attempt(job: Job, attempt: Attempt) -> tuple[Charge, ...]:
    if not attempt.price:
        return ()
    day = day_of(attempt.started_at)
    spent = Charge(attempt.account, day, Standing.SPENT, attempt.price)
    if _accepted(job, attempt):
        if attempt.refundable and attempt.outcome is AttemptOutcome.FAILED:
            return spent, spent._replace(standing=Standing.REFUNDED)
        return (spent,)
    if _may_be_accepted(job, attempt):
        return (spent._replace(standing=Standing.RESERVED),)
    return ()


def _accepted(job: Job, attempt: Attempt) -> bool:
    """Whether the attempt is paid for; a task with a window is once the window is answered."""
    if attempt.task_id is None:
        return attempt.outcome is AttemptOutcome.SUCCEEDED
    return not (attempt == job.attempts[-1] and job.window is Window.OPEN)


def _may_be_accepted(job: Job, attempt: Attempt) -> bool:
    if attempt.outcome in _FREE:
        return False
    if attempt.given_up:
        return True
    return attempt == job.attempts[-1] and (not job.status.terminal or job.draining)


def total(found: tuple[Charge, ...], standing: Standing) -> Amount:
    """The sum of the charges of this standing."""
    return sum(charge.amount for charge in found if charge.standing is standing)
