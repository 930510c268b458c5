"""The web process under strangers and holders of one token who want to stop it."""

import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.front import rest
from tests.support.processes import descendants, wait_for
from tests.support.web import AUTH
from tests.support.webprocess import WebProcess

SILENT = 2100
SLOW = 200
SUCCESS = {"id": "t1", "status": "IN_PROGRESS", "progress": "40%"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[WebProcess]:
    server = WebProcess(
        tmp_path_factory.mktemp("attacked"), redis_url,
        HOOKLINE_PUBLIC_URL="https://hooks.example/base", HOOKLINE_SECRET="a secret of the tests",
        HOOKLINE_WEB_HOSTS="hookline.internal",
    )  # fmt: skip
    yield server
    assert server.stop() == 0


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, SILENT + 1000)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def called_back(server: WebProcess, url: str) -> bool:
    return requests.post(url, json=SUCCESS, timeout=20).json()["status"] in ("applied", "duplicate")


@pytest.mark.usefixtures("many_files")
def test_silent_connections_stop_nobody(server: WebProcess) -> None:
    hook = server.hook(server.running())
    with ExitStack() as links:
        for _ in range(SILENT):
            links.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        assert server.is_up(20)
        assert called_back(server, hook)


def test_slow_bodies_under_one_token_stop_nobody(server: WebProcess) -> None:
    hook = server.hook(server.running())
    head = f"POST {urlsplit(hook).path} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    with ExitStack() as links:
        for _ in range(SLOW):
            link = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            links.enter_context(link)
            link.sendall(head.encode() + b'{"a": "' + b"a" * 20_000)
        assert server.is_up(20)
        assert called_back(server, hook)


def test_a_worker_that_dies_is_replaced(server: WebProcess) -> None:
    before = descendants(server.process.pid)
    os.kill(min(before), signal.SIGKILL)
    wait_for(
        lambda: len(now := descendants(server.process.pid)) == len(before) and now != before,
        "another worker",
        60,
    )
    assert server.is_up(20)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("hooks.example", 200),
        ("Hookline.Internal.", 200),
        ("evil.example", 421),
        ("192.0.2.1", 421),
        ("localhost.evil.example", 421),
        ("localhost:80@evil.example", 421),
    ],
)
def test_only_our_own_names_are_answered(server: WebProcess, host: str, status: int) -> None:
    answer = requests.get(f"{server.url}/v1/jobs", headers={**AUTH, "Host": host}, timeout=20)
    assert answer.status_code == status


def test_callbacks_and_health_checks_may_come_by_any_name(server: WebProcess) -> None:
    other = {"Host": "tunnel.example"}
    assert requests.get(f"{server.url}/healthz", headers=other, timeout=20).ok
    hook = server.hook(server.running())
    assert requests.post(hook, json=SUCCESS, headers=other, timeout=20).ok


def test_a_client_that_offers_http_2_is_answered_in_http_1(server: WebProcess) -> None:
    """As Java's own does with each request over plain HTTP."""
    path = urlsplit(server.hook(server.running())).path
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        link.sendall(
            f"POST {path} HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            "Content-Length: 39\r\nHost: x\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
            "Upgrade: h2c\r\nContent-Type: application/json\r\n\r\n"
            '{"id": "t1", "status": "IN_PROGRESS"}  '.encode()
        )
        assert rest(link).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/missing", "/webhooks/midjourney/x"])
def test_every_answer_is_plain_data_to_a_browser(server: WebProcess, path: str) -> None:
    headers = requests.get(f"{server.url}{path}", timeout=20).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


def test_a_batch_comes_in_pieces(server: WebProcess, tmp_path: Path) -> None:
    rows = (b"a red fox, number %d\n" % number for number in range(2000))
    answer = requests.post(
        f"{server.url}/v1/batches?name=in-pieces", data=rows,
        headers={**AUTH, "Content-Type": "text/plain"}, timeout=120,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["rows"]) == (202, 2000), answer.text
