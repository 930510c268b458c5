"""PURE. Whether and how much an account is used, learnt from its replies to submissions.

An account whose key, permission or credit is refused is **closed**. One that fails repeatedly
**rests**, and is then tried with a single job. One that is full despite free slots gets a lower
**limit** for a while.

"Closed" means that the account takes no jobs, unlike a closed electrical circuit.
"""

from dataclasses import dataclass, replace

from worker.domain.error_codes import ErrorCode
from worker.domain.provider_reports import Outcome, Verdict

#: Failures in a row after which an account rests, and for how long: 30, 60, 120 ... seconds.
FAILURES = 5
REST_S = 30.0
LONGEST_REST_S = 600.0
#: A lowered limit is raised by one slot each time this many seconds have passed.
SLOT_BACK_S = 2.0
#: Weight of one submission in the error rate, which thus covers about the last 20.
_WEIGHT = 1 / 20

#: The provider has no free slot for us.
_FULL = frozenset({ErrorCode.QUEUE_FULL, ErrorCode.RATE_LIMITED, ErrorCode.LIMIT_REACHED})
#: The fault of the job or its timing, not of the account.
_NOT_ITS_FAULT = frozenset(
    {
        ErrorCode.MODERATED,
        ErrorCode.BAD_PARAMETER,
        ErrorCode.UNKNOWN_ACTION,
        ErrorCode.NOT_FOUND,
        ErrorCode.PARENT_NOT_READY,
    }
)


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """The breaker of one account. Times are seconds since the epoch."""

    closed: str | None = None  #: why it is closed: error code and provider's message
    closed_at: float | None = None
    settings: str = ""  #: hash of the account's settings when it was closed; new ones open it
    failures: int = 0  #: in a row
    rests: int = 0  #: in a row
    rest_until: float | None = None
    limit: int | None = None  #: lowered number of concurrent jobs
    limited_at: float = 0.0
    error_rate: float = 0.0  #: moving average of failed submissions, 0-1

    def slots(self, most: int, now: float) -> int:
        """How many of ``most`` slots may be used."""
        if self.closed or (self.rest_until is not None and now < self.rest_until):
            return 0
        if self.rest_until is not None:  # a single job shows whether it works again
            return min(most, 1)
        return self.believed(most, now) or most

    def believed(self, most: int, now: float) -> int | None:
        """The lowered limit, while it is below ``most``."""
        if self.limit is None:
            return None
        regained = int(max(0.0, now - self.limited_at) / SLOT_BACK_S)
        return self.limit + regained if self.limit + regained < most else None


def after(
    breaker: CircuitBreaker, verdict: Verdict, running: int, now: float, *, settings: str = ""
) -> CircuitBreaker:
    """The breaker after a reply to a submission; unchanged (equal) after most of them.

    ``running``: jobs with a slot, including this one.
    """
    if verdict.account_trouble and verdict.error:
        words = f"{verdict.error.code}: {verdict.error.message.rstrip('.')}"
        return replace(_failed(breaker, now), closed=words, closed_at=now, settings=settings)
    if is_full(verdict):
        return replace(breaker, limit=max(1, running - 1), limited_at=now)
    if verdict.error and verdict.error.code in _NOT_ITS_FAULT:
        return breaker
    if verdict.outcome in (Outcome.TRY_LATER, Outcome.IN_DOUBT):
        return _failed(breaker, now)
    rate = round(breaker.error_rate * (1 - _WEIGHT), 4)
    return replace(breaker, failures=0, rests=0, rest_until=None, error_rate=rate)


def is_full(verdict: Verdict) -> bool:
    """Whether the provider takes no more concurrent jobs."""
    return verdict.error is not None and verdict.error.code in _FULL


def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    """Opened by a person."""
    return CircuitBreaker(error_rate=breaker.error_rate)


def _failed(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    failures = breaker.failures + 1
    rate = breaker.error_rate + (1 - breaker.error_rate) * _WEIGHT
    breaker = replace(breaker, failures=failures, error_rate=round(rate, 4))
    if failures < FAILURES and breaker.rest_until is None:
        return breaker
    rest = min(LONGEST_REST_S, REST_S * 2.0 ** min(breaker.rests, 10))
    return replace(breaker, failures=0, rests=breaker.rests + 1, rest_until=now + rest)
