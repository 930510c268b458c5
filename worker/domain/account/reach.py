"""PURE. Whether this process reaches an account as other processes do.

A host may be cut off from a provider that other hosts reach. Its submits fail, each after a
timeout, while theirs are accepted: it leaves the jobs to them.
"""

from dataclasses import dataclass, replace

from worker.domain.error_codes import ErrorCode
from worker.domain.provider_reports import Verdict

#: Seconds without taking jobs after the second failure in a row, doubled by each further one.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How this process fares with one account. Times are seconds since the epoch."""

    failures: int = 0  #: in a row, each while a submit of another process was accepted
    failed_at: float = 0.0  #: the last of them
    answered_at: float = 0.0  #: when a submit of this process was answered last
    again_at: float = 0.0  #: when a single job tries it again

    @property
    def cut_off(self) -> bool:
        """Whether it leaves the jobs to others. One failure may be an accident."""
        return self.failures > 1

    def most(self, now: float, *, trial: bool = False) -> int | None:
        """How many jobs it may take now; None: any number.

        A ``trial`` of an account that rests is left to others for a minute more: one that fails
        here would let it rest for longer.
        """
        if not self.cut_off:
            return None
        return 1 if now >= self.again_at + (LONGEST_PAUSE_S if trial else 0.0) else 0


def after(
    reach: Reach, verdict: Verdict, started_at: float, accepted_at: float | None, now: float
) -> Reach:
    """The reach after a reply to a submission.

    Times are seconds since the epoch; ``started_at``, ``accepted_at``: see
    ``circuit_breaker.after``. Only a submit that could not be sent counts as a failure: whatever
    the provider answers, it was reached.
    """
    code = verdict.error.code if verdict.error else None
    if code == ErrorCode.NOT_PREPARED:
        return reach
    if code != ErrorCode.UNREACHABLE:
        return Reach(answered_at=now)
    alone = reach.answered_at < started_at < (accepted_at or 0.0)
    if not alone or started_at <= reach.failed_at:  # one burst counts once
        return reach
    return _paused(replace(reach, failures=reach.failures + 1, failed_at=now), now)


def tried(reach: Reach, now: float) -> Reach:
    """The reach once jobs were taken: until the trial's end no other one follows."""
    return _paused(reach, now) if reach.cut_off else reach


def _paused(reach: Reach, now: float) -> Reach:
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(max(0, reach.failures - 2), 10))
    return replace(reach, again_at=now + pause_s)
