"""The client that sends callbacks: keep-alive connections, one loop, requests built beforehand.

It runs in a process of its own and costs a small share of what it measures. The load is closed:
every connection sends its next request as soon as the answer to the last one is there.
"""

import gc
import re
import socket
from collections import defaultdict
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from time import perf_counter, process_time

from tests.bench import procfs

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
#: Answers that end with their head.
_WITHOUT_BODY = (b"204", b"304")
_TIMEOUT_S = 20
#: How often so many connections are opened, until they fall evenly on the server's processes.
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Target:
    """A server: its port, the leader of its session, and how many processes answer."""

    port: int
    pid: int
    workers: int


@dataclass(frozen=True, slots=True)
class Load:
    """What became of one round."""

    seconds: float
    client_cpu_s: float
    latencies: tuple[float, ...]  #: seconds, sorted
    refused: int  #: answers other than 200
    spread: tuple[int, ...]  #: connections per process of the server

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def post(path: str, body: bytes, more: str = "") -> bytes:
    """One callback as it goes over the wire; ``more``: further lines of its head."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


class Connection:
    """A keep-alive connection of which one request at a time waits for its answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = b""

    @property
    def port(self) -> int:
        """Ours, by which the server's side can be found."""
        port: int = self.socket.getsockname()[1]
        return port

    def ask(self, request: bytes) -> bytes:
        """The whole answer."""
        self.socket.sendall(request)
        while (answer := self.receive()) is None:
            pass
        return answer

    def receive(self) -> bytes | None:
        """The answer if it is complete with what comes next."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed a connection that was to be kept")
        self._got += piece
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = _LENGTH.search(self._got[: head + 2])
        if length is None and self._got[9:12] not in _WITHOUT_BODY:
            return None
        if length and len(self._got) < head + 4 + int(length[1]):
            return None
        answer, self._got = self._got, b""
        return answer

    def close(self) -> None:
        self.socket.close()


def drive(target: Target, streams: list[list[bytes]]) -> Load:
    """Send each stream over a connection of its own, all at the same time."""
    connections, spread = _even(target, len(streams))
    gc.disable()
    try:
        return _drive(connections, streams, spread)
    finally:
        gc.enable()
        for connection in connections:
            connection.close()


def _drive(
    connections: list[Connection], streams: list[list[bytes]], spread: tuple[int, ...]
) -> Load:
    latencies: list[float] = []
    refused, left = 0, len(streams)
    selector = DefaultSelector()
    began, cpu = perf_counter(), process_time()
    for connection, stream in zip(connections, streams, strict=True):
        requests = iter(stream)
        connection.socket.sendall(next(requests))
        selector.register(connection.socket, EVENT_READ, [connection, requests, perf_counter()])
    while left:
        events = selector.select(_TIMEOUT_S)
        if not events:
            raise TimeoutError("the server does not answer")
        for key, _ in events:
            connection, requests, sent = key.data
            answer = connection.receive()
            if answer is None:
                continue
            latencies.append(perf_counter() - sent)
            refused += not answer.startswith(b"HTTP/1.1 200")
            request = next(requests, None)
            if request is None:
                selector.unregister(connection.socket)
                left -= 1
                continue
            key.data[2] = perf_counter()
            connection.socket.sendall(request)
    seconds, cpu = perf_counter() - began, process_time() - cpu
    return Load(seconds, cpu, tuple(sorted(latencies)), refused, spread)


def _even(target: Target, count: int) -> tuple[list[Connection], tuple[int, ...]]:
    """Connections that fall evenly on the server's processes, if that can be had.

    The kernel gives a connection to either process by chance; on one of two it finds half a server.
    """
    opened: list[Connection] = []
    for _ in range(_TRIES):
        opened += [_greeted(target.port) for _ in range(count)]
        kept = _shares(opened, target, count)
        if len(kept) == count:
            break
    else:
        kept = opened[:count]
    for connection in opened:
        if connection not in kept:
            connection.close()
    return kept, _spread(kept, target)


def _shares(opened: list[Connection], target: Target, count: int) -> list[Connection]:
    """At most an equal share of the connections for each process."""
    if not procfs.AVAILABLE:
        return opened[:count]
    owners = procfs.owners(procfs.session(target.pid), target.port)
    mine: dict[int, list[Connection]] = defaultdict(list)
    for connection in opened:
        mine[owners[connection.port]].append(connection)
    share = count // target.workers
    return [connection for group in mine.values() for connection in group[:share]]


def _spread(kept: list[Connection], target: Target) -> tuple[int, ...]:
    if not procfs.AVAILABLE:
        return ()
    owners = procfs.owners(procfs.session(target.pid), target.port)
    pids = [owners[connection.port] for connection in kept]
    return tuple(sorted((pids.count(pid) for pid in set(pids)), reverse=True))


def _greeted(port: int) -> Connection:
    """A connection that the server has taken."""
    connection = Connection(port)
    connection.ask(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return connection
