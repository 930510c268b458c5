"""The web process's HTTP front in a thread of this process, before any WSGI app, and raw calls."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from wsgiref.types import WSGIApplication

from webhooks.front.front import Front
from webhooks.front.limits import Limits


@dataclass
class Served:
    """A front that runs."""

    port: int
    turned_away: list[None] = field(default_factory=list)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, *pieces: bytes) -> bytes:
        """All that is answered to these bytes until the server closes, or the peer's end."""
        with self.connect() as link:
            for piece in pieces:
                link.sendall(piece)
            link.shutdown(socket.SHUT_WR)
            return rest(link)


@contextmanager
def served(
    app: WSGIApplication,
    limits: Limits | None = None,
    threads: Mapping[str, int] | None = None,
) -> Iterator[Served]:
    """Serve ``app`` on the loopback."""
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        found = Served(listener.getsockname()[1])
        front = Front(
            app, listener, threads or {"": 2}, limits or Limits(),
            lambda: found.turned_away.append(None),
        )  # fmt: skip

        async def run() -> None:
            stop = asyncio.Event()
            started.append((asyncio.get_running_loop(), stop))
            await front.run(stop, 0.0)

        thread = Thread(target=asyncio.run, args=(run(),))
        thread.start()
        try:
            yield found
        finally:
            loop, stop = started[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join()


def rest(link: socket.socket) -> bytes:
    """All that comes until the end; what was read before a reset counts."""
    got = bytearray()
    with suppress(ConnectionResetError):
        while piece := link.recv(65536):
            got += piece
    return bytes(got)


def one(link: socket.socket) -> tuple[bytes, bytes]:
    """The head and body of one answer that says its length."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = link.recv(65536)
        assert piece, got
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += link.recv(65536)
    return head, body
