"""What many viewers get alike is made once: each process keeps it for a few seconds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

#: Cards of about 3 KB, with what galleries found; the longest unused make room.
_MOST = 500


class Shared:
    """Values by what they were made of; for ``seconds`` at most."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Hashable) -> Any:
        """What is kept under the key; None: nothing, or not any more."""
        with self._lock:
            until, value = self._kept.get(key, (0.0, None))
            if until <= self._clock():
                return None
            self._kept.move_to_end(key)
            return value

    def keep(self, key: Hashable, value: T, seconds: float) -> T:
        """Keep the value so long; return it."""
        with self._lock:
            self._kept[key] = (self._clock() + seconds, value)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return value
