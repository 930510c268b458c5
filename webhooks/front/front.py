"""One web process: accepts connections, ends slow ones, and drops idle ones where others come.

The loop's thread reads and writes; threads run the app. Neither waits for a peer.
"""

import asyncio
import errno
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIApplication

from webhooks.front.calling import Call, Threads, refusal
from webhooks.front.connection import Connection, Surroundings
from webhooks.front.head import Refused
from webhooks.front.limits import Limits
from webhooks.front.saturation import Saturation
from webhooks.front.table import NoRoom, Table, peer_of

#: Seconds between two looks at the deadlines.
_LOOK_EVERY_S = 0.5
#: Seconds without accepting after the system had no more descriptors or memory.
_PAUSE_S = 0.1
#: Errors of accept() that mean this.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_BUSY = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests wait; try again later.")
_FULL = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections; try again later.")


class Front:
    """Serves ``app`` on ``listener``.

    ``threads`` has the number of threads by the beginning of the paths that they serve, the longest
    first: so slow calls of one kind never hold up the others. ``turned_away`` is called, in the
    loop's thread, for connections that found no room.
    """

    def __init__(
        self,
        app: WSGIApplication,
        listener: socket.socket,
        threads: Mapping[str, int],
        limits: Limits,
        turned_away: Callable[[], None],
    ) -> None:
        self._listener = listener
        self._pools = [
            (start, Threads(app, start.strip("/") or "api", count))
            for start, count in threads.items()
        ]
        self._table = Table[Connection](limits)
        self._saturation = Saturation(turned_away)

    async def run(self, stop: asyncio.Event, stop_s: float) -> None:
        """Serve until ``stop``; then finish what has begun, for ``stop_s`` seconds at most."""
        self._loop = loop = asyncio.get_running_loop()
        self._around = Surroundings(loop, self._table, _base(self._listener), self._put)
        self._listener.settimeout(0)
        self._look()
        self._open()
        await stop.wait()
        self._around.stopping = True
        loop.remove_reader(self._listener.fileno())
        for connection in list(self._table):
            connection.finish()
        end = loop.time() + stop_s
        while len(self._table) and loop.time() < end:  # noqa: ASYNC110  # once, at the end
            await asyncio.sleep(0.02)
        for connection in list(self._table):
            connection.drop()

    def _put(self, call: Call) -> None:
        """Give a request to the threads for its path."""
        path: str = call.environ["PATH_INFO"]
        threads = next(threads for start, threads in self._pools if path.startswith(start))
        if not threads.put(call):
            self._saturation.refused(call.environ["REMOTE_ADDR"], len(self._table))
            call.asker.answered(refusal(_BUSY))

    def _open(self) -> None:
        if not self._around.stopping:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        """Accept one connection: the other process may have the next one."""
        try:
            opened, address = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._pause()
            return  # or the other process, or the peer, was quicker
        opened.settimeout(0)
        peer = peer_of(address[0])
        try:
            self._make_room(peer)
        except NoRoom:
            self._refuse(opened, peer)
            return
        connection = Connection(self._around, peer, address[0])
        self._table.add(connection, self._loop.time())
        connection.open(opened)

    def _make_room(self, peer: str | None) -> None:
        """Drop an idle connection if there is no room for another one. Raises ``NoRoom``."""
        dropped = self._table.room_for(peer)
        if dropped:
            dropped.drop()
            mine = peer is not None and dropped.peer == peer
            self._saturation.dropped(peer, len(self._table), for_itself=mine)

    def _refuse(self, opened: socket.socket, peer: str | None) -> None:
        self._saturation.refused(peer, len(self._table))
        answer = refusal(_FULL)
        with opened, suppress(OSError):  # it may have gone already
            opened.send(b"%bConnection: close\r\n\r\n%b" % (answer.head, answer.body or b""))

    def _pause(self) -> None:
        """The system can open nothing more: accept nothing for a moment, and make room."""
        self._saturation.refused(None, len(self._table))
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(_PAUSE_S, self._open)
        with suppress(NoRoom):  # those in use end by themselves
            self._table.least().drop()

    def _look(self) -> None:
        """Look at the deadlines, and at the clock for the header Date."""
        self._around.date = b"Date: %b\r\n" % formatdate(usegmt=True).encode()
        for connection in self._table.overdue(self._loop.time()):
            connection.overdue()
        self._loop.call_later(_LOOK_EVERY_S, self._look)


def _base(listener: socket.socket) -> dict[str, Any]:
    """What the WSGI environment of every request has."""
    host, port = listener.getsockname()[:2]
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
