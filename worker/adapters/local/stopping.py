"""A stop flag that a signal handler may set.

``threading.Event`` is not safe there: a handler interrupts the main thread anywhere, and deadlocks
if that thread just holds the event's lock. ``SimpleQueue.put`` is reentrant
(https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put).
"""

from queue import Empty, SimpleQueue


class Stop:
    """Set once, from anywhere; one thread may wait for it."""

    def __init__(self) -> None:
        self._is_set = False
        self._news: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Set the flag and wake the waiting thread."""
        self._is_set = True
        self._news.put(None)

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is set, or for ``timeout`` seconds; return whether it is set."""
        if not self._is_set:
            try:
                self._news.get(timeout=timeout)
            except Empty:
                return self._is_set
        return True
