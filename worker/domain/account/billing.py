"""PURE. What a job costs, told from its record alone.

The store keeps sums per account, tenant, batch and day by the difference between a job's charges
before and after each change, in the same step: so the sums are always those of the records.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from worker.domain.job import Attempt, AttemptOutcome, Job, Status, Window
from worker.domain.money import Amount


class Standing(StrEnum):
    """How sure a charge is."""

    ESTIMATED = "estimated"  #: of a job that has not started
    RESERVED = "reserved"  #: the submission is on its way, or nobody knows whether it was accepted
    SPENT = "spent"  #: accepted
    REFUNDED = "refunded"  #: spent before, and given back because the task failed


class Charge(NamedTuple):
    """One amount. ``account`` is empty where it is not known yet; ``day`` as ``2026-11-22``."""

    account: str
    day: str
    standing: Standing
    amount: Amount


#: Outcomes of an attempt that was never accepted.
_FREE = frozenset({AttemptOutcome.NOT_YET, AttemptOutcome.TRY_LATER, AttemptOutcome.NOT_SENT})


def charges(job: Job, price: Amount) -> tuple[Charge, ...]:
    """Everything the job cost and may cost; ``price``: of its next submission."""
    found = [charge for attempt in job.attempts for charge in _of_attempt(job, attempt)]
    starts_anew = job.status is Status.QUEUED and job.window is not Window.OPEN
    if starts_anew and price:
        found.append(Charge(job.account, day_of(job.spec.created_at), Standing.ESTIMATED, price))
    return tuple(found)


def day_of(moment: float) -> str:
    """The day of a time in seconds since the epoch, UTC."""
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
    """A window's task is paid for with its answer, not when it opens."""
    if attempt.task_id is None:
        return attempt.outcome is AttemptOutcome.SUCCEEDED
    return not (attempt == job.attempts[-1] and job.window is Window.OPEN)


def _may_be_accepted(job: Job, attempt: Attempt) -> bool:
    if attempt.given_up:
        return True
    if attempt.outcome in _FREE:
        return False
    return attempt == job.attempts[-1] and (not job.status.terminal or job.draining)


def total(found: tuple[Charge, ...], standing: Standing) -> Amount:
    """The sum of the charges of this standing."""
    return sum(charge.amount for charge in found if charge.standing is standing)
