"""The tasks and the consumer of the Celery door, without a broker."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import kombu
import pytest
from celery import Celery, signals
from celery.exceptions import InvalidTaskError, Reject, Retry
from kombu.exceptions import ContentDisallowed, DecodeError, OperationalError

from tests.support.ports import free_port
from tests.support.web import Web
from worker.adapters.store import Filter
from worker.domain.errors import Conflict, HooklineError, InvalidRequest, StoreUnavailable
from worker.domain.job import Job, Status
from worker.domain.refusals import Refusal, RefusalReason
from worker.entrypoints.consumer import RefusingConsumer, keep_expired, sent_of
from worker.entrypoints.door import register_kinds

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Door:
    """The registered tasks over a real store."""

    def __init__(self, folder: Path) -> None:
        self.web = Web(folder)
        self.app = Celery("hookline", broker="memory://", set_as_current=False)
        register_kinds(self.app, self.web.services)

    def call(self, /, *args: Any, task: str = "hookline.imagine", **fields: Any) -> Any:
        """What a worker does with a message; the result of the task."""
        return self.app.tasks[task].apply(args=args, kwargs=fields, task_id="m1")

    def run(self, /, *args: Any, request: Mapping[str, Any], **fields: Any) -> Any:
        """Call the task alone, with what a worker knows of its message."""
        task = self.app.tasks["hookline.imagine"]
        task.push_request(id="m1", called_directly=False, is_eager=True, **request)
        try:
            return task.run(*args, **fields)
        finally:
            task.pop_request()

    def refused(self) -> list[Refusal]:
        return list(self.web.store.refusals.page(100).refusals)

    def jobs(self) -> list[Job]:
        return list(self.web.store.jobs.page(Filter(), 100).jobs)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_a_task_returns_the_id_of_its_job(door: Door) -> None:
    result = door.call(prompt="a cat")
    [job] = door.jobs()
    assert result.get() == job.id
    assert door.refused() == []


def test_a_message_that_comes_twice_is_one_job(door: Door) -> None:
    assert door.call(prompt="a cat").get() == door.call(prompt="a cat").get()
    assert len(door.jobs()) == 1


def test_a_key_is_the_same_at_every_door(door: Door) -> None:
    by_http, _ = door.web.services.enqueuer.submit({"kind": "imagine", "prompt": "a cat"}, key="18")
    assert door.call(prompt="a cat", job_key=18).get() == by_http.id


@pytest.mark.parametrize("header", [TRACEPARENT, 7, None])
def test_the_trace_of_a_message_is_kept(door: Door, header: Any) -> None:
    door.run(request={"traceparent": header}, prompt="a cat")
    [job] = door.jobs()
    assert job.spec.traceparent == (TRACEPARENT if header == TRACEPARENT else None)


@pytest.mark.parametrize(
    ("args", "fields", "field", "words"),
    [
        (("ok",), {"prompt": "a cat"}, "args", "`.si(...)`"),
        ((1, 2), {"prompt": "a cat"}, "args", "keyword arguments only"),
        (({"prompt": "a cat"},), {}, "args", "keyword arguments only"),
        ((), {"prompt": "a cat", "job_key": None}, "job_key", "must be text"),
        ((), {"prompt": "a cat", "job_key": True}, "job_key", "must be text"),
        ((), {"prompt": "a cat", "job_key": ""}, "job_key", "must not be empty"),
        ((), {"prompt": "a cat", "kind": "blend"}, "kind", "the task's name"),
        ((), {"promt": "a cat"}, "prompt", "is required"),
        ((), {"self": 1, "prompt": "a cat"}, "self", "is not a field"),
    ],
)
def test_a_refused_request_fails_and_is_kept(
    door: Door, args: tuple[Any, ...], fields: Mapping[str, Any], field: str, words: str
) -> None:
    result = door.call(*args, **fields)
    assert result.state == "FAILURE", "so that link_error starts, and link does not"
    assert isinstance(result.result, HooklineError)
    [one] = door.refused()
    assert one.reason is RefusalReason.INVALID
    assert one.errors[0].field == field
    assert words in one.errors[0].message
    assert (one.args, one.fields) == (list(args), dict(fields))
    assert (one.task, one.message_id) == ("hookline.imagine", "m1")
    assert door.jobs() == []


def test_the_kind_may_be_repeated(door: Door) -> None:
    assert door.call(prompt="a cat", kind="imagine").successful()


def test_a_key_of_another_request_is_a_conflict(door: Door) -> None:
    door.call(prompt="a cat", job_key=18)
    assert isinstance(door.call(prompt="a dog", job_key="18").result, Conflict)
    [one] = door.refused()
    assert one.reason is RefusalReason.CONFLICT
    assert len(door.jobs()) == 1


def test_what_follows_up_an_unfinished_job_is_a_conflict(door: Door) -> None:
    parent = door.web.put(status=Status.SUBMITTED)
    door.call(task="hookline.action", job_id=UUID(parent.id), button="U1")
    [one] = door.refused()
    assert (one.task, one.reason) == ("hookline.action", RefusalReason.CONFLICT)


def test_a_defect_is_kept_as_well(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(door.web.services.enqueuer), "submit", broken)
    assert door.call(prompt="a cat").state == "FAILURE"
    assert [one.reason for one in door.refused()] == [RefusalReason.DEFECT]


def test_a_member_of_a_chord_is_refused(door: Door) -> None:
    with pytest.raises(InvalidRequest, match="chord: waits for results"):
        door.run(prompt="a cat", request={"chord": {"task": "shop.done"}})
    assert len(door.refused()) == 1


@pytest.mark.parametrize("place", ["queue", "routing_key", "exchange"])
@pytest.mark.parametrize("where", ["callbacks", "errbacks", "chain"])
def test_what_follows_may_not_go_to_a_queue_of_ours_or_kombus(
    door: Door, where: str, place: str
) -> None:
    inner = {"task": "shop.made", "options": {place: "unacked"}}
    group = {"task": "celery.group", "kwargs": {"tasks": [inner]}}
    with pytest.raises(InvalidRequest, match="would send to 'unacked'"):
        door.run(prompt="a cat", request={where: [group]})
    [one] = door.refused()
    assert one.errors[0].field in ("link", "link_error", "chain")
    assert door.jobs() == []


def test_what_follows_may_be_a_job(door: Door) -> None:
    link = {"task": "hookline.imagine", "options": {"queue": "hookline"}}
    assert door.run(prompt="a cat", request={"callbacks": [link], "chain": [link]})


# While Redis is away.


@pytest.mark.parametrize("prompt", ["a cat", None], ids=["right", "wrong"])
def test_while_redis_is_away_a_message_is_sent_again(door: Door, prompt: str | None) -> None:
    """Also one that is refused: its refusal cannot be kept. ``max_retries=None`` given to
    ``retry`` would mean Celery's default of three.
    """
    door.web.store.line.cut = "away"
    with pytest.raises(Retry) as caught:
        door.run(prompt=prompt, request={"retries": 1000})
    assert caught.value.when == 5
    assert isinstance(caught.value.exc, StoreUnavailable)
    again: Any = caught.value
    assert again.sig.options["queue"] == "hookline"
    door.web.store.line.cut = None
    assert door.refused() == []


def test_if_the_broker_is_away_as_well_the_message_stays_there(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery would reject it for good, with the error of the broker."""

    def unsent(*_: Any, **__: Any) -> None:
        raise Reject(ConnectionError(), requeue=False)

    monkeypatch.setattr(door.app.tasks["hookline.imagine"], "retry", unsent)
    door.web.store.line.cut = "away"
    with pytest.raises(Reject) as caught:
        door.run(prompt="a cat", request={})
    rejected: Any = caught.value
    assert rejected.requeue is True


# Messages that are no task.


class Channel:
    """Takes what is done with a message."""

    no_ack_consumers = None

    def __init__(self) -> None:
        self.rejected = list[tuple[Any, bool]]()

    def basic_reject(self, tag: Any, requeue: bool = False) -> None:
        self.rejected.append((tag, requeue))


def a_message(
    body: bytes,
    headers: Any,
    *,
    content_type: str = "application/json",
    queue: str = "hookline",
) -> kombu.Message:
    return kombu.Message(
        body=cast("Any", body),
        delivery_tag="t",
        content_type=content_type,
        content_encoding="utf-8",
        headers=headers,
        delivery_info={"routing_key": queue},
        accept={"application/json"},
        channel=Channel(),
    )


TASK = {"task": "hookline.imagine", "id": "m1", "origin": "gen1@shop", "kwargsrepr": "{'prompt'..}"}
BODY = b'[[1], {"prompt": "a cat"}, {}]'


@pytest.mark.parametrize(
    ("body", "headers", "sent"),
    [
        (BODY, TASK, ("hookline.imagine", "m1", "gen1@shop", [1], {"prompt": "a cat"})),
        (b"[[]", TASK, ("hookline.imagine", "m1", "gen1@shop", None, "{'prompt'..}")),
        (b"7", TASK, ("hookline.imagine", "m1", "gen1@shop", None, "{'prompt'..}")),
        (b"[]", {"task": ["a"], "id": 7}, ("['a']", "7", "", None, None)),
        (b'{"task": "a", "id": "b", "args": [1], "kwargs": {"x": 1}}', {},
         ("a", "b", "", [1], {"x": 1})),
        (b"hello", None, ("", "", "", None, None)),
    ],
)  # fmt: skip
def test_what_can_be_read_of_a_message_is_kept(body: bytes, headers: Any, sent: Any) -> None:
    one = sent_of(a_message(body, headers))
    assert (one.task, one.message_id, one.origin, one.args, one.fields) == sent


def test_a_pickle_is_never_opened() -> None:
    one = sent_of(
        a_message(b"cos\nabort\n(tR.", TASK, content_type="application/x-python-serialize")
    )
    assert (one.task, one.args, one.fields) == ("hookline.imagine", None, "{'prompt'..}")


@pytest.fixture
def consumer(door: Door) -> Any:
    made: Any = object.__new__(RefusingConsumer)
    made.refusals = door.web.services.refusals
    made.connection_errors = (ConnectionError,)
    return made


def test_a_broker_that_was_long_away_is_soon_asked_again(
    door: Door, consumer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = list[float]()
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    door.app.conf.broker_connection_max_retries = 20
    consumer.app, consumer.first_connection_attempt = door.app, False
    consumer.broker_connection_retry_attempt = 0
    with (
        kombu.Connection(f"amqp://127.0.0.1:{free_port()}//") as away,
        pytest.raises(OperationalError),
    ):
        consumer.ensure_connected(away)
    assert sum(slept) <= 20 * 4.0


@pytest.mark.parametrize(
    ("call", "reason", "words"),
    [
        (lambda c, m: c.on_unknown_message(None, m), "unreadable", "not one that Celery sends"),
        (lambda c, m: c.on_unknown_task(None, m, KeyError()), "unknown_task", "hookline.imagine"),
        (lambda c, m: c.on_invalid_task(None, m, InvalidTaskError("eta")), "unreadable", "eta"),
        (lambda c, m: c.on_invalid_task(None, m, ContentDisallowed()), "unreadable", "serializer="),
        (lambda c, m: c.on_decode_error(m, DecodeError("line 1")), "unreadable", "line 1"),
    ],
)
def test_it_is_kept_and_acknowledged(
    door: Door, consumer: Any, call: Any, reason: str, words: str
) -> None:
    message = a_message(BODY, {**TASK, "task": "hookline.imagin"})
    call(consumer, message)
    [one] = door.refused()
    assert one.reason.value == reason
    assert words in one.message
    assert cast("Channel", message.channel).rejected == [("t", False)]


def test_nothing_is_kept_of_our_own_queues(door: Door, consumer: Any) -> None:
    """A newer version's wake-up, say, during a rolling upgrade."""
    message = a_message(BODY, {**TASK, "task": "hookline.newer"}, queue="hookline.wake")
    consumer.on_unknown_task(None, message, KeyError())
    assert door.refused() == []
    assert cast("Channel", message.channel).rejected == [("t", False)]


def test_without_redis_it_is_acknowledged_all_the_same(door: Door, consumer: Any) -> None:
    door.web.store.line.cut = "away"
    message = a_message(BODY, TASK)
    consumer.on_unknown_message(None, message)
    assert cast("Channel", message.channel).rejected == [("t", False)]


def end(task: Any, request: Any, *, expired: bool) -> None:
    """Celery does not run it."""
    signals.task_revoked.send(task, request=request, terminated=False, signum=None, expired=expired)


def test_an_expired_request_is_kept_a_revoked_one_is_not(door: Door) -> None:
    keep_expired(door.web.services.refusals)
    request = SimpleNamespace(id="m1", origin="gen1@shop", args=[], kwargs={"prompt": "a cat"})
    try:
        for task, expired in (("hookline.imagine", False), ("celery.chain", True)):
            end(door.app.tasks[task], request, expired=expired)
        assert door.refused() == []
        end(door.app.tasks["hookline.imagine"], request, expired=True)
    finally:
        signals.task_revoked.receivers.clear()
    [one] = door.refused()
    assert (one.reason, one.fields) == (RefusalReason.EXPIRED, {"prompt": "a cat"})
