"""SHELL. Counts of what no commit is about, such as callbacks that change nothing.

They are kept in this process and added to the store's every few seconds: a write per repeated
callback would cost more than the callback. Those of the last seconds go with a process that dies.
"""

from collections.abc import Callable, Mapping
from threading import Lock

from worker.adapters.store.metrics import MetricStore
from worker.domain.errors import StoreUnavailable
from worker.domain.metrics import Counts, Metric

#: Seconds between two additions to the store's.
EVERY_S = 2.0


class Tally:
    """May be shared by threads. ``clock`` returns seconds."""

    def __init__(self, store: MetricStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._counts = Counts()
        self._flushed_at = clock()

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to what is counted."""
        with self._lock:
            for field, by in counts.items():
                self._counts[field] = self._counts.get(field, 0) + by

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Add a value of a histogram."""
        with self._lock:
            self._counts.observe(metric, seconds, *labels)

    def flush(self, *, at_once: bool = False) -> None:
        """Add to the store's what was counted, every ``EVERY_S`` seconds or ``at_once``.

        Raises ``StoreUnavailable``; then it is kept.
        """
        now = self._clock()
        with self._lock:
            waits = abs(now - self._flushed_at) < EVERY_S and not at_once
            if waits or not self._counts:
                return
            counts, self._counts = self._counts, Counts()
            self._flushed_at = now
        try:
            self._store.add(counts)
        except StoreUnavailable:
            self.add(counts)
            raise
