"""The web process as it runs: its workers and a real Redis."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.jobs import GRID
from tests.support.processes import ROOT, descendants, living, wait_for
from tests.support.web import AUTH
from tests.support.webprocess import WebProcess
from webhooks.callbacks import MAX_BYTES
from worker.domain.presence import Presence, way_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[WebProcess]:
    server = WebProcess(tmp_path_factory.mktemp("web"), redis_url)
    yield server
    assert server.stop() == 0


@pytest.fixture
def own_server(tmp_path: Path, redis_url: str) -> Iterator[WebProcess]:
    """A server that the test may stop."""
    server = WebProcess(tmp_path, redis_url)
    yield server
    server.process.kill()
    server.process.wait()


def chunked(*pieces: bytes) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b"")]


def test_it_is_ready(server: WebProcess) -> None:
    answer = requests.get(f"{server.url}/readyz", timeout=20)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_a_job_from_its_request_to_its_children(server: WebProcess) -> None:
    asked = {"kind": "imagine", "prompt": "a cat", "then": [{"press": "U1"}]}
    first = requests.post(f"{server.url}/v1/jobs", json=asked, headers=AUTH, timeout=20)
    assert first.status_code == 202
    assert requests.get(f"{server.url}{first.headers['Location']}", headers=AUTH, timeout=20).ok

    job = server.running()
    buttons = [{"customId": b.custom_id, "label": b.label, "emoji": b.emoji} for b in GRID]
    done = {
        "id": "t1",
        "status": "SUCCESS",
        "imageUrl": "https://cdn.example/1.png",
        "buttons": buttons,
    }
    for told, disposition in ((done, "applied"), (done, "duplicate")):
        answer = requests.post(server.hook(job), json=told, timeout=20)
        assert (answer.status_code, answer.json()) == (200, {"status": disposition})
    pressed = requests.post(
        f"{server.url}/v1/jobs/{job.id}/press", json={"button": "V*"}, headers=AUTH, timeout=20
    )
    assert (pressed.status_code, len(pressed.json()["items"])) == (202, 4)
    url = f"{server.url}/v1/pipelines/{job.id}"
    pipeline: dict[str, Any] = requests.get(url, headers=AUTH, timeout=20).json()
    assert pipeline["counts"] | {"succeeded": 1, "queued": 4, "total": 5} == pipeline["counts"]


def test_concurrent_equal_requests_with_a_key_make_one_job(server: WebProcess) -> None:
    def ask(_: int) -> tuple[int, str]:
        headers = {**AUTH, "Idempotency-Key": "one of many"}
        body = {"kind": "imagine", "prompt": "a dog"}
        answer = requests.post(f"{server.url}/v1/jobs", json=body, headers=headers, timeout=20)
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert len({job_id for _, job_id in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 15 + [202]


def test_bodies_that_lie_about_their_size(server: WebProcess) -> None:
    hook = server.hook(server.running())
    whole, more = b"{}" + b" " * (MAX_BYTES - 2), b" " * 4096
    length = f"Content-Length: {MAX_BYTES + 1}"
    in_pieces = "Transfer-Encoding: chunked"
    assert b" 413 " in server.raw(hook, length)
    assert b" 413 " in server.raw(hook, in_pieces, *chunked(whole, more))
    assert b" 200 " in server.raw(hook, in_pieces, *chunked(whole))
    assert b" 400 " in server.raw(hook, "X-Nothing: follows")
    assert b" 400 " in server.raw(hook, "Content-Length: -1", b"{}")
    assert b" 401 " in server.raw(hook + "x", in_pieces, *chunked(*[more] * 2000))


def test_no_token_reaches_the_log(server: WebProcess) -> None:
    job = server.running()
    assert requests.post(server.hook(job), data=b"no JSON", timeout=20).status_code == 400
    said = server.log.read_text()
    refusals = [json.loads(line) for line in said.splitlines() if "request.refused" in line]
    assert refusals[-1]["endpoint"] == "callback"
    assert server.services.tokens.for_job(job.id, 1) not in said


def test_a_second_start_on_the_port_is_refused(server: WebProcess) -> None:
    second = server.start()
    assert second.wait(120) != 0
    assert f"port {server.port} is taken" in server.log.read_text()
    assert server.is_up()


def test_stopping_finishes_what_is_under_way(own_server: WebProcess) -> None:
    server = own_server
    job = server.running()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        path = urlsplit(server.hook(job)).path
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        link.sendall(head.encode())
        assert b" 100 Continue" in link.recv(4096), "a worker is reading it"
        link.sendall(b"{")
        server.process.terminate()
        wait_for(lambda: not server.is_up(0.5), "no more new requests")
        link.sendall(b"}")
        assert b" 200 " in link.recv(4096)
    assert server.process.wait(30) == 0


def test_each_process_proves_for_itself(tmp_path: Path, redis_url: str) -> None:
    """Though all have the app of one parent: else a dead one would go unnoticed."""
    server = WebProcess(tmp_path, redis_url, public=True)
    presence, way = server.services.store.presence, way_of(server.url)
    try:
        wait_for(lambda: len(rows(presence.get(way))) == 2, "a row of each", 60)
    finally:
        assert server.stop() == 0


def rows(presence: Presence | None) -> Mapping[str, float]:
    return presence.latest if presence else {}


_SLOW_TO_LOAD = """
import time
from webhooks import server
from worker.adapters.local.listening import listen
server.STOP_S = 3600  # no worker is killed
def load():
    print("loading", flush=True)
    time.sleep(3600)
server.serve(listen("127.0.0.1", 0), load, processes=3)
"""


def test_a_worker_that_still_loads_stops_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW_TO_LOAD], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        try:
            assert process.stdout
            assert [process.stdout.readline() for _ in range(3)] == ["loading\n"] * 3
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_no_worker_outlives_its_killed_parent(own_server: WebProcess) -> None:
    server = own_server
    workers = descendants(server.process.pid)
    assert len(workers) >= 2
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not living(workers), "the workers' end", 60)
    server.process = server.start()  # finds the port free
    server.wait_until_up()
    assert server.stop() == 0
