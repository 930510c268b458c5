"""SHELL. Delivers notifications to callers' programs: as a signed webhook, or a Celery task.

The sweep claims due notifications and sends a Celery task for each. The body is made from the
records at that time. A worker that dies before it records the delivery leaves a claim that expires:
the notification is sent again with the same id, so delivery is at least once.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Any, Protocol

from standardwebhooks import Webhook

from config.logger import get_logger
from config.proxies import DIRECT, Proxies
from worker.adapters.http import safe
from worker.adapters.http.deadline import within
from worker.adapters.limiter import Limiter
from worker.adapters.store.store import Store
from worker.domain.access import OPERATOR, Caller, acting_for
from worker.domain.destinations import ANYWHERE, Destinations
from worker.domain.errors import Conflict, HooklineError, InvalidRequest, NotFound
from worker.domain.job import Job
from worker.domain.metrics import Counts, Metrics
from worker.domain.notifications import (
    DeliveryState,
    Failure,
    Notification,
    Topic,
    delivered,
    destination_of,
    failed,
    replayed,
)
from worker.domain.tracing import id_of_try, span_of_try
from worker.domain.wakeups import Wakeups
from worker.services.orchestrator import Orchestrator
from worker.services.reports import answers
from worker.services.reports.batch_overview import report
from worker.services.visible import Visible

log = get_logger(__name__)

#: Seconds for a whole delivery; Svix allows as much.
DEADLINE_S = 15.0
#: Seconds that a sweep's claim lasts: longer than waiting for a place and sending.
CLAIM_S = 60.0
#: Concurrent deliveries per process, and per destination.
AT_ONCE = 6
PER_DESTINATION = 2
#: Notifications that may wait for a place; others are due again when their claim ends.
MAX_WAITING = 2000
#: Seconds that a thread spends on waiting notifications before it hands them on.
TURN_S = 10.0
#: Bytes read of a response, so that the receiver is not cut off while writing it.
_ANSWER_BYTES = 4096
#: A larger pipeline is sent without its jobs: receivers refuse large bodies.
MAX_BYTES = 256 * 1024
#: Tries of a replay against concurrent changes.
_REPLAY_TRIES = 5


class Messages(Protocol):
    """Celery tasks of other programs, see ``worker.adapters.messaging.broker``."""

    def send(
        self,
        task: str,
        queue: str | None,
        message_id: str,
        event: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> None:
        """Send it. Raises ``BrokerUnavailable``."""


class Signer:
    """Signs as https://www.standardwebhooks.com says, once per secret."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]

    def headers(self, message_id: str, now: float, body: str) -> dict[str, str]:
        """The headers for ``body``; ``now``: seconds since the epoch."""
        at = datetime.fromtimestamp(int(now), UTC)
        signatures = [each.sign(message_id, at, body) for each in self._webhooks]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": " ".join(signatures),
        }


class Notifier:
    """Sends notifications. ``hosts`` may be private, and reached by plain http.

    ``celery``: the Celery tasks and queues that may be notified.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        wakeups: Wakeups,
        messages: Messages,
        signer: Signer,
        hosts: Collection[str] = (),
        *,
        celery: Destinations = ANYWHERE,
        proxies: Proxies = DIRECT,
    ) -> None:
        self._celery = celery
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._wakeups = wakeups
        self._messages = messages
        self._signer = signer
        self._hosts = frozenset(hosts)
        self._proxies = proxies
        self._limiter = Limiter(
            self._send,
            per_key=PER_DESTINATION,
            total=AT_ONCE,
            max_waiting=MAX_WAITING,
            turn_s=TURN_S,
        )

    def send(self, notification_id: str) -> None:
        """Send it, then others that wait, while places are free.

        With no place free it waits for a thread in this process, at most until its claim ends.
        """
        one = self._waiting(notification_id)
        if one is None:
            return
        until = monotonic() + CLAIM_S - 1.5 * DEADLINE_S
        if left := self._limiter.run(destination_of(one.target), one.id, until):
            # A worker that shuts down waits for its threads, so no thread may run on.
            self._wakeups.notify(left)

    def _send(self, notification_id: str) -> None:
        one = self._waiting(notification_id)
        if one is None:  # another process was first
            return
        began, (event, about) = self._orchestrator.clock(), self._event(one)
        caller = about.spec.traceparent if about else None
        outcome = self._try(one, event, self._traced(one, began, caller))
        now = self._orchestrator.clock()
        if traces := self._orchestrator.traces:
            why = outcome.reason if isinstance(outcome, Failure) else None
            traces.send([span_of_try(one, began, now, why, caller)])
        if isinstance(outcome, str):
            self._settle(delivered(one, now, outcome), now, "delivered")
            log.debug("notification.delivered", notification_id=one.id, outcome=outcome)
            return
        after = failed(one, now, outcome)
        self._settle(after, now, "dead" if after.state is DeliveryState.DEAD else "failed")
        log.warning(
            "notification.not_delivered",
            notification_id=one.id,
            destination=destination_of(one.target),
            reason=outcome.reason,
            state=after.state.value,
        )

    def _settle(self, one: Notification, now: float, outcome: str) -> None:
        [counted] = Counts.of(Metrics.NOTIFICATIONS, one.topic, outcome)
        self._store.outbox.settle(one, now, counted)

    def _waiting(self, notification_id: str) -> Notification | None:
        """The notification, if it is due: a wake-up may be late or repeated."""
        one = self._store.outbox.get(notification_id)
        if one is None or one.state is not DeliveryState.WAITING or one.due_at is None:
            return None
        return one if one.due_at <= self._orchestrator.clock() else None

    def _traced(self, one: Notification, began: float, caller: str | None) -> dict[str, str]:
        """The header that lets the receiver go on with its own trace, or else with ours."""
        traces = self._orchestrator.traces
        if caller is None and traces and traces.samples(one.ordering_key):
            caller = id_of_try(one, began).traceparent
        return {"traceparent": caller} if caller else {}

    def _try(
        self, one: Notification, event: answers.Message | None, headers: Mapping[str, str]
    ) -> str | Failure:
        """Send it; return the outcome in words, or the failure."""
        if event is None:
            return Failure(f"{one.subject} is there no more", final=True)
        try:
            if one.target.celery_task:
                self._celery.check(one.target)  # it may have been stored under other rules
                queue = one.target.queue
                task = one.target.celery_task
                self._messages.send(task, queue, one.id, event.to_dict(), headers)
                return "sent"
            return self._post(one, event, headers)
        except InvalidRequest as error:
            return Failure(str(error), final=True)
        except HooklineError as error:
            return Failure(str(error))

    def _post(
        self, one: Notification, event: answers.Message, more: Mapping[str, str]
    ) -> str | Failure:
        body = event.to_json()
        headers = {
            **more,
            "Content-Type": "application/json",
            "User-Agent": "hookline",
            **self._signer.headers(one.id, self._orchestrator.clock(), body),
        }
        with (
            within(DEADLINE_S),
            safe.exchange(
                "POST",
                one.target.url or "",
                allowed_hosts=self._hosts,
                headers=headers,
                body=body.encode(),
                proxies=self._proxies,
            ) as response,
        ):
            # Only the status line counts, even if the body breaks off.
            with suppress(OSError, HTTPException):
                response.read(_ANSWER_BYTES)
            return _verdict(response)

    def _event(self, one: Notification) -> tuple[answers.Message | None, Job | None]:
        """The message, and the job whose caller gets it; None when its subject was deleted."""
        accounts = self._orchestrator.accounts
        if one.alert is not None:
            return answers.AlertMessage.of(one, answers.Alert.model_validate(one.alert)), None
        if one.topic == Topic.REQUEST_REFUSED:
            refusal = self._store.refusals.get(one.subject)
            if refusal is None:
                return None, None
            return answers.RefusedMessage.of(one, answers.Refused.model_validate(refusal)), None
        if one.topic == Topic.BATCH_FINISHED:
            batch = self._store.batches.get(one.subject)
            if batch is None:
                return None, None
            return answers.BatchMessage.of(one, report(self._store, batch)), None
        if one.topic == Topic.PIPELINE_FINISHED:
            try:
                pipeline = Visible(self._store, acting_for(one.tenant)).pipeline(one.subject)
            except NotFound:
                return None, None
            whole = answers.ToldPipeline.of(pipeline, accounts)
            fits = len(whole.to_json()) <= MAX_BYTES
            shown = whole if fits else whole.model_copy(update={"jobs": None})
            return answers.PipelineMessage.of(one, shown), pipeline.jobs[0]
        job = self._store.jobs.get(one.subject)
        return (answers.JobMessage.of(one, answers.Job.of(job, accounts)) if job else None), job


class Deliveries:
    """Deliveries as callers see them: find, replay."""

    def __init__(self, orchestrator: Orchestrator, caller: Caller = OPERATOR) -> None:
        self._orchestrator = orchestrator
        self._store: Store = orchestrator.store
        self._visible = Visible(orchestrator.store, caller)
        self._clock = orchestrator.clock

    def acting_for(self, caller: Caller) -> "Deliveries":
        """The same for this caller, who sees its own."""
        return Deliveries(self._orchestrator, caller)

    def find(self, notification_id: str) -> Notification:
        """The notification. Raises ``NotFound``."""
        return self._visible.delivery(notification_id)

    def replay(self, notification_id: str) -> Notification:
        """Requeue the notification, even if it was delivered or is dead. Raises ``NotFound``."""
        for _ in range(_REPLAY_TRIES):  # it may be in progress
            now = self._clock()
            if self._store.outbox.settle(replayed(self.find(notification_id), now), now):
                return self.find(notification_id)
        raise Conflict("The delivery is in progress; try again shortly.")

    def dead(self) -> list[str]:
        """The ids of dead notifications, oldest first, without progress, which is out of date."""
        ids, cursor = list[str](), None
        while True:
            page = self._store.outbox.page(DeliveryState.DEAD, 200, cursor)
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
