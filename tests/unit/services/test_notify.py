"""Telling a receiver: signed, bounded, and again under the same id until it took it."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from config.broker_urls import Broker
from tests.support.jobs import NOW, a_job, capacity
from tests.support.openapi import check_message
from tests.support.processes import wait_for
from tests.support.rawserver import Script, http, says, serving
from tests.support.shell import Shell
from tests.support.spans import Collected
from worker.adapters.messaging.broker import CeleryMessages, make_celery
from worker.adapters.store import Batch
from worker.domain.destinations import Destinations
from worker.domain.errors import BrokerUnavailable, NotFound
from worker.domain.job import Job, Status
from worker.domain.job_spec import Notify
from worker.domain.notifications import (
    DeliveryState,
    Failure,
    Notification,
    Outbox,
    Topic,
    announce,
    destination_of,
    failed,
)
from worker.domain.result import JobError
from worker.services import notify as module
from worker.services.notify import Deliveries, Notifier, Signer
from worker.services.sweep import Sweep

NEW = "whsec_" + "bmV3" * 10
OLD = "whsec_" + "b2xk" * 10
BATCH = "b" * 32
OK = says(http(status="204 No Content"))


class Messages:
    """Celery tasks that were sent, or the broker's trouble."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None, str, Mapping[str, Any]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.trouble: BrokerUnavailable | None = None
        self.meanwhile: Iterator[Callable[[], None]] = iter(())

    def send(
        self,
        task: str,
        queue: str | None,
        message_id: str,
        event: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> None:
        if self.trouble:
            raise self.trouble
        check_message(event)
        for act in self.meanwhile:
            act()
        self.sent.append((task, queue, message_id, event))
        self.headers.append(headers)


class Telling(Shell):
    """A shell whose notifications are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = Messages()
        self.notifier = self.a_notifier()
        self.deliveries = Deliveries(self.orchestrator)
        self.sweep = Sweep(self.orchestrator, self.wakeups)

    def a_notifier(self, hosts: Sequence[str] = ("127.0.0.1",)) -> Notifier:
        """As another process has it."""
        signer = Signer([NEW, OLD])
        celery = Destinations(queues=("shop", "celery", "unacked"))
        return Notifier(
            self.orchestrator, self.wakeups, self.messages, signer, hosts, celery=celery
        )

    def tell(self, target: Notify, **fields: Any) -> Notification:
        """A job has failed, and that is to be told."""
        before = self.put(a_job(**fields))
        job, outbox = announce(before, replace(before, status=Status.FAILED), target, self.now)
        self.store.jobs.commit(job, capacity=capacity(9), outbox=outbox, now=self.now)
        told = [*outbox.told, *([outbox.finished] if outbox.finished else [])]
        return self.one(told[0].id)

    def one(self, notification_id: str) -> Notification:
        return self.deliveries.find(notification_id)

    def run(self) -> None:
        """What the sweep wakes for, once."""
        self.sweep.run()
        woken = [each[1] for each in self.wakeups.sent if each[0] == "notify"]
        self.wakeups.sent.clear()
        for notification_id in woken:
            self.notifier.send(notification_id)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Telling:
    monkeypatch.setattr(module, "DEADLINE_S", 0.5)
    return Telling()


def hook(port: int, *topics: str) -> Notify:
    return Notify(topics or ("job.failed",), url=f"http://127.0.0.1:{port}/hook?for=me")


@contextmanager
def receiver(*scripts: Script) -> Iterator[tuple[int, list[bytes]]]:
    """A receiver's port, and all that it was sent, each request whole."""
    asked: list[bytes] = []

    def whole(script: Script) -> Script:
        def serve(sock: socket.socket, request: bytes) -> None:
            head, _, body = request.partition(b"\r\n\r\n")
            left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
            while left > 0 and (piece := sock.recv(left)):
                request, left = request + piece, left - len(piece)
            asked.append(request)
            script(sock, request)

        return serve

    with serving(*map(whole, scripts)) as (port, _):
        yield port, asked
    for request in asked:
        check_message(json.loads(parts(request)[1]))


def told(shell: Telling, *scripts: Script) -> tuple[Notification, list[bytes]]:
    with receiver(*scripts) as (port, asked):
        one = shell.tell(hook(port))
        shell.run()
        return shell.one(one.id), asked


def parts(request: bytes) -> tuple[dict[str, str], str]:
    head, _, body = request.decode().partition("\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.split("\r\n")[1:])
    return {name.lower(): value for name, value in lines}, body


def test_a_receiver_is_told_once_and_its_2xx_ends_it(shell: Telling) -> None:
    one, asked = told(shell, OK)
    assert one.state is DeliveryState.DELIVERED
    assert [each.outcome for each in one.tries] == ["204"]
    assert asked[0].startswith(b"POST /hook?for=me HTTP/1.1\r\n")
    shell.run()
    assert len(asked) == 1


def test_what_is_told_is_the_record_in_the_form_of_standard_webhooks(shell: Telling) -> None:
    with receiver(OK) as (port, asked):
        error = JobError("moderated", "no \x00 such \N{SNOWMAN} \N{PENCIL}\N{UNICORN FACE}")
        one = shell.tell(hook(port), error=error, metadata={"order": 7})
        shell.now += 60
        shell.run()
    headers, body = parts(asked[0])
    event = json.loads(body)
    assert event["type"] == "job.failed"
    assert datetime.fromisoformat(event["timestamp"]).timestamp() == NOW
    assert event["data"]["id"] == one.subject
    assert event["data"]["metadata"] == {"order": 7}
    assert event["data"]["error"]["code"] == "moderated"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == one.id


def test_each_secret_signs_so_that_a_receiver_may_know_either(shell: Telling) -> None:
    shell.now = time.time()  # the library looks at the clock
    _, asked = told(shell, OK)
    headers, body = parts(asked[0])
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(body, headers)["type"] == "job.failed"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "eHl6" * 10).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body + " ", headers)


def hangs(sock: socket.socket, _: bytes) -> None:
    sock.recv(1)


def drips(sock: socket.socket, _: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" * 1000:
        sock.sendall(bytes([byte]))
        threading.Event().wait(0.05)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says(http(status="500 Internal Server Error")), "500"),
        (says(http(status="404 Not Found")), "404"),
        (says(http(status="302 Found", Location="http://127.0.0.1:1/")), "302: it redirects"),
        (says(b"HTTP/1.1 20"), "did not deliver"),
        (says(b""), "did not deliver"),
        (hangs, "did not answer in time"),
        (drips, "did not answer in time"),
    ],
)
def test_a_receiver_that_does_not_take_it_is_told_again_later(
    shell: Telling, script: Script, reason: str
) -> None:
    one, asked = told(shell, script)
    assert one.state is DeliveryState.WAITING
    assert one.failures == 1
    assert reason in one.tries[0].outcome
    assert one.due_at == shell.now + 5
    assert len(asked) == 1


@pytest.mark.parametrize(
    "script",
    [
        says(http(b"half of i", Content_Length="4000")),
        says(http(b"x" * 10_000_000)),
    ],
    ids=["dies in its answer", "a huge answer"],
)
def test_the_status_line_is_the_answer_whatever_comes_after_it(
    shell: Telling, script: Script
) -> None:
    one, _ = told(shell, script)
    assert one.state is DeliveryState.DELIVERED


@pytest.mark.parametrize("place", ["https://localhost", "http://127.0.0.1", "https://[::1]"])
def test_nothing_is_sent_to_this_machine_unless_it_is_allowed(shell: Telling, place: str) -> None:
    shell.notifier = shell.a_notifier(hosts=())
    with serving(says(http())) as (port, asked):
        one = shell.tell(Notify(("job.failed",), url=f"{place}:{port}/hook"))
        shell.run()
    after = shell.one(one.id)
    assert (after.state, after.failures) == (DeliveryState.WAITING, 1)  # it may be allowed yet
    assert re.search("not a public address|plain http is not allowed", after.tries[0].outcome)
    assert asked == []


def test_a_receiver_that_is_gone_is_told_no_more(shell: Telling) -> None:
    one, _ = told(shell, says(http(status="410 Gone")))
    assert (one.state, one.due_at) == (DeliveryState.DEAD, None)


def test_what_failed_is_told_again_under_the_same_id(shell: Telling) -> None:
    with receiver(says(http(status="503 Busy")), OK) as (port, asked):
        one = shell.tell(hook(port))
        shell.run()
        shell.now += 4
        shell.run()
        assert len(asked) == 1
        shell.now += module.CLAIM_S
        shell.run()
    assert [parts(each)[0]["webhook-id"] for each in asked] == [one.id, one.id]
    assert [each.outcome for each in shell.one(one.id).tries] == ["503", "204"]


def test_a_death_between_sending_and_writing_it_down_is_told_again_under_the_same_id(
    shell: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    def die(*_: Any) -> bool:
        raise Died

    with receiver(OK) as (port, asked):
        one = shell.tell(hook(port))
        with monkeypatch.context() as patch:
            patch.setattr(shell.store.outbox, "settle", die)
            with pytest.raises(Died):
                shell.run()
        shell.run()
        assert len(asked) == 1, "claimed"
        shell.now += module.CLAIM_S
        shell.run()
    assert [parts(each)[0]["webhook-id"] for each in asked] == [one.id, one.id]


def test_an_address_that_is_not_allowed_any_more_is_not_told(shell: Telling) -> None:
    one = shell.tell(Notify(("job.failed",), url="http://10.0.0.1/hook"))
    shell.run()
    assert "plain http is not allowed on 10.0.0.1" in shell.one(one.id).tries[0].outcome


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (Notify(("job.failed",), celery_task="t", queue="unacked"), "kombu keeps for itself"),
        (Notify(("job.failed",), celery_task="hookline.notify"), "a task of Hookline's own"),
        (Notify(("job.failed",), celery_task="t", queue="other"), "HOOKLINE_NOTIFY_QUEUES"),
    ],
)
def test_a_target_of_other_days_is_given_up_at_once(
    shell: Telling, target: Notify, reason: str
) -> None:
    one = shell.tell(target)
    for times in (1, 2):
        shell.run()
        found = shell.one(one.id)
        assert (found.state, found.due_at, len(found.tries)) == (DeliveryState.DEAD, None, times)
        assert reason in found.tries[-1].outcome
        shell.deliveries.replay(one.id)
    assert shell.messages.sent == []


def test_a_celery_task_is_sent_with_the_same_event(shell: Telling) -> None:
    one = shell.tell(Notify(("job.failed",), celery_task="shop.ready", queue="shop"))
    shell.run()
    [(task, queue, message_id, event)] = shell.messages.sent
    assert (task, queue, message_id) == ("shop.ready", "shop", one.id)
    assert event["data"]["id"] == one.subject
    assert shell.one(one.id).state is DeliveryState.DELIVERED


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_callers_trace_comes_back_to_it(shell: Telling) -> None:
    with receiver(OK) as (port, asked):
        shell.tell(hook(port, "job.failed"), traceparent=TRACEPARENT)
        shell.tell(hook(port, "pipeline.finished"), traceparent=TRACEPARENT)
        shell.tell(
            Notify(("job.failed",), celery_task="a.b", queue="shop"), traceparent=TRACEPARENT
        )
        shell.run()
    given = [parts(request)[0]["traceparent"] for request in asked]
    assert given == [TRACEPARENT] * 2
    assert shell.messages.headers == [{"traceparent": TRACEPARENT}]


def test_without_one_a_receiver_gets_ours_if_there_is_one(shell: Telling) -> None:
    shell.tell(Notify(("job.failed",), celery_task="a.b", queue="shop"))
    shell.run()
    shell.orchestrator.traces = traces = Collected()
    one = shell.tell(Notify(("job.failed",), celery_task="a.b", queue="shop"))
    shell.run()
    [span] = [span for span in traces.spans if span.name == "notify job.failed"]
    assert (span.id.trace, span.parent) == (one.subject, one.subject[:16])
    assert shell.messages.headers == [{}, {"traceparent": span.id.traceparent}]


def test_a_task_comes_to_the_callers_queue_and_not_to_ours() -> None:
    app = make_celery(Broker("memory://", {}))
    messages = CeleryMessages(app)
    messages.send("shop.ready", "shop", "msg_1", {"type": "job.failed"})
    messages.send("shop.ready", None, "msg_2", {"type": "job.failed"})
    with app.connection_for_read() as connection:
        for queue, message_id in (("shop", "msg_1"), ("celery", "msg_2")):
            message = connection.SimpleQueue(queue).get(block=False)
            assert message.headers["task"] == "shop.ready"
            assert message.headers["id"] == message.properties["correlation_id"] == message_id
            args, kwargs, _ = message.payload
            assert (args, kwargs) == ([], {"event": {"type": "job.failed"}})


def test_a_broker_that_cannot_be_reached_is_told_without_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("redis://:a-password@127.0.0.1:9/0 refuses")

    app = make_celery(Broker("memory://", {}))
    monkeypatch.setattr(app, "send_task", refuse)
    with pytest.raises(BrokerUnavailable) as caught:
        CeleryMessages(app).send("shop.ready", None, "msg_1", {})
    assert str(caught.value) == "the broker fails: ConnectionError"


def test_a_broker_that_is_away_is_tried_again(shell: Telling) -> None:
    shell.messages.trouble = BrokerUnavailable("the broker fails: OperationalError")
    one = shell.tell(Notify(("job.failed",), celery_task="shop.ready"))
    shell.run()
    assert shell.one(one.id).tries[0].outcome == "the broker fails: OperationalError"
    shell.messages.trouble = None
    shell.now += module.CLAIM_S
    shell.run()
    assert shell.one(one.id).state is DeliveryState.DELIVERED


def test_a_pipeline_is_told_with_its_jobs_unless_they_are_too_many(
    shell: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Notify(("pipeline.finished",), celery_task="t")
    root = shell.tell(target).subject
    shell.run()
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    large = shell.tell(target).subject
    shell.run()
    events = [event for *_, event in shell.messages.sent]
    assert [event["data"]["id"] for event in events] == [root, large]
    assert [job["id"] for job in events[0]["data"]["jobs"]] == [root]
    assert events[1]["data"]["jobs"] is None
    assert events[1]["data"]["counts"]["total"] == 1


def test_the_end_of_a_batch_is_told_as_the_batch(shell: Telling) -> None:
    target = Notify(("batch.finished",), celery_task="t")
    shell.store.batches.open(Batch(BATCH, "cats", NOW, notify=target))
    shell.put(a_job(batch_id=BATCH, status=Status.FAILED))
    shell.store.batches.close(BATCH, shell.now)
    shell.run()
    [(_, _, message_id, event)] = shell.messages.sent
    assert message_id == f"msg_{BATCH}-1"
    assert (event["data"]["name"], event["data"]["status"]) == ("cats", "finished")


@pytest.mark.parametrize("topic", [Topic.JOB_FAILED, Topic.PIPELINE_FINISHED, Topic.BATCH_FINISHED])
def test_what_is_about_something_that_was_deleted_is_dropped(shell: Telling, topic: Topic) -> None:
    target = Notify((topic.value,), celery_task="t")
    one = Notification("msg_1", topic.value, "gone", "gone", target, NOW, due_at=NOW)
    shell.store.jobs.commit(a_job(), capacity=capacity(9), outbox=Outbox((one,)), now=shell.now)
    shell.run()
    dead = shell.one("msg_1")
    assert (dead.state, dead.tries[0].outcome) == (DeliveryState.DEAD, "gone is there no more")
    assert not shell.messages.sent


def test_a_wake_up_that_comes_late_or_twice_sends_nothing(shell: Telling) -> None:
    with receiver(says(http(status="500 No"))) as (port, asked):
        one = shell.tell(hook(port))
        shell.run()
        shell.notifier.send(one.id)
        shell.notifier.send("msg_nobody")
    assert len(asked) == 1


def test_a_hanging_receiver_takes_two_places_and_keeps_nobody_waiting(shell: Telling) -> None:
    let_go = threading.Event()

    def waits(sock: socket.socket, _: bytes) -> None:
        let_go.wait(10)
        sock.sendall(http(status="200 OK"))

    with receiver(waits) as (port, asked):
        held = [shell.tell(hook(port)) for _ in range(5)]
        module.DEADLINE_S = 10.0
        threads = [threading.Thread(target=shell.notifier.send, args=(n.id,)) for n in held]
        for thread in threads:
            thread.start()
        wait_for(
            lambda: sum(thread.is_alive() for thread in threads) <= module.PER_DESTINATION,
            "the threads without a place to leave",
        )
        other = shell.tell(Notify(("job.failed",), celery_task="t"))
        shell.notifier.send(other.id)
        assert shell.one(other.id).state is DeliveryState.DELIVERED
        let_go.set()
        for thread in threads:
            thread.join(10)
        assert len(asked) == 5, "those that waited were sent by the threads that had places"


def test_a_thread_lets_others_have_what_still_waits_after_its_turn(
    shell: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_S", 0.0)
    notifier = shell.a_notifier()
    ids = [shell.tell(Notify(("job.failed",), celery_task="t")).id for _ in range(4)]
    shell.wakeups.sent.clear()
    shell.messages.meanwhile = iter([partial(notifier.send, each) for each in ids[1:]])
    notifier.send(ids[0])
    sent = [message_id for *_, message_id, _ in shell.messages.sent]
    handed_on = [args[1] for args in shell.wakeups.sent if args[0] == "notify"]
    assert sorted(sent + handed_on) == sorted(ids)
    assert handed_on


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (Notify((), url="https://App.example:8443/x?y=z"), "app.example"),
        (Notify((), celery_task="t", queue="shop"), "queue shop"),
        (Notify((), celery_task="t"), "queue celery"),
    ],
)
def test_a_receiver_is_a_host_or_a_queue(target: Notify, name: str) -> None:
    assert destination_of(target) == name


def a_dead_one(shell: Telling, target: Notify, **fields: Any) -> Notification:
    one = shell.tell(target, **fields)
    dead = failed(one, shell.now, Failure("410", final=True))
    assert shell.store.outbox.settle(dead, shell.now)
    return shell.one(one.id)


def test_a_dead_letter_is_replayed(shell: Telling) -> None:
    dead = a_dead_one(shell, Notify(("job.failed",), celery_task="t"))
    assert shell.deliveries.dead() == [dead.id]
    waiting = shell.deliveries.replay(dead.id)
    assert (waiting.state, waiting.failures, len(waiting.tries)) == (DeliveryState.WAITING, 0, 1)
    shell.run()
    assert shell.one(dead.id).state is DeliveryState.DELIVERED
    assert shell.deliveries.dead() == []
    with pytest.raises(NotFound):
        shell.deliveries.replay("msg_nobody")


def test_all_dead_letters_are_found_the_oldest_first(shell: Telling) -> None:
    ids = []
    for _ in range(205):
        shell.now += 1
        ids.append(a_dead_one(shell, Notify(("job.failed",), celery_task="t")).id)
    progress = Notify(("job.progress",), celery_task="t")
    news = Notification("msg_p", "job.progress", "j", "j", progress, shell.now, due_at=shell.now)
    shell.store.jobs.commit(a_job(), capacity=capacity(9), outbox=Outbox((news,)), now=shell.now)
    shell.store.outbox.settle(failed(news, shell.now, Failure("500")), shell.now)
    assert shell.deliveries.dead() == ids


@pytest.fixture(autouse=True)
def _deadline_restored() -> Iterator[None]:
    before = module.DEADLINE_S
    yield
    module.DEADLINE_S = before


def test_the_job_that_is_told_of_is_as_it_is_then(shell: Telling) -> None:
    one = shell.tell(Notify(("job.failed",), celery_task="t"))
    job: Job = shell.orchestrator.job(one.subject)
    shell.put(replace(job, status=Status.QUEUED))
    shell.run()
    [(*_, event)] = shell.messages.sent
    assert (event["type"], event["data"]["status"]) == ("job.failed", "queued")
