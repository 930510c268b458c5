"""One connection of the web process: bytes in, requests to the app, answers out.

All of it is in the loop's thread; the app's threads answer by way of ``Delivery``.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from webhooks.front.asking import AGAIN, HEAD_ONLY, Absent
from webhooks.front.calling import Answer, Call, refusal
from webhooks.front.head import Refused
from webhooks.front.limits import PACE, SMALL_BODY, Phase
from webhooks.front.reader import Reader
from webhooks.front.spool import Spool
from webhooks.front.table import Table
from webhooks.front.wire import Wire

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SLOW = Refused(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
_FAILED = Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log has more.")


@dataclass(slots=True)
class Surroundings:
    """What the connections of a process share."""

    loop: asyncio.AbstractEventLoop
    table: "Table[Connection]"
    base: dict[str, Any]  #: what the WSGI environment of every request has
    run: Callable[[Call], None]  #: puts a request before the app
    date: bytes = b""  #: the header of answers sent now
    stopping: bool = False  #: whether connections end with the request that they have


class Connection:
    """A connection from its first byte to its last; ``phase`` is the table's to change."""

    def __init__(self, around: Surroundings, peer: str | None, address: str) -> None:
        self.phase = Phase.SILENT
        self.peer = peer
        self._around = around
        self._reader = Reader({**around.base, "REMOTE_ADDR": address})
        self.gone = False  #: whether it is closed, or given up
        self._reset()

    def _reset(self) -> None:
        self._limit: int | None = None  # of the body; None: the app has not been asked
        self._unread = False  # whether the peer sends what nobody reads
        self._sent = 0
        self._paced = 0
        self._ended = False
        self._backlog: Spool | None = None

    def open(self, opened: socket.socket) -> None:
        """Begin to read."""
        self._wire = Wire(self._around.loop, opened, self)
        self._wire.begin()

    # What the wire calls.

    def lost(self) -> None:
        """The connection is closed, by whomever."""
        self.gone = True
        self._around.table.remove(self)
        if self._backlog:
            self._backlog.close()
        if self.phase is not Phase.RUNNING:  # there the app reads the body
            self._reader.close()

    def received(self, data: bytes) -> None:
        """Bytes came."""
        if self.phase is Phase.LEAVING:
            return
        if self.phase in (Phase.RUNNING, Phase.SENDING):
            self._unread = True
            self._wire.pause()
            return
        try:
            self._reader.feed(data)
        except Refused as refused:
            self._refuse(refused)
            return
        self._advance()

    def ended(self) -> None:
        """The peer sends no more, but may still read: keep open what is being answered."""
        self._reader.keep = False
        if self.phase not in (Phase.RUNNING, Phase.SENDING):
            self._wire.close()

    def drained(self) -> None:
        """Everything has been sent so far."""
        while self._backlog and self._backlog.waiting and not self._wire.unsent:
            self._write(self._backlog.take())
        self._end_if_sent()

    # The request.

    def _advance(self) -> None:
        """Do what can be done with what has been read."""
        reader = self._reader
        if reader.complete:
            self._run()
        elif reader.environ is None:
            if self.phase is not Phase.HEAD and reader.begun:
                self._move(Phase.HEAD)
        elif self._limit is None and (
            reader.expects or max(reader.declared, reader.body.size) > SMALL_BODY
        ):
            self._show_head()
        elif self._limit is not None and reader.body.size > self._limit:
            self._run()  # the app says what is too large
        elif self.phase is not Phase.BODY:
            self._move(Phase.BODY)

    def _show_head(self) -> None:
        """Ask the app whether it wants the body."""
        self._wire.pause()
        environ = {**(self._reader.environ or {}), HEAD_ONLY: True, "wsgi.input": Absent()}
        self._call(environ)

    def _run(self) -> None:
        reader = self._reader
        self._unread = reader.more or not reader.complete
        if self._unread or not reader.keep:
            self._wire.pause()
        environ = reader.environ or {}
        environ["wsgi.input"] = reader.body.whole()
        if self._limit is not None:
            environ[AGAIN] = True
        self._call(environ)

    def _call(self, environ: dict[str, Any]) -> None:
        self._move(Phase.RUNNING)
        self._around.run(Call(Delivery(self, self._around.loop), environ))

    def wanted(self, limit: int) -> None:
        """The app wants the body."""
        if self.gone:
            self._reader.close()
            return
        self._limit = limit
        if self._reader.expects and not self._reader.body.size:
            self._wire.write(_CONTINUE)
        self._move(Phase.BODY)
        self._wire.resume()
        self._advance()

    # The answer.

    def answered(self, answer: Answer) -> None:
        """Send the answer, or its head."""
        if self.gone:
            self._reader.close()
            return
        reader, around = self._reader, self._around
        self._unread = self._unread or not reader.complete
        reader.keep = reader.keep and not self._unread and not around.stopping
        close = b"" if reader.keep else b"Connection: close\r\n"
        self._move(Phase.SENDING)
        self._ended = answer.body is not None
        self._write(b"%b%b%b\r\n%b" % (answer.head, around.date, close, answer.body or b""))
        self._end_if_sent()

    def piece(self, piece: bytes) -> None:
        """Send the next piece of the answer's body; an empty one ends it."""
        if self.gone:
            return
        if not piece:
            self._ended = True
        elif self._wire.unsent:
            self._backlog = self._backlog or Spool()
            self._backlog.add(piece)
        else:
            self._write(piece)
        self._end_if_sent()

    def broke(self) -> None:
        """The app failed."""
        if self.gone:
            self._reader.close()
            return
        if self.phase is Phase.RUNNING:
            self.answered(refusal(_FAILED))
        else:
            self._wire.close()  # half an answer must not look like a whole one

    def _refuse(self, refused: Refused) -> None:
        self._unread = True
        self.answered(refusal(refused))

    def _write(self, data: bytes) -> None:
        if not self.gone:
            self._sent += len(data)
            self._wire.write(data)

    def _end_if_sent(self) -> None:
        """After the last byte: wait for another request, or close."""
        waits = self._wire.unsent or (self._backlog and self._backlog.waiting)
        if self._ended and not waits and self.phase is Phase.SENDING and not self.gone:
            if self._reader.keep:
                self._again()
            else:
                self._leave()

    def _again(self) -> None:
        self._reader.body.close()
        self._reader.reset()
        if self._backlog:
            self._backlog.close()
        self._reset()
        self._move(Phase.KEPT)

    def _leave(self) -> None:
        if self._unread or self._wire.has_more:
            self._move(Phase.LEAVING)
            self._wire.end()
        else:
            self._wire.close()

    # What the front calls.

    def drop(self) -> None:
        """Give the place up at once."""
        self._wire.close()

    def finish(self) -> None:
        """Close if no request has begun."""
        if self.phase in (Phase.SILENT, Phase.KEPT):
            self._wire.close()

    def overdue(self) -> None:
        """The patience with the phase has been used up."""
        if self.phase is Phase.BODY and self._is_moving(self._reader.moved):
            self._move(Phase.BODY)
        elif self.phase is Phase.SENDING and self._is_moving(self._sent - self._wire.unsent):
            self._move(Phase.SENDING)
        elif self.phase in (Phase.HEAD, Phase.BODY):
            self._refuse(_SLOW)
        else:
            self.drop()

    def _is_moving(self, moved: int) -> bool:
        """Whether enough moved since the last time."""
        since, self._paced = moved - self._paced, moved
        return since >= PACE

    def _move(self, phase: Phase) -> None:
        self._around.table.move(self, phase, self._around.loop.time())


class Delivery:
    """Takes what a thread answers to the loop."""

    __slots__ = ("_connection", "_loop")

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop

    @property
    def gone(self) -> bool:
        """Whether the connection is closed."""
        return self._connection.gone

    def wanted(self, limit: int) -> None:
        """The app wants the body."""
        self._tell(self._connection.wanted, limit)

    def answered(self, answer: Answer) -> None:
        """The answer, or its head."""
        self._tell(self._connection.answered, answer)

    def piece(self, piece: bytes) -> None:
        """The next piece of the answer's body; an empty one ends it."""
        self._tell(self._connection.piece, piece)

    def broke(self) -> None:
        """The answer ends here, incomplete."""
        self._tell(self._connection.broke)

    def _tell(self, method: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the process stopped meanwhile, and with it the loop
            self._loop.call_soon_threadsafe(method, *args)
