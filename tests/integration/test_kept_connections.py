"""Connections to the provider: kept for the next submission, and never the reason for a doubt."""

import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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

    def __call__(self, sock: socket.socket, request: bytes) -> None:
        self.connections += 1
        while request:
            self.requests += 1
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


def test_a_connection_that_was_idle_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server, now = Answers(), [time.monotonic()]
    monkeypatch.setattr(session, "monotonic", lambda: now[0])
    with serving(server) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        submit(client)
        now[0] += session.KEPT_S + 0.01
        assert submit(client) is Outcome.ACCEPTED
    assert (server.connections, server.requests) == (2, 2)


def test_a_server_that_closes_after_each_answer_leaves_no_doubt() -> None:
    asked = []

    def closes(sock: socket.socket, request: bytes) -> None:
        asked.append(request)
        sock.sendall(REPLY)  # without saying that it closes

    with serving(closes) as (port, _):
        client = ProviderClient(Account("main", f"http://127.0.0.1:{port}"))
        for _ in range(20):
            assert submit(client) is Outcome.ACCEPTED
            time.sleep(0.02)  # the end of the connection is on its way
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
