"""A provider to compare programs at: takes submissions, reports each task five times, keeps books.

    python -m tests.bench.peers.provider PORT [--faults] [--answers-after S] [--takes S]

One loop over plain sockets: the sandbox would take more of the machine than what is compared.
With ``--faults`` each callback is sent twice, each copy is lost with 20 % or held back for up to a
second, and 3 % of the submissions get 500 although they were accepted.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from tests.bench.load import post
from worker.adapters.local.supervisor import end_with_parent

#: Seconds that a task takes.
SHORTEST_S, LONGEST_S = 0.2, 0.5
#: What is reported of a task, at equal distances.
STEPS = ("0%", "25%", "50%", "75%", "100%")
#: How many callbacks are on their way at once.
SENDERS = 10
LOST, HELD_BACK_S, CUT_OFF = 0.2, 1.0, 0.03
#: A program that does not answer within so many seconds has not got the callback.
_PATIENCE_S = 10.0


@dataclass(slots=True)
class Task:
    """An accepted submission. Times are seconds since the epoch."""

    id: str
    state: str
    hook: str
    prompt: str
    parent: str | None
    custom_id: str | None
    accepted_at: float
    progress: str = ""
    ended_at: float | None = None
    taken_at: float | None = None  #: when a program took the news of its end

    def written(self) -> dict[str, Any]:
        """As trueai writes it."""
        done = self.progress == STEPS[-1]
        return {
            "id": self.id,
            "state": self.state,
            "action": "UPSCALE" if self.parent else "IMAGINE",
            "status": "SUCCESS" if done else "IN_PROGRESS",
            "progress": self.progress or STEPS[0],
            "prompt": self.prompt,
            "promptEn": self.prompt,
            "description": f"/imagine {self.prompt}",
            "submitTime": int(self.accepted_at * 1000),
            "startTime": int(self.accepted_at * 1000),
            "finishTime": int((self.ended_at or 0) * 1000) or None,
            "imageUrl": f"http://127.0.0.1/{self.id}.png" if done else None,
            "failReason": "" if done else None,
            "buttons": list(self._buttons()) if done else [],
            "properties": {"notifyHook": self.hook, "messageId": self.id[::-1]},
        }

    def _buttons(self) -> Iterator[dict[str, Any]]:
        shown = (
            (("V", "low_variation"),) if self.parent else (("U", "upsample"), ("V", "variation"))
        )
        for letter, verb in shown:
            for n in range(1, 5):
                custom_id = f"MJ::JOB::{verb}::{n}::{self.id}"
                yield {
                    "customId": custom_id,
                    "emoji": "",
                    "label": f"{letter}{n}",
                    "type": 2,
                    "style": 2,
                }


class Provider:
    """The tasks, their callbacks, and the answers to all calls."""

    def __init__(self, *, faults: bool, answers_after_s: float, takes_s: float | None) -> None:
        self._faults = faults
        self._answers_after_s = answers_after_s
        self._takes_s = (takes_s, takes_s) if takes_s else (SHORTEST_S, LONGEST_S)
        self._rng = random.Random(2026)
        self._ids = count(1_750_000_000_000_000)
        self._tasks: dict[str, Task] = {}
        self._outgoing: asyncio.Queue[tuple[Task, bytes]] = asyncio.Queue()
        self._kept: set[asyncio.Task[None]] = set()

    async def serve(self, port: int) -> None:
        for _ in range(SENDERS):
            self._begin(self._send())
        server = await asyncio.start_server(self._connection, "127.0.0.1", port, backlog=512)
        async with server:
            await server.serve_forever()

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._kept.add(task)  # the loop itself holds no reference
        task.add_done_callback(self._kept.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.split(b" ", 2)
                body = await reader.readexactly(_length(head))
                status, answer = self._answer(method.decode(), path.decode(), body)
                if path.startswith(b"/mj/submit/"):
                    await asyncio.sleep(self._answers_after_s)
                text = json.dumps(answer).encode()
                writer.write(
                    b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (status, len(text), text)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path.startswith("/mj/submit/"):
            return self._submit(json.loads(body))
        if path.startswith("/mj/task/list"):
            wanted = json.loads(body).get("ids") if body else None
            found = [self._tasks.get(each) for each in wanted or ()]
            newest = list(self._tasks.values())[-100:]
            return 200, [task.written() for task in (found if wanted else newest) if task]
        if path.startswith("/mj/task/"):
            task = self._tasks.get(path.split("/")[3])
            return (200, task.written()) if task else (204, None)
        if path == "/ledger":
            return 200, [asdict(task) for task in self._tasks.values()]
        if path == "/reset":
            self._tasks = {}
            return 200, None
        return 404, None

    def _submit(self, body: dict[str, Any]) -> tuple[int, Any]:
        task = Task(
            id=str(next(self._ids)),
            state=body.get("state", ""),
            hook=body.get("notifyHook", ""),
            prompt=body.get("prompt", ""),
            parent=body.get("taskId"),
            custom_id=body.get("customId"),
            accepted_at=time.time(),
        )
        self._tasks[task.id] = task
        self._begin(self._run(task))
        if self._faults and self._rng.random() < CUT_OFF:
            return 500, {"message": "Internal Server Error"}
        return 200, {"code": 1, "description": "提交成功", "result": task.id, "properties": {}}

    async def _run(self, task: Task) -> None:
        pause = self._rng.uniform(*self._takes_s) / (len(STEPS) - 1)
        for step in STEPS:
            if step != STEPS[0]:
                await asyncio.sleep(pause)
            task.progress = step
            if step == STEPS[-1]:
                task.ended_at = time.time()
            body = json.dumps(task.written()).encode()
            if not self._faults:
                self._outgoing.put_nowait((task, body))
                continue
            for _ in range(2):
                if self._rng.random() >= LOST:
                    self._begin(self._later(task, body, self._rng.uniform(0, HELD_BACK_S)))

    async def _later(self, task: Task, body: bytes, held_back_s: float) -> None:
        await asyncio.sleep(held_back_s)
        self._outgoing.put_nowait((task, body))

    async def _send(self) -> None:
        """One of the places that callbacks come from; each opens a connection of its own."""
        while True:
            task, body = await self._outgoing.get()
            hook = urlsplit(task.hook)
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    reader, writer = await asyncio.open_connection(hook.hostname, hook.port)
                    writer.write(post(hook.path, body, "Connection: close\r\n"))
                    answer = await reader.read(65536)
                    writer.close()
            except (OSError, TimeoutError):
                continue
            if answer.startswith(b"HTTP/1.1 200") and task.ended_at and b'"SUCCESS"' in body:
                task.taken_at = task.taken_at or time.time()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def main() -> None:
    """Serve until told to stop."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers.provider")
    parser.add_argument("port", type=int)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--answers-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--takes", type=float, metavar="SECONDS", help="each task")
    options = parser.parse_args()
    provider = Provider(
        faults=options.faults, answers_after_s=options.answers_after, takes_s=options.takes
    )
    asyncio.run(provider.serve(options.port))


if __name__ == "__main__":
    main()
