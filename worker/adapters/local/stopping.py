"""A wish to stop that a signal handler may express.

``threading.Event`` cannot be set there: a handler runs between any two steps of the main thread,
and where that thread is just taking the event's lock, both wait for ever. The queue's ``put`` is
made for such places (https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put).
"""

from queue import Empty, SimpleQueue


class Stop:
    """Set once, by a signal handler or anybody else; waited for by one thread."""

    def __init__(self) -> None:
        self._is_set = False
        self._news: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Whoever waits shall go on now."""
        self._is_set = True
        self._news.put(None)

    def is_set(self) -> bool:
        """Whether somebody wants to stop."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is set, or for ``timeout`` seconds; whether it is."""
        if not self._is_set:
            try:
                self._news.get(timeout=timeout)
            except Empty:
                return self._is_set
        return True
