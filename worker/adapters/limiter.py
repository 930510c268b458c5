"""A few at a time: what is slow must not take all threads of a process."""

from collections import OrderedDict
from collections.abc import Callable
from threading import BoundedSemaphore


class Limiter:
    """Does ``act`` to what it is given, for at most ``places`` at a time in this process.

    Names that find no place wait here, each once, and whoever has a place does the next.
    """

    def __init__(self, places: int, act: Callable[[str], None]) -> None:
        self._places = BoundedSemaphore(places)
        self._act = act
        self._waiting: OrderedDict[str, None] = OrderedDict()

    def do(self, name: str) -> None:
        """Do it, and whatever else waits, as far as there are places. Raises what ``act`` does."""
        self._waiting[name] = None
        # Looked at once more after each place is given back: who came meanwhile found none.
        while self._waiting and self._places.acquire(blocking=False):
            try:
                self._next()
            finally:
                self._places.release()

    def clear(self) -> None:
        """What waits is not done."""
        self._waiting.clear()

    def _next(self) -> None:
        try:
            name, _ = self._waiting.popitem(last=False)
        except KeyError:  # another thread took the last
            return
        self._act(name)
