"""PURE. When to try again and when to look again. Delays in seconds; jitter is an argument."""

from math import ceil
from zlib import crc32

from worker.domain.error_codes import RETRY_ON
from worker.domain.job import Retry

#: A refusal that costs nothing is tried again after 2, 4, 8 ... seconds, at most a minute apart.
BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 60.0
#: Trouble that will last (no channel for the model) is asked about at this pace.
SLOW_BACKOFF_S = 300.0
#: A gateway that lags behind its own callback catches up within 15-30 s.
NOT_YET_DELAY_S = 3.0
NOT_YET_WINDOW_S = 60.0
#: However often an accepted task failed, its next attempt starts within so long.
RETRY_CAP_S = 3600.0
#: A seed that cannot be had is asked for again for so long after the job's success.
SEED_WINDOW_S = 900.0
#: Whoever calls the function of a choose and is not heard of for so long is gone; calls in all.
CHOOSE_LEASE_S = 60.0
CHOOSE_CALLS = 3


def backoff(refusals: int, jitter: float, *, slow: bool = False) -> float:
    """Seconds to wait after the ``refusals``-th refusal in a row (1 or more).

    ``jitter`` in [0, 1) spreads jobs refused together over the upper half of the delay.
    """
    if slow:
        full = SLOW_BACKOFF_S
    else:
        full = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(refusals - 1, 10))
    return full * (0.5 + jitter / 2)


def before_next_attempt(retry: Retry, code: str, tried: int, jitter: float) -> float | None:
    """Seconds until an accepted task that ended with error ``code`` is submitted anew.

    None: it is not. ``tried``: how many submissions were accepted, or may have been, so far.
    """
    if tried >= retry.attempts or code not in (RETRY_ON if retry.on is None else retry.on):
        return None
    full = min(RETRY_CAP_S, retry.backoff_s * 2.0 ** min(tried - 1, 10))
    return full * (0.5 + jitter / 2)


def jitter_of(*parts: object) -> float:
    """A number in [0, 1) that looks random, and is the same for the same ``parts``."""
    return crc32(":".join(map(str, parts)).encode()) / 2**32


def look_after(
    age_s: float, quiet_s: float, *, callbacks_flow: bool | None, lag_s: float | None = None
) -> float:
    """Seconds until a silent task is asked about again.

    ``age_s`` after it was accepted, ``quiet_s`` after it was last heard of. Where callbacks flow,
    only tasks are asked about that are silent for longer than the account's news usually take
    (``lag_s``), and ever more patiently; where they are known not to come, asking is how jobs
    finish; where nothing is known yet (None), in between.
    """
    if callbacks_flow is None:
        return _clamp(age_s * 0.2, 2.0, 30.0)
    if callbacks_flow:
        usual = _clamp(lag_s or 20.0, 5.0, 60.0)
        return _clamp(quiet_s * 0.5, usual, 120.0)
    # A task that runs is soon done; one that should have ended long ago may still be, some day.
    return _clamp(age_s * 0.15, 1.0, 15.0 if age_s < 3600.0 else 30.0)


def rounded_up(moment: float, wait_s: float) -> float:
    """``moment``, put off by up to a quarter of ``wait_s``.

    So that tasks due at about the same time are asked about together: a call takes a hundred.
    """
    step = max(0.5, wait_s / 4)
    return ceil(moment / step) * step


def look_for_evidence(age_s: float) -> float:
    """Seconds until a doubt of ``age_s`` is looked at again."""
    return _clamp(age_s * 0.1, 2.0, 600.0)


def look_at_siblings(age_s: float) -> float:
    """Seconds until a job that waits for others since ``age_s`` is looked at again.

    The end of each wakes it; this finds what a process that died left undone.
    """
    return _clamp(age_s * 0.2, 5.0, 300.0)


def ask_for_seed(age_s: float) -> float:
    """Seconds until a job that succeeded ``age_s`` ago is asked for its seed again."""
    return _clamp(age_s, 3.0, 120.0)


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
