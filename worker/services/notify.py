"""SHELL. Tells callers' programs what became of their jobs: by a signed webhook, or a Celery task.

The sweep claims what is due and wakes somebody for each. What is told is made of the records as
they are then. Whoever dies between sending and writing that down leaves a claim that ends: it is
sent again under the same id, so a receiver hears of everything at least once.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Any, Protocol

import structlog
from standardwebhooks import Webhook

from worker.adapters.http import safe
from worker.adapters.store.store import Store
from worker.domain.batch.progress import MOST_SHOWN
from worker.domain.errors import Conflict, HooklineError, NotFound
from worker.domain.notifications import (
    Failure,
    Notification,
    State,
    Topic,
    delivered,
    failed,
    replayed,
)
from worker.domain.wakeups import Wakeups
from worker.services import delivery_limits
from worker.services.delivery_limits import Lines, destination_of
from worker.services.orchestrator import Orchestrator
from worker.services.reports.batch_overview import report
from worker.services.reports.present import event_json, job_json, one_batch_json, pipeline_json

log = structlog.get_logger(__name__)

#: A thread goes on with what waits for so long, then lets others have it, in seconds.
_TURN_S = 10.0
#: Of an answer, so that a receiver is not cut off while it writes it.
_ANSWER_BYTES = 4096
#: A pipeline above this is told without its jobs: receivers refuse large bodies.
MAX_BYTES = 256 * 1024
#: How often a change by somebody else is answered by another look.
_LOOKS = 5


class Messages(Protocol):
    """Celery tasks of others, see ``worker.adapters.messaging.broker``."""

    def send(self, task: str, queue: str | None, message_id: str, event: Mapping[str, Any]) -> None:
        """Send it. Raises ``BrokerUnavailable``."""


class Signer:
    """Signs by https://www.standardwebhooks.com; with several secrets for each of them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]

    def headers(self, message_id: str, now: float, body: str) -> dict[str, str]:
        """What goes with ``body``; ``now``: seconds since the epoch."""
        at = datetime.fromtimestamp(int(now), UTC)
        signatures = [each.sign(message_id, at, body) for each in self._webhooks]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": " ".join(signatures),
        }


class Notifier:
    """Sends notifications. ``hosts`` may be private, and may speak plain http."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        wakeups: Wakeups,
        messages: Messages,
        signer: Signer,
        hosts: Collection[str] = (),
    ) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._wakeups = wakeups
        self._messages = messages
        self._signer = signer
        self._hosts = frozenset(hosts)
        self._lines = Lines()

    def send(self, notification_id: str) -> None:
        """Send it and whatever else waits, as far as there are places; never more than that.

        What finds no place waits here for another thread, and no longer than its claim.
        """
        one = self._waiting(notification_id)
        if one is None:
            return
        until = monotonic() + delivery_limits.CLAIM_S - 1.5 * delivery_limits.DEADLINE_S
        self._lines.join(destination_of(one.target), one.id, until)
        over = monotonic() + _TURN_S
        while monotonic() < over and (taken := self._lines.take()):
            receiver, next_id = taken
            try:
                self._send(next_id)
            finally:
                self._lines.leave(receiver, next_id)
        if left := self._lines.hand_on():
            # A worker that is told to end waits for its threads, so none of them goes on for ever.
            self._wakeups.notify(left)

    def _send(self, notification_id: str) -> None:
        one = self._waiting(notification_id)
        if one is None:  # somebody else was first
            return
        outcome = self._try(one)
        now = self._orchestrator.clock()
        if isinstance(outcome, str):
            self._store.outbox.settle(delivered(one, now, outcome), now)
            log.debug("told", notification=one.id, outcome=outcome)
            return
        after = failed(one, now, outcome)
        self._store.outbox.settle(after, now)
        log.warning(
            "not told",
            notification=one.id,
            receiver=destination_of(one.target),
            reason=outcome.reason,
            state=after.state.value,
        )

    def _waiting(self, notification_id: str) -> Notification | None:
        """The notification, if it is to be sent now: a wake-up may be late, or come twice."""
        one = self._store.outbox.get(notification_id)
        if one is None or one.state is not State.WAITING or one.due_at is None:
            return None
        return one if one.due_at <= self._orchestrator.clock() else None

    def _try(self, one: Notification) -> str | Failure:
        """The outcome in words, or why it failed."""
        event = self._event(one)
        if event is None:
            return Failure(f"{one.subject} is there no more", final=True)
        try:
            if one.target.celery_task:
                queue = one.target.queue
                self._messages.send(one.target.celery_task, queue, one.id, event)
                return "sent"
            return self._post(one, event)
        except HooklineError as error:
            return Failure(str(error))

    def _post(self, one: Notification, event: Mapping[str, Any]) -> str | Failure:
        body = _written(event)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "hookline",
            **self._signer.headers(one.id, self._orchestrator.clock(), body),
        }
        with safe.exchange(
            "POST",
            one.target.url or "",
            allowed_hosts=self._hosts,
            until=monotonic() + delivery_limits.DEADLINE_S,
            headers=headers,
            body=body.encode(),
        ) as response:
            # The status line is the answer; a body that breaks off changes nothing.
            with suppress(OSError, HTTPException):
                response.read(_ANSWER_BYTES)
            return _verdict(response)

    def _event(self, one: Notification) -> dict[str, Any] | None:
        """What is told; None where its subject was deleted meanwhile."""
        data = self._data(one)
        return None if data is None else event_json(one, data)

    def _data(self, one: Notification) -> dict[str, Any] | None:
        accounts = self._orchestrator.accounts
        if one.topic == Topic.BATCH_FINISHED:
            batch = self._store.batches.get(one.subject)
            if batch is None:
                return None
            return one_batch_json(report(self._store, batch, bad_rows=MOST_SHOWN))
        if one.topic == Topic.PIPELINE_FINISHED:
            pipeline = self._store.jobs.pipeline(one.subject)
            if pipeline is None:
                return None
            whole = pipeline_json(pipeline, accounts)
            return whole if len(_written(whole)) <= MAX_BYTES else {**whole, "jobs": None}
        job = self._store.jobs.get(one.subject)
        return None if job is None else job_json(job, accounts)


class Deliveries:
    """Notifications as people look at them."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._store: Store = orchestrator.store
        self._clock = orchestrator.clock

    def find(self, notification_id: str) -> Notification:
        """The notification. Raises ``NotFound``."""
        found = self._store.outbox.get(notification_id)
        if found is None:
            raise NotFound(f"There is no delivery {notification_id!r}.")
        return found

    def replay(self, notification_id: str) -> Notification:
        """Send it once more, whatever became of it; it, as it waits then. Raises ``NotFound``."""
        for _ in range(_LOOKS):  # it may be sent at this moment
            now = self._clock()
            if self._store.outbox.settle(replayed(self.find(notification_id), now), now):
                return self.find(notification_id)
        raise Conflict("It is being sent all the time; look at it again in a moment.")

    def dead(self) -> list[str]:
        """The ids of those that were given up, the oldest first, so that their order stays.

        News of progress are not among them: they are out of date.
        """
        ids, cursor = list[str](), None
        while True:
            page = self._store.outbox.page(State.DEAD, 200, cursor)
            ids += [one.id for one in page.notifications if one.topic != Topic.JOB_PROGRESS]
            if (cursor := page.cursor) is None:
                return ids[::-1]


def _verdict(response: HTTPResponse) -> str | Failure:
    status = response.status
    if 200 <= status < 300:
        return str(status)
    if 300 <= status < 400:
        return Failure(f"{status}: it redirects, and that is not followed")
    return Failure(str(status), final=status == HTTPStatus.GONE)


def _written(event: Mapping[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"))
