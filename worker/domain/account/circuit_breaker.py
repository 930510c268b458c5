"""PURE. How an account fares, learnt from what it answers to submissions.

Three things follow. An account whose key, right or credit is refused is **closed**: its other jobs
would fare the same. One that fails again and again **rests**, and is tried with a single job after
that. One that is full although we thought it had room is **believed** to take less for a while.
"""

from dataclasses import dataclass, replace

from worker.domain.error_codes import ErrorCode
from worker.domain.provider_reports import Outcome, Verdict

#: Failures in a row after which an account rests, and for how long: 30, 60, 120 ... seconds.
FAILURES = 5
REST_S = 30.0
LONGEST_REST_S = 600.0
#: A lowered limit is believed less and less: one slot more is tried each so many seconds.
SLOT_BACK_S = 2.0
#: How many submissions the error rate looks back on, about.
_WEIGHT = 1 / 20

#: The provider takes no more jobs at once than it has.
_FULL = frozenset({ErrorCode.QUEUE_FULL, ErrorCode.RATE_LIMITED, ErrorCode.LIMIT_REACHED})
#: The job is at fault, or its timing: this tells nothing about the account.
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
    """What is known of an account. Times are seconds since the epoch."""

    closed: str | None = None  #: why it takes no jobs: the reason's code and the provider's words
    closed_at: float | None = None
    settings: str = ""  #: of which it was closed: others open it again
    failures: int = 0  #: in a row
    rests: int = 0  #: in a row
    rest_until: float | None = None
    limit: int | None = None  #: jobs at once that it was believed to take
    limited_at: float = 0.0
    error_rate: float = 0.0  #: share of submissions that failed, the last ones counting most

    def slots(self, most: int, now: float) -> int:
        """How many of ``most`` slots may be used."""
        if self.closed or (self.rest_until is not None and now < self.rest_until):
            return 0
        if self.rest_until is not None:  # a single job tells whether it is well again
            return min(most, 1)
        return self.believed(most, now) or most

    def believed(self, most: int, now: float) -> int | None:
        """How many of ``most`` jobs at once it is believed to take, while that is fewer."""
        if self.limit is None:
            return None
        regained = int(max(0.0, now - self.limited_at) / SLOT_BACK_S)
        return self.limit + regained if self.limit + regained < most else None


def after(
    breaker: CircuitBreaker, verdict: Verdict, running: int, now: float, *, settings: str = ""
) -> CircuitBreaker:
    """What the answer to a submission teaches; ``running``: jobs with a slot, its own too.

    Nothing changes for most answers: the same value means that there is nothing to write.
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
    return _well(breaker)


def is_full(verdict: Verdict) -> bool:
    """Whether the provider takes no further job beside those that run."""
    return verdict.error is not None and verdict.error.code in _FULL


def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    """A person says that it is well again."""
    return CircuitBreaker(error_rate=breaker.error_rate)


def _failed(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    failures = breaker.failures + 1
    rate = breaker.error_rate + (1 - breaker.error_rate) * _WEIGHT
    breaker = replace(breaker, failures=failures, error_rate=round(rate, 4))
    if failures < FAILURES and breaker.rest_until is None:
        return breaker
    rest = min(LONGEST_REST_S, REST_S * 2.0 ** min(breaker.rests, 10))
    return replace(breaker, failures=0, rests=breaker.rests + 1, rest_until=now + rest)


def _well(breaker: CircuitBreaker) -> CircuitBreaker:
    rate = round(breaker.error_rate * (1 - _WEIGHT), 4)
    return replace(breaker, failures=0, rests=0, rest_until=None, error_rate=rate)
