"""Just enough of a provider: it accepts all, notes when a submission came, and serves a picture.

Not the sandbox: its Flask threads would take more of the machine than what the bench measures.
"""

import json
import re
import socket
from itertools import count
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.support.drawing import draw

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Arrival(NamedTuple):
    """A submission: when its last byte was there (``time.monotonic``), and what became of it."""

    at: float
    body: dict[str, Any]
    task_id: str


class Provider:
    """Answers one connection after the other in a thread; plain sockets, which cost little."""

    def __init__(self) -> None:
        self.arrivals: SimpleQueue[Arrival] = SimpleQueue()
        self.asked = 0  #: calls other than submissions and pictures
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._picture = draw(size=(64, 64))
        self._ids = count(1_750_000_000_000_000)
        self._thread = Thread(target=self._serve, name="provider", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    self._answer(connection)
                except (OSError, ValueError):
                    continue  # a program that was stopped in the middle

    def _answer(self, connection: socket.socket) -> None:
        head, body = _read(connection)
        at = monotonic()
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/mj/submit/"):
            arrival = Arrival(at, json.loads(body), str(next(self._ids)))
            self.arrivals.put(arrival)
            self._say(connection, json.dumps(_accepted(arrival.task_id)).encode())
        elif path.endswith(b".png"):
            self._say(connection, self._picture, "image/png")
        else:
            self.asked += 1
            self._say(connection, b"[]")

    @staticmethod
    def _say(connection: socket.socket, body: bytes, kind: str = "application/json") -> None:
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        connection.sendall(head.encode() + body)


def _read(connection: socket.socket) -> tuple[bytes, bytes]:
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += _piece(connection)
    length = _LENGTH.search(got)
    whole = end + 4 + (int(length[1]) if length else 0)
    while len(got) < whole:
        got += _piece(connection)
    return got[:end], got[end + 4 : whole]


def _piece(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionError
    return piece


def _accepted(task_id: str) -> dict[str, Any]:
    return {"code": 1, "description": "提交成功", "result": task_id, "properties": {}}
