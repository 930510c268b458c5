"""The clock of what processes share: Redis's.

Leases, due times and overdue jobs are compared by all processes. A worker whose own clock was an
hour ahead would end the jobs of all others.
"""

import time
from collections.abc import Callable

import redis
from redis.exceptions import NoPermissionError, RedisError

#: Seconds by which a machine's clock may differ without being mentioned.
TOLERATED_S = 5.0
#: Seconds between two questions for Redis's time.
_EVERY_S = 5.0
#: Seconds for an answer; one that took longer does not replace an earlier one.
_PATIENCE_S = 0.5
#: The steady clock that continues while the machine sleeps, so that no lease outlives its time:
#: Linux has one of its own, macOS's monotonic one does.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady() -> float:
    return time.clock_gettime(_STEADY)


class SharedClock:
    """Redis's time, carried on by a steady clock between two questions.

    It is this machine's own time until Redis answers, or if our user may not ask for it. ``client``
    should not retry. ``wall`` and ``steady`` are this machine's clocks.
    """

    def __init__(
        self,
        client: "redis.Redis",
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady,
    ) -> None:
        self._client = client
        self._wall = wall
        self._steady = steady
        #: The shared time at the steady clock's zero.
        self._start: float | None = None
        self._asked_at = steady()

    def __call__(self) -> float:
        """Now, in seconds since the epoch."""
        if self._start is None:
            self._ask()
        return self._wall() if self._start is None else self._start + self._steady()

    def refresh(self) -> None:
        """Ask Redis every few seconds; call it as often as you like."""
        if self._start is None or self._steady() - self._asked_at > _EVERY_S:
            self._ask()

    def _ask(self) -> None:
        before = self._asked_at = self._steady()
        try:
            seconds, microseconds = self._client.time()
        except NoPermissionError:
            self._start = self._wall() - before
            return
        except RedisError:
            return
        after = self._steady()
        # A slow answer says little about the time, but more than a clock of which nothing is known.
        if self._start is None or after - before <= _PATIENCE_S:
            self._start = seconds + microseconds / 1e6 - (before + after) / 2

    @property
    def ahead_s(self) -> float:
        """Seconds by which this machine's own clock is ahead of the shared time."""
        shared = self()
        return self._wall() - shared
