"""The driver's retries, with an end.

redis-py counts its tries, and those of a connection are made within each one of its command. That
takes three seconds where connections are refused, but minutes where a firewall drops every packet:
each try waits for its timeout.
"""

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, TypeVar

from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

T = TypeVar("T")

#: Seconds between two tries; the driver's own.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 1.0
#: When the thread's outermost call gives up: the driver copies its ``Retry`` for each connection.
_thread = threading.local()


class Patience(Retry):
    """Tries again until so many seconds have passed, however the tries are nested."""

    def __init__(self, seconds: float) -> None:
        super().__init__(ExponentialWithJitterBackoff(_LONGEST_PAUSE_S, _FIRST_PAUSE_S), -1)
        self._seconds = seconds

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,  # noqa: FBT001, FBT002  # the driver's signature
    ) -> T:
        """As the driver's own. Raises the last try's error."""
        outermost = not hasattr(_thread, "until")
        if outermost:
            _thread.until = monotonic() + self._seconds
        failures = 0
        try:
            while True:
                try:
                    return do()
                except self._supported_errors as error:
                    if is_retryable and not is_retryable(error):
                        raise
                    failures += 1
                    fail(error, failures) if with_failure_count else fail(error)
                    pause_s = self._backoff.compute(failures)
                    if monotonic() + pause_s > _thread.until:
                        raise
                    sleep(pause_s)
        finally:
            if outermost:
                del _thread.until
