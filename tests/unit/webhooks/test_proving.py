"""A web process proves that callbacks reach us, and starts counting again when one may be lost."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.jobs import NOW
from tests.support.web import Web
from webhooks.app import create_app
from webhooks.proving import Prover
from worker.adapters.http import safe
from worker.bootstrap import HOOK_PATH
from worker.domain.errors import AddressError, StoreUnavailable
from worker.domain.presence import ANSWER_S, EVERY_S, GAP_S, GONE_S, Presence, Proof, way_of
from worker.services.presence import Proofs, ProofSender

URL = "https://hooks.example"


class Answer:
    """What an HTTP client sees."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self._body = body

    def read(self, _: int) -> bytes:
        return self._body


class Receiver:
    """A web process at ``now``, which reaches itself by ``way`` through the public URL."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.web = Web(folder)
        self.store = self.web.store
        self.sent: list[tuple[str, bytes]] = []
        self.way: Callable[[str, bytes], Answer] = self.call
        services = self.web.services
        proofs = Proofs(self.store, services.tokens, clock=lambda: self.now)
        sender = ProofSender(proofs, URL, HOOK_PATH)
        vars(services).update(proofs=proofs, proof_sender=sender)
        self.web.app = create_app(self.web.settings, self.web.services)
        self.web.client = self.web.app.test_client()
        self.prover: Prover = self.web.app.extensions["prover"]

    def call(self, path: str, body: bytes) -> Answer:
        answer = self.web.client.post(path, data=body)
        return Answer(answer.status_code, answer.data)

    @property
    def presence(self) -> Presence | None:
        return self.store.presence.get(way_of(URL))

    @property
    def since(self) -> float | None:
        """Since when it is known that callbacks arrive; None: it is not."""
        known = self.presence
        return known.since if known and known.lasts(self.now) else None

    def prove(self, times: int = 1, prover: Prover | None = None) -> None:
        for _ in range(times):
            self.let_pass(EVERY_S)
            (prover or self.prover).prove()

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        self.store.let_pass(seconds)

    def exchange(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], **_: Any
    ) -> Answer:
        assert method == "POST"
        assert headers["Content-Type"] == "application/json"
        path = url.removeprefix(URL)
        self.sent.append((path, body))
        return self.way(path, body)


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    made = Receiver(tmp_path)

    @contextmanager
    def exchange(*args: Any, **kwargs: Any) -> Iterator[Answer]:
        yield made.exchange(*args, **kwargs)

    monkeypatch.setattr(safe, "exchange", exchange)
    return made


def test_nothing_is_proven_before_a_proof_came_back(receiver: Receiver) -> None:
    assert receiver.since is None
    receiver.prove(2)
    began = receiver.now - EVERY_S
    assert receiver.since == began
    receiver.prove(50)
    assert receiver.since == began, "proofs came back all the while"


def test_a_proof_is_a_callback_like_any_other(receiver: Receiver) -> None:
    receiver.prove()
    [(path, body)] = receiver.sent
    token = path.removeprefix("/webhooks/midjourney/")
    assert json.loads(body)["state"] == token
    assert len(body) > 4500, "as large as the largest"
    proof = receiver.web.services.tokens.read(token)
    assert isinstance(proof, Proof)
    assert (proof.sent_at, proof.after) == (receiver.now, None)


def test_a_captured_proof_buys_nothing(receiver: Receiver) -> None:
    receiver.prove(2)
    known = receiver.presence
    path, body = receiver.sent[-1]
    answer = receiver.web.client.post(path, data=body)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "stale"})
    assert receiver.presence == known
    receiver.way = lambda *_: Answer(502, b"")
    receiver.prove()
    held_back = receiver.sent[-1]
    receiver.let_pass(ANSWER_S + 0.1)
    answer = receiver.web.client.post(held_back[0], data=b"not even read")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "stale"})
    assert receiver.since is None


def test_a_proof_whose_body_was_changed_on_its_way_proves_nothing(receiver: Receiver) -> None:
    receiver.way = lambda path, body: receiver.call(path, body.replace(b'"state"', b'"stats"'))
    receiver.prove(2)
    assert receiver.since is None


FAILURES: dict[str, tuple[Answer, str]] = {
    "a dead tunnel": (Answer(502, b"<html>Bad Gateway</html>"), "answered 502 to a callback"),
    "a full proxy": (Answer(503, b""), "a proxy does not reach the web process"),
    "another Hookline": (Answer(401, b"{}"), "another HOOKLINE_SECRET"),
    "a redirect": (Answer(301, b""), "providers do not follow"),
    "another program": (Answer(200, b"<html>Welcome</html>"), "late, or not"),
    "a list": (Answer(200, b"[]"), "late, or not"),
}


@pytest.mark.parametrize(("answer", "words"), FAILURES.values(), ids=FAILURES)
def test_a_proof_that_does_not_come_back_starts_counting_again(
    receiver: Receiver, answer: Answer, words: str
) -> None:
    receiver.prove(5)
    receiver.way = lambda *_: answer
    receiver.prove()
    assert receiver.since is None
    assert receiver.presence is not None
    assert words in (receiver.presence.trouble or "")
    receiver.way = receiver.call
    receiver.prove()
    began = receiver.now
    receiver.prove()
    assert receiver.since == began


def test_a_proof_that_is_refused_or_too_slow_starts_counting_again(receiver: Receiver) -> None:
    def refused(*_: Any) -> Answer:
        raise AddressError("hooks.example did not deliver: ConnectionRefusedError")

    def slow(path: str, body: bytes) -> Answer:
        receiver.let_pass(ANSWER_S + 0.1)
        return receiver.call(path, body)

    def lost(path: str, body: bytes) -> Answer:
        receiver.call(path, body)
        raise AddressError("hooks.example did not answer in time", retryable=True)

    def nested(path: str, body: bytes) -> Answer:
        return Answer(200, b"[" * 1024)

    for way in (refused, slow, lost, nested):
        receiver.way = receiver.call
        receiver.prove(3)
        assert receiver.since is not None
        receiver.way = way
        receiver.prove()
        assert receiver.since is None, way


def test_a_machine_that_slept_starts_counting_again(receiver: Receiver) -> None:
    receiver.prove(3)
    receiver.let_pass(GAP_S)
    receiver.prove()
    began = receiver.now
    receiver.prove()
    assert receiver.since == began


def test_a_process_that_starts_and_one_that_dies_start_counting_again(receiver: Receiver) -> None:
    receiver.prove(5)
    second = Prover(lambda: receiver.web.services)
    receiver.prove(prover=second)
    receiver.prover.prove()
    began = receiver.now
    receiver.let_pass(1)
    second.prove()
    receiver.prover.prove()
    assert receiver.since == began
    while receiver.presence and len(receiver.presence.latest) == 2:
        receiver.prove(prover=second)
        assert receiver.now < began + 2 * GONE_S
    assert receiver.presence is not None
    assert receiver.presence.since == receiver.now, "the first one died"


def test_a_store_that_was_away_means_that_callbacks_were_missed(receiver: Receiver) -> None:
    receiver.prove(10)
    receiver.store.line.cut = "away"
    receiver.prove()
    receiver.store.line.cut = None
    receiver.prove()  # it says that its own proof was turned away
    receiver.prove()
    began = receiver.now
    receiver.prove()
    assert receiver.since == began, "although the store itself forgot nothing so soon"


@pytest.fixture
def call(receiver: Receiver) -> Callable[..., TestResponse]:
    receiver.prove(5)
    path = receiver.web.hook(receiver.web.running())
    return partial(receiver.web.client.post, path)


def test_a_callback_that_is_answered_is_not_missed(
    receiver: Receiver, call: Callable[..., TestResponse]
) -> None:
    before = receiver.since
    assert call(json={"id": "t1", "status": "IN_PROGRESS", "submitTime": 1}).status_code == 200
    assert receiver.web.client.post("/webhooks/midjourney/junk").status_code == 401
    other = receiver.web.hook(receiver.web.running()).rpartition("/")[2]
    assert call(json={"id": "t1", "status": "SUCCESS", "state": other}).status_code == 401
    assert receiver.web.client.post("/webhooks/midjourney/x", data=b"x" * 2**21).status_code == 401
    receiver.prove(2)
    assert receiver.since == before


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"x" * 2**21, 413), (b'{"id": "t1"}', 503)], ids=str
)
def test_a_callback_that_is_turned_away_was_missed(
    receiver: Receiver, call: Callable[..., TestResponse], body: bytes, status: int
) -> None:
    receiver.store.line.cut = "away" if status == 503 else None
    assert call(data=body).status_code == status
    receiver.store.line.cut = None
    receiver.prove()
    assert receiver.since is None
    receiver.prove()
    began = receiver.now
    receiver.prove()
    assert receiver.since == began


def test_a_process_without_services_goes_on() -> None:
    asked: list[int] = []

    def find() -> Any:
        asked.append(1)
        raise StoreUnavailable

    prover = Prover(find)
    prover.prove()
    prover.prove()
    assert len(asked) == 2
