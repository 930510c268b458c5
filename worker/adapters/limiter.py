"""Limits concurrent calls in this process, so that slow ones do not take all its threads."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Limiter(Generic[Item]):
    """Runs ``act(item)`` now if a slot is free, else queues the item, else drops it.

    Keys take turns, and the items of a key run in order. An item is queued once, however often it
    is passed to ``run``, and never runs twice at the same time.

    Args:
        act: runs in the thread that calls ``run``.
        per_key: concurrent items per key.
        total: concurrent items in all.
        max_waiting: queued items; further ones are dropped.
        turn_s: seconds after which a thread takes no further item.
    """

    def __init__(
        self,
        act: Callable[[Item], None],
        *,
        per_key: int,
        total: float = inf,
        max_waiting: float = inf,
        turn_s: float = inf,
    ) -> None:
        self._act = act
        self._per_key = per_key
        self._total = total
        self._max_waiting = max_waiting
        self._turn_s = turn_s
        self._lock = Lock()
        #: Key -> its items, each with the time at which it expires; the key served last is last.
        self._waiting: OrderedDict[str, dict[Item, float]] = OrderedDict()
        self._running: dict[Item, str] = {}

    def run(self, key: str, item: Item, until: float = inf) -> Item | None:
        """Run ``item``, then drain the queue while slots are free. Raises what ``act`` raises.

        If no slot is free, the item waits for another thread, until ``time.monotonic()`` reaches
        ``until``.

        Returns:
            An item taken from the queue that this thread did not run, as its turn is over: run it
            elsewhere.
        """
        over = monotonic() + self._turn_s
        taken = self._enter(key, item, until)
        while taken is not None:
            try:
                self._act(taken)
            finally:
                with self._lock:
                    del self._running[taken]
            if monotonic() >= over:
                break
            with self._lock:
                taken = self._take()
        return self._hand_on()

    def clear(self) -> None:
        """Drop all queued items."""
        with self._lock:
            self._waiting.clear()

    def _enter(self, key: str, item: Item, until: float) -> Item | None:
        """Queue the item and take the next one."""
        with self._lock:
            self._waiting.setdefault(key, {}).setdefault(item, until)
            taken = self._take()
            if sum(map(len, self._waiting.values())) > self._max_waiting:
                del self._waiting[key][item]  # the newest; without it the limit was kept
            return taken

    def _take(self) -> Item | None:
        if found := self._next():
            key, item = found
            self._running[item] = key
            return item
        return None

    def _hand_on(self) -> Item | None:
        with self._lock:
            found = self._next()
            return found[1] if found else None

    def _next(self) -> tuple[str, Item] | None:
        """Dequeue the next item that may run; return its key, too."""
        if len(self._running) >= self._total:
            return None
        busy, now = Counter(self._running.values()), monotonic()
        for key in list(self._waiting):
            if busy[key] >= self._per_key:
                continue
            queue = {item: until for item, until in self._waiting.pop(key).items() if until >= now}
            item = next((item for item in queue if item not in self._running), None)
            if item is None:
                if queue:
                    self._waiting[key] = queue
                continue
            del queue[item]
            if queue:
                self._waiting[key] = queue
            return key, item
        return None
