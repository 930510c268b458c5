"""A client that plays against one sandbox, over Flask's test client: no socket is opened."""

import base64
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image
from werkzeug.test import TestResponse

from worker.sandbox import Sandbox, SandboxOptions

Json = dict[str, Any]


def data_url(size: tuple[int, int] = (32, 32), colour: str = "white") -> str:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


class Player:
    """Plays a client against one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
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
        for _ in range(500):
            task = self.fetch(task_id)
            if task["status"] in ("SUCCESS", "FAILURE"):
                return task
            time.sleep(0.01)
        raise AssertionError(f"{task_id} did not end")

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
        started.append(Sandbox(SandboxOptions(dialect=dialect, **options)))
        return Player(started[-1])

    try:
        yield new
    finally:
        for sandbox in started:
            sandbox.stop()
