"""PURE. When to retry and when to look again. Delays are in seconds; jitter is an argument."""

from math import ceil
from zlib import crc32

from worker.domain.error_codes import RETRY_ON
from worker.domain.job_spec import Retry

#: A refusal that costs nothing is retried after 2, 4, 8 ... seconds, up to a minute.
BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 60.0
#: How often a picture's URL is tried before its job fails: within five to ten minutes.
PICTURE_TRIES = 15
#: Delay after a refusal that will last (no channel for the model).
SLOW_BACKOFF_S = 300.0
#: How often one job is submitted again because the task list proves that it was not accepted.
NOT_LISTED_RESUBMITS = 5
#: Longest delay before the next attempt of an accepted task that failed.
RETRY_CAP_S = 3600.0
#: How long after success to keep asking for a seed that the provider does not get to tell, and
#: one that it refuses: it may need a moment to find it.
SEED_WINDOW_S = 900.0
SEED_REFUSED_S = 15.0
#: A worker that has not renewed its lease on a choose's call for this long is dead; calls in all.
CHOOSE_LEASE_S = 60.0
CHOOSE_CALLS = 3


def backoff(refusals: int, jitter: float, *, slow: bool = False) -> float:
    """Seconds to wait after the ``refusals``-th refusal in a row (1 or more).

    ``jitter`` in [0, 1) spreads jobs refused together over the upper half of the delay.
    """
    full = SLOW_BACKOFF_S if slow else _doubled(BACKOFF_BASE_S, refusals, BACKOFF_CAP_S)
    return full * (0.5 + jitter / 2)


def before_next_attempt(retry: Retry, code: str, tried: int, jitter: float) -> float | None:
    """Seconds until a task that failed with error ``code`` is submitted again; None: it is not.

    ``tried``: how many submissions were, or may have been, accepted so far.
    """
    if tried >= retry.attempts or code not in (RETRY_ON if retry.on is None else retry.on):
        return None
    return _doubled(retry.backoff_s, tried, RETRY_CAP_S) * (0.5 + jitter / 2)


def _doubled(base_s: float, times: int, cap_s: float) -> float:
    return min(cap_s, base_s * 2.0 ** min(times - 1, 10))


def jitter_of(*parts: object) -> float:
    """A pseudo-random number in [0, 1), the same for the same ``parts``."""
    return crc32(":".join(map(str, parts)).encode()) / 2**32


def look_after(
    age_s: float, quiet_s: float, *, callbacks_flow: bool | None, lag_s: float | None = None
) -> float:
    """Seconds until a silent task is polled again.

    It was accepted ``age_s`` and last heard of ``quiet_s`` ago. If callbacks arrive, only tasks
    that are silent for longer than usual (``lag_s``) are polled, less and less often. If they do
    not, polling is how jobs finish. If that is unknown (None), something in between.
    """
    if callbacks_flow is None:
        return _clamp(age_s * 0.2, 2.0, 30.0)
    if callbacks_flow:
        usual = _clamp(lag_s or 20.0, 5.0, 60.0)
        return _clamp(quiet_s * 0.5, usual, 120.0)
    # A running task is soon done; one that is long overdue may still finish some day.
    return _clamp(age_s * 0.15, 1.0, 15.0 if age_s < 3600.0 else 30.0)


def rounded_up(moment: float, wait_s: float) -> float:
    """``moment``, delayed by up to a quarter of ``wait_s``.

    Tasks that are due at about the same time are then polled together: a call takes a hundred.
    """
    step = max(0.5, wait_s / 4)
    return ceil(moment / step) * step


def look_for_evidence(age_s: float) -> float:
    """Seconds until a doubt of ``age_s`` is looked at again."""
    return _clamp(age_s * 0.1, 2.0, 600.0)


def look_at_siblings(age_s: float) -> float:
    """Seconds until a job that has waited for others for ``age_s`` re-checks them.

    The end of each wakes it; this covers a process that died in between.
    """
    return _clamp(age_s * 0.2, 5.0, 300.0)


def ask_for_seed(age_s: float) -> float:
    """Seconds until the seed of a job that succeeded ``age_s`` ago is asked for again."""
    return _clamp(2 * age_s, 5.0, 120.0)


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
