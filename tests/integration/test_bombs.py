"""Fifty requests with bombs at once, and a provider whose pictures are bombs, against real
processes: all of it is answered, meanwhile others are too, and afterwards the memory is back.
"""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest

from tests.bench import procfs
from tests.support.drawing import colour_bomb, draw
from tests.support.processes import descendants, up, wait_for
from tests.support.rawserver import http, says, serving
from worker.adapters.local.running import told_by_up
from worker.entrypoints.cli.http import call
from worker.sandbox.options import SandboxOptions
from worker.sandbox.server import Sandbox

#: 36 million pixels in 140 KB, which are 144 MB once they are decoded.
BOMB = colour_bomb(6000)
REQUESTS, PICTURES, RESULTS = 50, 4, 4
#: Seconds for a health check. It is the promise of an idle machine times what a busy one takes:
#: decoding these pictures in the web process took a minute on an idle one.
HEALTHY_S = 10.0

pytestmark = pytest.mark.skipif(not procfs.AVAILABLE, reason="needs Linux's /proc")


class Hookline:
    """A running `hookline up`."""

    def __init__(self, folder: Path, pid: int) -> None:
        self._pid = pid
        self._base = told_by_up(folder / ".hookline")["HOOKLINE_PUBLIC_URL"]
        self._token = (folder / ".hookline/api-token").read_text().strip()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return call(method, f"{self._base}{path}", body, token=self._token, timeout_s=300)

    def describe(self, *pictures: bytes) -> int:
        """The status of a dry run with these pictures."""
        urls = [f"data:image/png;base64,{base64.b64encode(data).decode()}" for data in pictures]
        body = {"kind": "imagine", "prompt": "a cat", "images": urls}
        return self.ask("POST", "/v1/jobs?dry_run=true", body)[0]

    def finished(self) -> dict[str, Any]:
        """A new job's result, once its files are stored or given up."""
        status, job = self.ask("POST", "/v1/jobs", {"kind": "imagine", "prompt": "a cat"})
        assert status == 202, job
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.ask("GET", f"/v1/jobs/{job['id']}")[1])
            return found["result"]["assets_status"] in ("stored", "failed")

        wait_for(over, "the job's files", 300)
        return found

    def memory(self, *, helpers: bool) -> dict[str, float]:
        """MiB of web and worker with all that they started, decoding ``helpers`` or not."""
        programs: dict[str, float] = {}
        for pid in descendants(self._pid):
            for name in ("web", "worker"):
                if name in _words(pid):
                    started = [pid, *descendants(pid)]
                    counted = [p for p in started if helpers or not _decodes(p)]
                    programs[name] = procfs.memory(counted).rss
        return programs


def _words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def _decodes(pid: int) -> bool:
    return any(word.endswith("decoding/program.py") for word in _words(pid))


@contextmanager
def health_checked(hookline: Hookline) -> Iterator[list[float]]:
    """How long each of the health checks took, one after the other without a pause."""
    took: list[float] = []
    over = Event()

    def check() -> None:
        while not over.wait(0.05):
            started = monotonic()
            assert hookline.ask("GET", "/healthz")[0] == 200
            took.append(monotonic() - started)

    checker = Thread(target=check)
    checker.start()
    try:
        yield took
    finally:
        over.set()
        checker.join()


def test_bombs_cost_neither_answers_nor_memory(tmp_path: Path) -> None:
    with (
        serving(says(http(BOMB))) as (port, _),
        Sandbox(
            SandboxOptions(task_seconds=(0.1, 0.2), public_url=f"http://127.0.0.1:{port}")
        ) as sandbox,
        up(tmp_path, "--provider-url", sandbox.url, HOOKLINE_ALLOWED_HOSTS="127.0.0.1") as process,
    ):
        hookline = Hookline(tmp_path, process.pid)
        for _ in range(8):  # both processes
            assert hookline.describe(draw()) == 200
        assert hookline.finished()["status"] == "succeeded"
        before = hookline.memory(helpers=False)
        with health_checked(hookline) as took, ThreadPoolExecutor(REQUESTS + RESULTS) as pool:
            results = [pool.submit(hookline.finished) for _ in range(RESULTS)]
            asked = [pool.submit(hookline.describe, *[BOMB] * PICTURES) for _ in range(REQUESTS)]
            statuses = {each.result() for each in asked}
            jobs = [each.result() for each in results]
        assert statuses <= {200, 503}
        assert {job["status"] for job in jobs} == {"succeeded"}
        assert max(took) < HEALTHY_S

        def is_back() -> bool:
            with suppress(FileNotFoundError, ProcessLookupError):  # a helper just ended
                now = hookline.memory(helpers=True)
                return all(now[name] <= 1.2 * before[name] for name in before)
            return False

        wait_for(is_back, f"memory, which was {before}", 90)
        print(
            json.dumps(
                {"before": before, "after": hookline.memory(helpers=True), "slowest": max(took)}
            )
        )
