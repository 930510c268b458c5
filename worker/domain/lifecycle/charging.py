"""PURE. What an attempt really cost, by the provider's own ledger."""

from worker.domain.account.billing import MAY_BE_REFUNDED
from worker.domain.events import Charged, Decision, Disposition, Policy
from worker.domain.job import Attempt, Job, changed


def charged(job: Job, event: Charged, now: float, policy: Policy) -> Decision:
    """Replace the estimate of the attempts that the task belongs to."""
    mine = [attempt.task_id == event.task_id for attempt in job.attempts]
    if not any(mine):
        return Decision(job, Disposition.FOREIGN)
    attempts = (
        _booked(attempt, event) if own else attempt
        for attempt, own in zip(job.attempts, mine, strict=True)
    )
    return Decision(changed(job, attempts=tuple(attempts)))


def _booked(attempt: Attempt, event: Charged) -> Attempt:
    known = attempt.charged if event.charged is None else event.charged
    if known is None and not event.kept and attempt.outcome in MAY_BE_REFUNDED:
        known = attempt.price  # the ledger does not say any more how much it was
    full = max(known or 0, event.kept)
    return changed(attempt, charged=full, refunded=full - event.kept)
