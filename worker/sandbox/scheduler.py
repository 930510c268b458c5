"""One thread for everything that is due later, instead of a thread per task."""

import logging
import sched
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Scheduler:
    """Calls functions at their time. They must be quick: all tasks share the thread."""

    def __init__(self) -> None:
        self._queue = sched.scheduler(time.monotonic)
        self._changed = threading.Event()
        self._stopped = False
        threading.Thread(target=self._run, name="sandbox-scheduler", daemon=True).start()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` in `seconds`; calls due at the same time keep their order."""
        self._queue.enter(seconds, 0, self._call, (act,))
        self._changed.set()

    def stop(self) -> None:
        """Drop everything that is still due."""
        self._stopped = True
        self._changed.set()

    def _run(self) -> None:
        while not self._stopped:
            self._changed.clear()
            self._changed.wait(self._queue.run(blocking=False))

    def _call(self, act: Callable[[], None]) -> None:
        if self._stopped:
            return
        try:
            act()
        except Exception:  # noqa: BLE001 - one task's failure must not stop the others
            _log.exception("sandbox.step_failed")
