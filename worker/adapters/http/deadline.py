"""SHELL. Deadlines for whole HTTP calls, however slowly the bytes come.

The libraries' timeouts cover one wait each: a head, a chunk's length or a proxy's response that
trickles in restarts the timeout with every byte. So no wait of a ``Wire`` outlasts the call.
"""

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_until: ContextVar[float] = ContextVar("until")  #: ``time.monotonic()`` at which the call ends


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End this thread's calls in the block ``seconds`` after its start."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def left() -> float:
    """Seconds until the end of the call. Raises ``TimeoutError`` after it."""
    seconds = _until.get() - time.monotonic()
    if seconds <= 0:
        raise _late()
    return seconds


def _late() -> TimeoutError:
    return TimeoutError("The answer did not end in time.")


class Wire:
    """A connected socket, plain or TLS, as HTTP clients use it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Send all data before the deadline."""
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(left())
            try:
                rest = rest[self._sock.send(rest) :]
            except TimeoutError:
                raise _late() from None

    def recv(self, size: int) -> bytes:
        """Receive before the deadline, for TLS inside of TLS."""
        self._sock.settimeout(left())
        try:
            return self._sock.recv(size)
        except TimeoutError:
            raise _late() from None

    def makefile(self, _mode: str) -> io.BufferedReader:
        """A reader; the socket stays open until it is closed, too."""
        return io.BufferedReader(_Reader(self._sock))


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(left())
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            raise _late() from None

    def close(self) -> None:
        self._raw.close()
        super().close()
