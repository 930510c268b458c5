"""At most so many at a time in this process: what is slow must not take all of its threads."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Limiter(Generic[Item]):
    """Runs ``act(item)`` for few items at a time: runs it now, else queues it, else drops it.

    Keys take turns, and the items of a key run in their order. An item waits once, however often it
    is asked for, and never runs twice at the same time.

    Args:
        act: what is done, in the thread that calls ``run``.
        per_key: items of one key at a time.
        total: items at a time in all.
        max_waiting: items that may wait for a place; what is above that is dropped.
        turn_s: after so many seconds a thread takes no further item.
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
        #: By key its items, each with the time at which it is dropped; the key served last is last.
        self._waiting: OrderedDict[str, dict[Item, float]] = OrderedDict()
        self._running: dict[Item, str] = {}

    def run(self, key: str, item: Item, until: float = inf) -> Item | None:
        """Run ``item``, then whatever else waits, while places are free. Raises what ``act`` does.

        An item without a place waits for another thread, until ``time.monotonic()`` is ``until``.

        Returns:
            An item that could run, but waits no longer, as this thread's turn is over: pass it on.
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
        """Drop what waits."""
        with self._lock:
            self._waiting.clear()

    def _enter(self, key: str, item: Item, until: float) -> Item | None:
        """Queue the item, and take the next one."""
        with self._lock:
            self._waiting.setdefault(key, {}).setdefault(item, until)
            taken = self._take()
            if sum(map(len, self._waiting.values())) > self._max_waiting:
                del self._waiting[key][item]  # the last that came; the others were few enough
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
        """The next item that may run, and its key; it waits no longer."""
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
