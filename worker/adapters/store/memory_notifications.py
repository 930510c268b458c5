"""The store in memory: notifications on their way."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from worker.adapters.store import NotificationPage
from worker.adapters.store.memory_base import MemoryBase
from worker.adapters.store.places import read_cursor, write_cursor
from worker.domain.notifications import DeliveryState, Notification


class MemoryNotifications(MemoryBase):
    """The part of ``worker.adapters.store.Store`` that is about notifications."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._notifications: dict[str, Notification] = {}
        self._lines: dict[str, list[str]] = defaultdict(list)
        self._outbox: dict[str, float] = {}  #: when to try, of the first of each line

    def claim_notifications(self, now: float, limit: int, lease_s: float) -> list[Notification]:
        with self._lock:
            due = sorted((at, i) for i, at in self._outbox.items() if at <= now)[:limit]
            self._outbox.update((i, now + lease_s) for _, i in due)
            return [self._notifications[i] for _, i in due]

    def notification(self, notification_id: str) -> Notification | None:
        return self._notifications.get(notification_id)

    def settle_notification(self, one: Notification, now: float) -> bool:
        with self._lock:
            was = self._notifications.get(one.id)
            if was is None or was.version != one.version:
                return False
            self._notifications[one.id] = replace(one, version=one.version + 1)
            if one.state is not DeliveryState.WAITING:
                if was.state is DeliveryState.WAITING:
                    self._take_off(one, now)
            elif was.state is not DeliveryState.WAITING:
                self._send_off(one, one.due_at or now)
            elif one.id in self._outbox:
                self._outbox[one.id] = one.due_at or now
            return True

    def list_notifications(
        self, state: DeliveryState | None, limit: int, cursor: str | None = None
    ) -> NotificationPage:
        top = read_cursor(cursor) if cursor else (float("inf"), "")
        wanted = [n for n in self._notifications.values() if state in (None, n.state)]
        newest = sorted(wanted, key=lambda n: (n.created_at, n.id), reverse=True)
        found = [one for one in newest if (one.created_at, one.id) < top]
        more = len(found) > limit
        page = tuple(found[:limit])
        return NotificationPage(page, write_cursor(page[-1]) if more else None)

    def _tell(self, one: Notification) -> None:
        self._notifications[one.id] = replace(one, version=1)
        self._send_off(one, one.created_at)

    def _send_off(self, one: Notification, due: float) -> None:
        self._lines[one.line].append(one.id)
        if self._lines[one.line] == [one.id]:
            self._outbox[one.id] = due

    def _take_off(self, one: Notification, now: float) -> None:
        line = self._lines[one.line]
        line.remove(one.id)
        self._outbox.pop(one.id, None)
        if line:
            self._outbox[line[0]] = now
