"""Doctor's round trip: which queues workers take messages from, and in which version."""

from collections.abc import Collection
from typing import Any

import pytest

from tests.support.stores import OwnStore
from worker.adapters.messaging.names import QUEUES
from worker.domain.errors import BrokerUnavailable, QueueRefused
from worker.domain.findings import Finding
from worker.services.doctor import serving
from worker.services.roster import Roster


def examined(
    monkeypatch: pytest.MonkeyPatch,
    taken: Collection[str] = tuple(QUEUES.values()),
    *,
    refused: str | None = None,
    away: bool = False,
    worker: str = "2.0",
    waiting: int = 7,
) -> list[Finding]:
    """What is found where workers of a version take messages from these queues."""
    store = OwnStore()
    ours = Roster(store, {}, "a secret", version="2.0")
    theirs = Roster(store, {}, "a secret", version=worker)
    theirs.appear()

    def send(_: Any, trip: str, queue: str) -> None:
        if away:
            raise BrokerUnavailable
        if queue == refused:
            raise QueueRefused("RabbitMQ refuses it")
        if queue in taken:
            theirs.answer(trip, queue)

    monkeypatch.setattr(serving, "send_ping", send)
    monkeypatch.setattr(serving, "waiting", lambda *_: waiting)
    monkeypatch.setattr(serving, "PATIENCE_S", 0.1)
    celery: Any = None
    return list(serving.check_serving(ours, celery))


def test_all_is_well_if_workers_take_from_every_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = examined(monkeypatch)
    assert (found.name, found.verdict) == ("queues", "ok")
    assert all(queue in found.message for queue in QUEUES.values())


def test_each_queue_that_nobody_serves_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(monkeypatch, [QUEUES["wake"], QUEUES["notify"]])
    assert [(one.name, one.verdict) for one in found] == [
        ("queue door", "fail"),
        ("queue files", "fail"),
    ]
    assert "no worker took a message from hookline within" in found[0].message
    assert found[0].message.endswith("; 7 in it")
    assert "--queues with door" in (found[0].advice or "")


def test_a_message_that_somebody_else_took_is_told_from_one_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [*_, found] = examined(monkeypatch, [], waiting=0)
    assert "no worker of ours had it" in found.message
    assert "another Hookline: give that one a database" in (found.advice or "")


def test_a_queue_that_the_broker_refuses_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [found] = examined(monkeypatch, refused=QUEUES["files"])
    assert found == Finding("queue files", "fail", "RabbitMQ refuses it")


@pytest.mark.parametrize(("version", "said"), [("1.9", "version 1.9"), ("", "an older version")])
def test_a_worker_of_another_version_is_named(
    monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    warned, found = examined(monkeypatch, worker=version)
    assert (warned.name, warned.verdict) == ("workers", "warn")
    assert warned.message.startswith("the worker (process ")
    assert f"runs {said}, and this command is version 2.0" in warned.message
    assert found.verdict == "ok"


def test_a_broker_that_is_away_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = examined(monkeypatch, away=True)
    assert (found.name, found.verdict) == ("queues", "fail")
