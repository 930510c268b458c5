"""A client for hostile requests: some keep-alive connections, one loop, the next input at once.

A connection that the server closes, as it may after what was no HTTP, is opened anew.
"""

import re
import socket
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector

from tests.chaos.fuzzing import CLOSED, Input

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_TIMEOUT_S = 20.0
#: A kept connection was closed before it answered, as a server does that has not read all that the
#: input before held. What was sent is sent again.
_LATE = -1
#: So many of the inputs that failed are told.
_SHOWN = 10


class Silent(Exception):
    """The server does not answer."""


@dataclass(slots=True)
class Outcome:
    """What was answered."""

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failed: list[tuple[Input, int]] = field(default_factory=list)  #: some of them, with the status
    failures: int = 0

    def take(self, done: Input, status: int, seconds: float) -> None:
        """Note one answer."""
        self.latencies.append(seconds)
        self.statuses[done.sort, status] += 1
        if status in done.allowed:
            return
        self.failures += 1
        if len(self.failed) < _SHOWN:
            self.failed.append((done, status))

    def quantile(self, share: float) -> float:
        """Seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Line:
    """One connection, of which one input at a time waits for its answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._got = b""
        self._fresh = True
        self.input: Input | None = None
        self._sent = 0.0
        self.socket = self._connected()

    def _connected(self) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT_S)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def send(self, made: Input) -> None:
        self.input, self._got, self._sent = made, b"", time.perf_counter()
        with suppress(ConnectionError):  # it has answered already, or closed: reading tells
            self.socket.sendall(made.wire)

    def receive(self) -> tuple[int, float, bool] | None:
        """Status, seconds and whether the connection goes on; None while there is more to come."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            piece = b""
        self._got += piece
        status, goes_on = _read(self._got)
        if piece and status == CLOSED:
            return None
        late = status == CLOSED and not self._got and not self._fresh
        self._fresh = False
        return (_LATE if late else status), time.perf_counter() - self._sent, goes_on

    def renew(self) -> None:
        self.socket.close()
        self.socket, self._fresh = self._connected(), True


def _read(got: bytes) -> tuple[int, bool]:
    """The status of a complete answer, and whether the connection goes on; else ``CLOSED``."""
    head = got.find(b"\r\n\r\n")
    if head < 0:
        return CLOSED, False
    length = _LENGTH.search(got, 0, head + 2)
    if len(got) < head + 4 + (int(length[1]) if length else 0):
        return CLOSED, False
    return int(got[9:12]), _LAST.search(got, 0, head + 2) is None


def hammer(
    port: int, inputs: Iterator[Input], *, connections: int, look: Callable[[Outcome], None]
) -> Outcome:
    """Send all ``inputs``; ``look`` is called after each. Raises ``Silent``."""
    outcome, selector = Outcome(), DefaultSelector()
    lines = [_Line(port) for _ in range(connections)]
    try:
        for line in lines:
            if made := next(inputs, None):
                line.send(made)
                selector.register(line.socket, EVENT_READ, line)
        while selector.get_map():
            ready = selector.select(_TIMEOUT_S)
            if not ready:
                waiting = [each.input.number for each in lines if each.input]
                raise Silent(f"no answer within {_TIMEOUT_S:g} s to inputs {waiting}")
            for key, _ in ready:
                _go_on(key.data, inputs, selector, outcome)
                look(outcome)
    finally:
        selector.close()
        for line in lines:
            line.socket.close()
    return outcome


def _go_on(
    line: _Line, inputs: Iterator[Input], selector: DefaultSelector, outcome: Outcome
) -> None:
    answer = line.receive()
    if answer is None or line.input is None:
        return
    status, seconds, goes_on = answer
    made: Input | None = line.input
    if status != _LATE:
        outcome.take(line.input, status, seconds)
        made = line.input = next(inputs, None)
    if made is None or not goes_on:
        selector.unregister(line.socket)
    if made is None:
        return
    if not goes_on:
        line.renew()
        selector.register(line.socket, EVENT_READ, line)
    line.send(made)
