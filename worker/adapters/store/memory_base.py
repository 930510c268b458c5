"""What every part of the store in memory stands on: the jobs, one lock, a clock."""

from collections.abc import Callable
from threading import RLock

from worker.domain.job import Job


class MemoryBase:
    """``clock`` (seconds) times what expires."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = RLock()
        self._jobs: dict[str, Job] = {}
