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


class Figures(StrEnum):
    """Whose figures a job's ``spent`` and ``refunded`` are."""

    PROVIDER = "provider"  #: the provider's own ledger's
    PRICES = "prices"  #: those of the account's price list
    BOTH = "both"  #: some attempts' are not in the ledger, or not read yet


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
#: Outcomes after which a provider may give the price back.
MAY_BE_REFUNDED = frozenset(
    {AttemptOutcome.FAILED, AttemptOutcome.CANCELLED, AttemptOutcome.TIMED_OUT}
)


def charges(job: Job, price: Amount) -> tuple[Charge, ...]:
    """All charges of the job; ``price``: of its next submission."""
    found = [charge for attempt in job.attempts for charge in _of_attempt(job, attempt)]
    if price and job.status is Status.QUEUED and job.window is not Window.OPEN:
        found.append(Charge(job.account, day_of(job.spec.created_at), Standing.ESTIMATED, price))
    return tuple(found)


def unbooked(job: Job) -> frozenset[tuple[str, str]]:
    """(account, task id) of what was paid for, until the provider's ledger says how much; of tasks
    that failed until it shows a refund.
    """
    if not job.status.terminal:
        return frozenset()
    found = ((a.account or job.account, a.task_id) for a in job.attempts if _unbooked(a))
    return frozenset((account, task_id) for account, task_id in found if task_id)


def _unbooked(attempt: Attempt) -> bool:
    if attempt.charged is None:
        return True
    return attempt.outcome in MAY_BE_REFUNDED and attempt.charged > 0 and not attempt.refunded


def day_of(moment: float) -> str:
    """The day (UTC) of a time in seconds since the epoch."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def figures(job: Job) -> Figures | None:
    """Whose figures the job's cost has; None if nothing was paid for."""
    read = {a.charged is not None for a in job.attempts if _accepted(job, a)}
    if not read:
        return None
    return Figures.BOTH if len(read) > 1 else Figures.PROVIDER if read.pop() else Figures.PRICES


def paid_tasks(job: Job) -> int:
    """How many of the job's attempts are paid for."""
    return sum(_accepted(job, attempt) for attempt in job.attempts)


def _of_attempt(job: Job, attempt: Attempt) -> tuple[Charge, ...]:
    price = attempt.price if attempt.charged is None else attempt.charged
    if not price:
        return ()
    day = day_of(attempt.started_at)
    spent = Charge(attempt.account, day, Standing.SPENT, price)
    if _accepted(job, attempt):
        back = spent._replace(standing=Standing.REFUNDED, amount=_refunded(attempt))
        return (spent, back) if back.amount else (spent,)
    if _may_be_accepted(job, attempt):
        return (spent._replace(standing=Standing.RESERVED),)
    return ()


def _refunded(attempt: Attempt) -> Amount:
    """By the provider's ledger, or by the account's settings: older gateways refund a failure
    without a word in it.
    """
    if attempt.refunded or not (attempt.refundable and attempt.outcome is AttemptOutcome.FAILED):
        return attempt.refunded
    return attempt.price if attempt.charged is None else attempt.charged


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
