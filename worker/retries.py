"""PURE. When to try again and when to look again. Delays in seconds; jitter is an argument."""

#: A refusal that costs nothing is tried again after 2, 4, 8 ... seconds, at most a minute apart.
BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 60.0
#: Trouble that will last (no channel for the model) is asked about at this pace.
SLOW_BACKOFF_S = 300.0
#: A gateway that lags behind its own callback catches up within 15-30 s.
NOT_YET_DELAY_S = 3.0
NOT_YET_WINDOW_S = 60.0


def backoff(refusals: int, jitter: float, *, slow: bool = False) -> float:
    """Seconds to wait after the ``refusals``-th refusal in a row (1 or more).

    ``jitter`` in [0, 1) spreads jobs refused together over the upper half of the delay.
    """
    if slow:
        full = SLOW_BACKOFF_S
    else:
        full = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(refusals - 1, 10))
    return full * (0.5 + jitter / 2)


def look_after(age_s: float, *, callbacks_flow: bool | None) -> float:
    """Seconds until a silent task is asked about again, ``age_s`` after it was accepted.

    Where callbacks flow only the silent are asked about, and patiently; where they are known not to
    come, asking is how jobs finish; where nothing is known yet (None), in between.
    """
    if callbacks_flow is None:
        return _clamp(age_s * 0.2, 2.0, 30.0)
    if callbacks_flow:
        return _clamp(age_s * 0.5, 20.0, 120.0)
    return _clamp(age_s * 0.15, 1.0, 15.0)


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
