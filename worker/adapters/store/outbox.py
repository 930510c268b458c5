"""The notifications: those that are to be sent, and what became of the others."""

from dataclasses import replace

import redis

from worker.adapters.store import NotificationPage, codec
from worker.adapters.store.base import ClaimingPart
from worker.adapters.store.places import write_cursor
from worker.domain.notifications import DeliveryState, Notification


class OutboxStore(ClaimingPart):
    """Notifications are written by commits; those of one ordering key are sent one by one.

    Every method raises ``StoreUnavailable`` when Redis does not answer.
    """

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        super().__init__(client, prefix)
        self._settle = self._script("settle_notification")
        self._forget = self._script("forget_notifications")

    def claim(self, now: float, limit: int, lease_s: float) -> list[Notification]:
        """The notifications to be tried by ``now``; only the first of each ordering key.

        They are put off by ``lease_s``, so that nobody else sends them meanwhile.
        """
        docs = self._claimed("outbox", "notification", now, limit, lease_s)
        return [codec.load_notification(doc) for doc in docs]

    def get(self, notification_id: str) -> Notification | None:
        """The notification as it stands; None where there is none."""
        [doc] = self._docs("notification", [notification_id])
        return codec.load_notification(doc) if doc else None

    def settle(self, one: Notification, now: float) -> bool:
        """Write ``one`` as the successor of its ``version``; False where somebody else was first.

        When it is over, the next of its ordering key is due; one that waits again goes behind them.
        """
        one = replace(one, version=one.version + 1)
        due = "" if one.due_at is None else repr(one.due_at)
        doc = codec.dump_notification(one)
        args = [self._prefix, repr(now), one.id, one.version, one.state.value, due, doc]
        return bool(self._ask(self._settle, args=args))

    def page(
        self, state: DeliveryState | None, limit: int, cursor: str | None = None
    ) -> NotificationPage:
        """Newest first. Raises ``InvalidRequest`` for a cursor that is none of ours."""
        ids, _ = self._listed("notifications" + (f":{state}" if state else ""), cursor)
        docs = self._docs("notification", ids[: limit + 1])
        found = tuple(codec.load_notification(doc) for doc in docs if doc)
        more = len(found) > limit
        return NotificationPage(found[:limit], write_cursor(found[limit - 1]) if more else None)

    def forget(self, before: float, limit: int) -> int:
        """Remove some of those made by ``before`` that are over; how many."""
        return int(self._ask(self._forget, args=[self._prefix, repr(before), limit]))
