"""Notifications: those to be sent, and those delivered or dead."""

from collections.abc import Sequence
from dataclasses import replace

from worker.adapters.store import NotificationPage, codec
from worker.adapters.store.base import Part
from worker.adapters.store.places import write_cursor
from worker.domain.notifications import DeliveryState, Notification


class OutboxStore(Part):
    """Notifications are written by commits; those of one ordering key are sent one by one.

    Every method raises ``StoreUnavailable`` when Redis does not answer.
    """

    def claim(self, now: float, limit: int, lease_s: float) -> list[Notification]:
        """The notifications that are due by ``now``; only the first of each ordering key.

        Their due time moves by ``lease_s``, so that no other process sends them meanwhile.
        """
        docs = self._claim("outbox", "notification", now, limit, lease_s)
        return [codec.notifications.load(doc) for doc in docs]

    def get(self, notification_id: str) -> Notification | None:
        """The notification, or None."""
        [doc] = self._docs("notification", [notification_id])
        return codec.notifications.load(doc) if doc else None

    def get_many(self, notification_ids: Sequence[str]) -> list[Notification]:
        """The notifications that exist, in the order of ``notification_ids``."""
        docs = self._docs("notification", notification_ids)
        return [codec.notifications.load(doc) for doc in docs if doc]

    def settle(self, one: Notification, now: float, counted: str = "") -> bool:
        """Write ``one`` as the successor of its ``version``; False if another process was first.

        ``counted``: the field of the metrics that counts it.

        Once it is over, the next of its ordering key is due; one that is requeued goes to the end.
        """
        one = replace(one, version=one.version + 1)
        due = "" if one.due_at is None else repr(one.due_at)
        doc = codec.notifications.dump(one)
        args = (repr(now), one.id, one.version, one.state.value, due, doc, counted)
        return bool(self._run("settle_notification", *args))

    def page(
        self,
        state: DeliveryState | None,
        limit: int,
        cursor: str | None = None,
        *,
        tenant: str | None = None,
    ) -> NotificationPage:
        """Newest first. Raises ``InvalidRequest`` for an invalid cursor.

        ``tenant``: only this one's; with a state a page may be short although it has a ``cursor``.
        """
        if tenant is not None:
            return self._page_of(tenant, state, limit, cursor)
        ids, _ = self._listed("notifications" + (f":{state}" if state else ""), cursor)
        docs = self._docs("notification", ids[: limit + 1])
        found = tuple(codec.notifications.load(doc) for doc in docs if doc)
        more = len(found) > limit
        return NotificationPage(found[:limit], write_cursor(found[limit - 1]) if more else None)

    def _page_of(
        self, tenant: str, state: DeliveryState | None, limit: int, cursor: str | None
    ) -> NotificationPage:
        ids, more = self._listed(f"tenant_notifications:{tenant}", cursor)
        found: list[Notification] = []
        last: Notification | None = None
        for doc in filter(None, self._docs("notification", ids)):
            if len(found) == limit:
                return NotificationPage(tuple(found), write_cursor(found[-1]))
            last = codec.notifications.load(doc)
            if state in (None, last.state):
                found.append(last)
        return NotificationPage(tuple(found), write_cursor(last) if last and more else None)

    def forget(self, before: float, limit: int) -> int:
        """Remove up to ``limit`` per state that are over and older than ``before``; how many."""
        return int(self._run("forget_notifications", repr(before), limit))
