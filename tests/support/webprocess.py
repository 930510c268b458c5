"""The web process as it runs: its workers, and a real Redis behind them."""

import pickle
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.support.brokers import settings_for
from tests.support.jobs import NOW, a_job, capacity
from tests.support.ports import free_port
from tests.support.processes import ROOT, wait_for
from tests.support.web import web_settings
from worker.bootstrap import build
from worker.domain.job import Attempt, Job, Status

_PROGRAM = """
import pickle, sys
from config.logs import configure_logging
from webhooks.server import run_web
settings = pickle.load(sys.stdin.buffer)
configure_logging(settings.log_format, settings.log_level)
run_web(settings)
"""


class WebProcess:
    """A web process and what is behind it. ``public``: the public URL is its own address."""

    def __init__(self, folder: Path, redis_url: str, *, public: bool = False, **env: str) -> None:
        self.port = free_port()
        # A database of its own: every store of the product names its keys alike.
        own = {"HOOKLINE_REDIS_URL": re.sub(r"(db=|/)0$", r"\g<1>7", redis_url)}
        self.url = f"http://127.0.0.1:{self.port}"
        env = {**own, **settings_for(folder), "HOOKLINE_PORT": str(self.port), **env}
        if public:
            env["HOOKLINE_PUBLIC_URL"] = self.url
        self.settings = web_settings(folder, **env)
        self.services = build(self.settings)
        self.log = folder / "web.log"
        self.process = self.start()
        try:
            self.wait_until_up()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

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

        wait_for(is_up, "an answer of the web process", 240)

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
