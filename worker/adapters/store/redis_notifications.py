"""The store in Redis: notifications on their way."""

from dataclasses import replace

import redis

from worker.adapters.store import NotificationPage, codec
from worker.adapters.store.places import write_cursor
from worker.adapters.store.redis_base import RedisBase
from worker.domain.notifications import DeliveryState, Notification


class RedisNotifications(RedisBase):
    """The part of ``worker.adapters.store.Store`` that is about notifications."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._settle_notification = self._script("settle_notification")

    def claim_notifications(self, now: float, limit: int, lease_s: float) -> list[Notification]:
        docs = self._claimed("outbox", "notification", now, limit, lease_s)
        return [codec.load_notification(doc) for doc in docs]

    def notification(self, notification_id: str) -> Notification | None:
        [found] = self._notifications([notification_id])
        return found

    def settle_notification(self, one: Notification, now: float) -> bool:
        one = replace(one, version=one.version + 1)
        due = "" if one.due_at is None else repr(one.due_at)
        doc = codec.dump_notification(one)
        args = [self._prefix, repr(now), one.id, one.version, one.state.value, due, doc]
        return bool(self._ask(self._settle_notification, args=args))

    def list_notifications(
        self, state: DeliveryState | None, limit: int, cursor: str | None = None
    ) -> NotificationPage:
        index = f"{self._prefix}notifications" + (f":{state}" if state else "")
        ids, _ = self._listed(index, cursor)
        found = [one for one in self._notifications(ids[: limit + 1]) if one]
        more = len(found) > limit
        return NotificationPage(
            tuple(found[:limit]), write_cursor(found[limit - 1]) if more else None
        )

    def _notifications(self, ids: list[str]) -> list[Notification | None]:
        pipe = self._redis.pipeline(transaction=False)
        for notification_id in ids:
            pipe.hget(f"{self._prefix}notification:{notification_id}", "doc")
        return [codec.load_notification(doc) if doc else None for doc in self._ask(pipe.execute)]
