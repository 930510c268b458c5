"""The receiver says that it is there, and since when it missed nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.jobs import NOW
from tests.support.web import Web
from webhooks.heartbeat import Heartbeat
from worker.adapters.store import ABSENCE_S
from worker.bootstrap import Services
from worker.domain.errors import StoreUnavailable


class Receiver:
    """One receiving process at ``now``, over a store that may be away."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.web = Web(folder)
        self.store = self.web.store
        orchestrator = self.web.services.orchestrator
        orchestrator.clock = lambda: self.now
        self.heartbeat: Heartbeat = self.web.app.extensions["presence"]

    @property
    def since(self) -> float | None:
        return self.store.accounts.callback_stats("default").receiving_since

    def tells(self, seconds: int) -> None:
        """Life goes on for so long, with a sign of it every second."""
        for _ in range(seconds):
            self.let_pass(1)
            self.heartbeat.beat()

    def let_pass(self, seconds: float) -> None:
        """Nothing is heard of it for so long."""
        self.now += seconds
        self.store.let_pass(seconds)


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path)


def test_nobody_is_there_before_it_says_so(receiver: Receiver) -> None:
    assert receiver.since is None
    receiver.tells(1)
    began = receiver.now
    receiver.tells(100)
    assert receiver.since == began, "it was there all the while"


def test_who_falls_silent_counts_as_away_and_begins_anew(receiver: Receiver) -> None:
    receiver.tells(10)
    receiver.let_pass(ABSENCE_S - 2)
    assert receiver.since is not None, "one sign that is late is no absence"
    receiver.let_pass(2)
    assert receiver.since is None
    receiver.tells(1)
    assert receiver.since == receiver.now


def test_a_process_that_starts_does_not_know_what_was_missed(receiver: Receiver) -> None:
    receiver.tells(10)
    find: Callable[[], Services] = lambda: receiver.web.services  # noqa: E731  # typed
    receiver.let_pass(0.1)
    second = Heartbeat(find)
    second.beat()
    assert receiver.since == receiver.now
    began = receiver.now
    receiver.tells(3)
    second.beat()
    assert receiver.since == began


def test_a_store_that_was_away_means_that_callbacks_were_missed(receiver: Receiver) -> None:
    receiver.tells(10)
    receiver.store.line.cut = "away"
    receiver.tells(2)
    receiver.store.line.cut = None
    receiver.tells(1)
    assert receiver.since == receiver.now, "although the store itself forgot nothing so soon"
    began = receiver.now
    receiver.tells(9)
    assert receiver.since == began


def test_a_callback_that_is_turned_away_was_missed(receiver: Receiver) -> None:
    receiver.tells(10)
    job, body = receiver.web.running(), {"id": "t1", "status": "IN_PROGRESS", "submitTime": 1}
    hook = receiver.web.hook(job)
    for path, status in ((hook, 200), ("/webhooks/midjourney/junk", 401)):
        answer = receiver.web.client.post(path, json=body)
        assert answer.status_code == status
        receiver.tells(1)
        assert receiver.since == NOW + 1, "answered is not missed"
    receiver.store.line.cut = "away"
    assert receiver.web.client.post(hook, json=body).status_code == 503
    receiver.store.line.cut = None
    receiver.tells(1)
    assert receiver.since == receiver.now


def test_a_process_without_services_goes_on_telling() -> None:
    asked: list[int] = []

    def find() -> Services:
        asked.append(1)
        raise StoreUnavailable

    heartbeat = Heartbeat(find)
    heartbeat.beat()
    heartbeat.beat()
    assert len(asked) == 2
