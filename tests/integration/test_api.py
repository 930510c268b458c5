"""The web process as it runs: Granian, its workers and a real Redis."""

import json
import pickle
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.jobs import GRID, NOW, a_job, capacity
from tests.support.processes import descendants, living, wait_for
from tests.support.web import AUTH, web_settings
from webhooks.callbacks import MAX_BYTES
from webhooks.server import WORKERS
from worker.bootstrap import build
from worker.domain.job import Attempt, Job, Status

ROOT = Path(__file__).parents[2]

_PROGRAM = """
import pickle, sys
from config.logs import configure_logging
from webhooks.server import run_web
settings = pickle.load(sys.stdin.buffer)
configure_logging(settings.log_format, settings.log_level)
run_web(settings)
"""


class Server:
    """A web process and what is behind it."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        # A database of its own: every store of the product names its keys alike.
        own = re.sub(r"(db=|/)0$", r"\g<1>7", redis_url)
        env = {"HOOKLINE_REDIS_URL": own, "HOOKLINE_PORT": str(self.port)}
        self.settings = web_settings(folder, **env)
        self.services = build(self.settings)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "web.log"
        self.process = self.start()
        self.wait_until_up()

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stderr=log, cwd=ROOT
            )
        assert process.stdin
        process.stdin.write(pickle.dumps(self.settings))
        process.stdin.close()
        return process

    def is_up(self, seconds: float = 5) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=seconds).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def wait_until_up(self) -> None:
        def is_up() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.is_up()

        wait_for(is_up, "an answer of the web process", 60)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)

    def running(self) -> Job:
        """A stored job that the provider works on."""
        started = {"attempts": (Attempt(1, NOW),), "submitted_at": NOW, "due_at": time.time() + 600}
        job = a_job(status=Status.IN_PROGRESS, task_id="t1", **started)
        self.services.store.jobs.commit(job, capacity=capacity(100))
        return job

    def hook(self, job: Job) -> str:
        return f"{self.url}/webhooks/midjourney/{self.services.tokens.for_job(job.id, 1)}"

    def raw(self, url: str, head: str, *pieces: bytes) -> bytes:
        """The start of the answer to a POST that is sent as it stands here."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as link:
            link.sendall(
                f"POST {urlsplit(url).path} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode()
            )
            try:
                for piece in pieces:
                    link.sendall(piece)
            except OSError:
                pass  # it has answered already
            return link.recv(4096)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("web"), redis_url)
    yield server
    assert server.stop() == 0


@pytest.fixture
def own_server(tmp_path: Path, redis_url: str) -> Iterator[Server]:
    """A server that the test may stop."""
    server = Server(tmp_path, redis_url)
    yield server
    server.process.kill()
    server.process.wait()


def chunked(*pieces: bytes) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b"")]


def test_it_is_ready(server: Server) -> None:
    answer = requests.get(f"{server.url}/readyz", timeout=20)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_a_job_from_its_request_to_its_children(server: Server) -> None:
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


def test_concurrent_equal_requests_with_a_key_make_one_job(server: Server) -> None:
    def ask(_: int) -> tuple[int, str]:
        headers = {**AUTH, "Idempotency-Key": "one of many"}
        body = {"kind": "imagine", "prompt": "a dog"}
        answer = requests.post(f"{server.url}/v1/jobs", json=body, headers=headers, timeout=20)
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert len({job_id for _, job_id in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 15 + [202]


def test_bodies_that_lie_about_their_size(server: Server) -> None:
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


def test_no_token_reaches_the_log(server: Server) -> None:
    job = server.running()
    assert requests.post(server.hook(job), data=b"no JSON", timeout=20).status_code == 400
    said = server.log.read_text()
    refusals = [json.loads(line) for line in said.splitlines() if "request.refused" in line]
    assert refusals[-1]["endpoint"] == "callback"
    assert server.services.tokens.for_job(job.id, 1) not in said


def test_a_second_start_on_the_port_is_refused(server: Server) -> None:
    second = server.start()
    assert second.wait(30) != 0
    assert f"port {server.port} is taken" in server.log.read_text()
    assert server.is_up()


def test_stopping_finishes_what_is_under_way(own_server: Server) -> None:
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


_SLOW_TO_LOAD = """
import time
from webhooks import server
from worker.adapters.local.listening import listen
server.STOP_S = 3600  # no worker is killed
def load():
    print("loading", flush=True)
    time.sleep(3600)
server.serve(listen("127.0.0.1", 0), load)
"""


def test_a_worker_that_still_loads_stops_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW_TO_LOAD], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        try:
            assert process.stdout
            assert [process.stdout.readline() for _ in range(WORKERS)] == ["loading\n"] * WORKERS
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_no_worker_outlives_its_killed_parent(own_server: Server) -> None:
    server = own_server
    workers = descendants(server.process.pid)
    assert len(workers) >= 2
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not living(workers), "the workers' end", 60)
    server.process = server.start()  # finds the port free
    server.wait_until_up()
    assert server.stop() == 0
