"""Connections to the provider: kept for the next submission, and never the reason for a doubt."""

import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from tests.support.certificates import certificates, server_side
from tests.support.rawserver import read_request, serving
from worker.adapters.http import session
from worker.adapters.provider.client import ProviderClient
from worker.adapters.provider.payloads import Submission
from worker.domain.account import Account
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome

ACCEPTED = json.dumps({"code": 1, "description": "ok", "result": "1"}).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ACCEPTED), ACCEPTED)
SUBMISSION = Submission("/mj/submit/imagine", {"prompt": "a cat"})


class Answers:
    """A server that keeps its connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        self.together: Barrier | None = None
        self.latest: socket.socket | None = None  #: of the last request

    def __call__(self, sock: socket.socket, request: bytes) -> None:
        self.connections += 1
        while request:
            self.requests += 1
            self.latest = sock
            if self.together:
                self.together.wait(10)
            sock.sendall(REPLY)
            request = read_request(sock)


def submit(client: ProviderClient) -> Outcome:
    return client.submit(Kind.IMAGINE, SUBMISSION).outcome


def test_submissions_in_a_row_share_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "KEPT_S", 60.0)  # on the busiest machine
    server = Answers()
    with serving(server) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        assert {submit(client) for _ in range(5)} == {Outcome.ACCEPTED}
    assert (server.connections, server.requests) == (1, 5)


class Clock:
    """What the connections take for the time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session, "_now", clock)
    return clock


@pytest.mark.parametrize(
    ("idle_s", "connections"),
    [
        ([session.KEPT_S - 0.01], 1),
        ([session.KEPT_S + 0.01], 2),
        ([2.0, 2.0], 2),  # the first one stays idle, and was open after 4 s: 2.8 are safe
        ([2.0, 5.0], 3),
        ([2.0] * 10, 2),
        ([600.0, session.MOST_KEPT_S - 0.01], 2),
        ([600.0, session.MOST_KEPT_S + 0.01], 3),
    ],
)
def test_a_connection_is_used_again_while_its_server_surely_keeps_it(
    clock: Clock, idle_s: list[float], connections: int
) -> None:
    server = Answers()
    with serving(server) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        for seconds in [0.0, *idle_s]:
            clock.now += seconds
            assert submit(client) is Outcome.ACCEPTED
    assert (server.connections, server.requests) == (connections, 1 + len(idle_s))


def test_a_connection_that_stays_idle_tells_how_long_the_others_may_be_kept(clock: Clock) -> None:
    server = Answers()
    with serving(server) as (port, _), ThreadPoolExecutor(2) as threads:
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        server.together = Barrier(2)  # so that each needs a connection of its own
        assert set(threads.map(submit, [client] * 2)) == {Outcome.ACCEPTED}
        server.together = None
        for _ in range(30):
            clock.now += session.KEPT_S / 2
            submit(client)
        clock.now += 5.0  # of the more than ten that the other one was idle
        submit(client)
    assert server.connections == 2


def test_a_server_that_closes_earlier_than_it_was_seen_to_is_believed(clock: Clock) -> None:
    """As one of several behind an address does, or one that was started again."""
    connections, closed = [], Event()

    def impatient(sock: socket.socket, request: bytes) -> None:
        connections.append(sock)
        second = len(connections) == 2  # before the client goes on
        while request:
            sock.sendall(REPLY)
            if second:
                sock.shutdown(socket.SHUT_RDWR)
                closed.set()
                break
            request = read_request(sock)

    with serving(impatient) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        opens = [(0.0, 1), (10.0, 2), (2.0, 3), (1.41, 4), (1.39, 4)]
        for seconds, opened in [*opens, (3600.0, 5), (10.0, 5)]:  # an hour later that is forgotten
            clock.now += seconds
            assert submit(client) is Outcome.ACCEPTED
            assert len(connections) == opened
            assert opened != 2 or closed.wait(10)


def test_a_server_that_closes_after_each_answer_leaves_no_doubt() -> None:
    asked, closed = [], Event()

    def closes(sock: socket.socket, request: bytes) -> None:
        asked.append(request)
        sock.sendall(REPLY)  # without saying that it closes
        sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(closes) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        for _ in range(20):
            assert submit(client) is Outcome.ACCEPTED
            assert closed.wait(10)
            closed.clear()
    assert len(asked) == 20


def test_what_dies_on_a_kept_connection_is_a_doubt_and_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "KEPT_S", 60.0)  # on the busiest machine
    asked = []

    def dies(sock: socket.socket, request: bytes) -> None:
        sock.sendall(REPLY)
        asked.append(sock.recv(65536))  # and closes it without an answer

    with serving(dies) as (port, connections):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        assert submit(client) is Outcome.ACCEPTED
        assert submit(client) is Outcome.IN_DOUBT
    assert len(connections) == len(asked) == 1


def test_one_of_two_servers_behind_an_address_closes_earlier(clock: Clock) -> None:
    server = Answers()
    with serving(server) as (port, _), ThreadPoolExecutor(2) as threads:
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        server.together = Barrier(2)
        assert set(threads.map(submit, [client] * 2)) == {Outcome.ACCEPTED}
        server.together = None
        submit(client)
        clock.now += 6.0
        assert server.latest
        server.latest.shutdown(socket.SHUT_RDWR)  # the other one stays open
        submit(client)
        assert server.connections == 3
        clock.now += 5.0  # of the six within which that one was closed
        submit(client)
    assert server.connections == 4


def test_threads_share_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "KEPT_S", 60.0)  # on the busiest machine
    server = Answers()
    with serving(server) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        for _ in range(5):
            with ThreadPoolExecutor(1) as thread:
                assert thread.submit(submit, client).result() is Outcome.ACCEPTED
    assert (server.connections, server.requests) == (1, 5)


@pytest.mark.parametrize(("scheme", "loads"), [("http", 0), ("https", 1)])
def test_nothing_is_loaded_between_a_job_s_intent_and_its_post(
    scheme: str, loads: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would take tenths of a second, and a worker that dies then leaves its jobs in doubt."""
    made = certificates(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority))
    loaded, load = [], ssl.create_default_context

    def counting(*args: Any, **kwargs: Any) -> ssl.SSLContext:
        loaded.append(args)
        return load(*args, **kwargs)

    monkeypatch.setattr(ssl, "create_default_context", counting)
    tls = server_side(made) if scheme == "https" else None
    with serving(Answers(), tls=tls) as (port, _):
        client = ProviderClient(Account("main", f"{scheme}://127.0.0.1:{port}"))
        assert len(loaded) == loads
        with ThreadPoolExecutor(5) as threads:
            done = list(threads.map(lambda _: submit(client), range(5)))
    assert done == [Outcome.ACCEPTED] * 5
    assert len(loaded) == loads
