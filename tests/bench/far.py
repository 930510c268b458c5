"""A server far away: TLS, and each byte takes its time on the way."""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from tests.support.certificates import certificates, server_side

#: Seconds that bytes take there and back.
_AWAY_S = 0.05

#: Serves one connection.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def trusted(folder: Path) -> Iterator[ssl.SSLContext]:
    """A server's context whose certificate is trusted here, and by programs started meanwhile."""
    made, name = certificates(folder), "REQUESTS_CA_BUNDLE"
    before = os.environ.get(name)
    os.environ[name] = str(made.authority)
    try:
        yield server_side(made)
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


@contextmanager
def far_away(serve: Serve, tls: ssl.SSLContext) -> Iterator[int]:
    """The port of the way to a server that handles each connection by ``serve``."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    async def run() -> None:
        near = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        relay = _Relay(near.sockets[0].getsockname()[1])
        way = await asyncio.start_server(relay, "127.0.0.1", 0)
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop, way.sockets[0].getsockname()[1]))
        await stop.wait()

    thread = Thread(target=asyncio.run, args=(run(),))
    thread.start()
    loop, stop, port = started.result()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def passing_on(port: int) -> Serve:
    """What hands everything on to the server at ``port`` of this machine, and its answers back."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.CancelledError):  # the measurement is over
            await asyncio.gather(_carry(reader, back), _carry(there, writer))

    return serve


class _Relay:
    """Each byte takes half of ``_AWAY_S``, and so does each way of a new connection's handshake."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(_AWAY_S)  # the handshake of TCP
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        with suppress(asyncio.CancelledError):  # the measurement is over
            await asyncio.gather(
                _carry(reader, back, _AWAY_S / 2), _carry(there, writer, _AWAY_S / 2)
            )


async def _carry(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, takes_s: float = 0.0
) -> None:
    later = asyncio.get_running_loop().call_later
    with suppress(OSError):
        while data := await source.read(65536):
            later(takes_s, target.write, data)
    later(takes_s, target.close)
