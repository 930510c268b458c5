"""A client of one sandbox, over Flask's test client: no socket is opened and no time passes.

The provider is worker/sandbox itself; the test moves its clock.
"""

import base64
import heapq
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image
from werkzeug.test import TestResponse

from worker.sandbox.options import SandboxOptions
from worker.sandbox.scheduler import Scheduler
from worker.sandbox.server import Sandbox

Json = dict[str, Any]


def data_url(size: tuple[int, int] = (32, 32), colour: str = "white") -> str:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


class ManualScheduler(Scheduler):
    """Does what is due when a test moves the time on; it has no thread."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._number), do))

    def stop(self) -> None:
        self._due.clear()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, _, do = heapq.heappop(self._due)
            do()
        self.now = until


class Player:
    """A client of one sandbox."""

    def __init__(self, sandbox: Sandbox, clock: ManualScheduler) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.client = sandbox.app.test_client()

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(f"/mj/{path}", json=body)

    def submit(self, path: str, **body: Any) -> str:
        reply = self.post(f"submit/{path}", **body)
        assert reply.json is not None
        assert reply.json["code"] in (1, 21, 22), reply.json
        return str(reply.json["result"])

    def fetch(self, task_id: str) -> Json:
        return dict(self.client.get(f"/mj/task/{task_id}/fetch").json or {})

    def finished(self, path: str, **body: Any) -> Json:
        return self.ended(self.submit(path, **body))

    def ended(self, task_id: str) -> Json:
        for _ in range(100):
            task = self.fetch(task_id)
            if task["status"] in ("SUCCESS", "FAILURE"):
                return task
            self.clock.advance(0.1)
        raise AssertionError(f"{task_id} did not end within 10 s of the sandbox's time")

    def press(self, task: Json, custom_id: str, **body: Any) -> TestResponse:
        known = [b["customId"] for b in task["buttons"] if b["customId"].startswith(custom_id)]
        return self.post("submit/action", taskId=task["id"], customId=known[0], **body)


Play = Callable[..., Player]


@contextmanager
def players() -> Iterator[Play]:
    """Makes players of sandboxes whose tasks take no time; they end with the block."""
    started: list[Sandbox] = []

    def new(dialect: str = "trueai", **options: Any) -> Player:
        options.setdefault("task_seconds", (0.0, 0.0))
        clock = ManualScheduler()
        started.append(Sandbox(SandboxOptions(dialect=dialect, **options), clock))
        return Player(started[-1], clock)

    try:
        yield new
    finally:
        for sandbox in started:
            sandbox.stop()
