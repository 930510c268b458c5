"""One thread that does everything that is due later: a heap instead of a thread per task."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Scheduler:
    """Calls functions at their time. They must be quick: all tasks share the thread."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        threading.Thread(target=self._run, name="sandbox-scheduler", daemon=True).start()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Call `do` in so many seconds; calls due together keep their order."""
        with self._changed:
            heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._order), do))
            self._changed.notify()

    def stop(self) -> None:
        """Forget everything that is still due."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        while (do := self._next()) is not None:
            try:
                do()
            except Exception:  # noqa: BLE001 - one task's mishap must not stop the others
                _log.exception("sandbox.step_failed")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopped:
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)
            return None
