"""Reads a connection's bytes as requests, one at a time. llhttp parses them, as strict as it can.

A request that begins before the one before it was answered is not read: who sends it so early must
be ready to send it again (RFC 9112, 9.3.2), and nothing can be smuggled behind another.
"""

from http import HTTPStatus
from typing import Any

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from config.logger import get_logger
from webhooks.front.head import Field, Refused, bad, environ_of, refuse_large
from webhooks.front.limits import MAX_HEAD
from webhooks.front.spool import Spool

log = get_logger(__name__)

_FRAMING = (b"content-length", b"transfer-encoding")


class Reader:
    """The request that is being read; ``httptools`` calls the methods named ``on_...``."""

    def __init__(self, base: dict[str, Any]) -> None:
        self._base = base
        self._parser = HttpRequestParser(self)
        self.reset()

    def reset(self) -> None:
        """Make ready for the next request."""
        self.environ: dict[str, Any] | None = None  #: once the head is complete
        self.complete = False
        self.more = False  #: whether another request follows already
        self.keep = True  #: whether another request may follow the answer
        self.moved = 0  #: bytes of the body so far, as sent
        self.body = Spool()
        self._fields: list[Field] = []
        self._method = self._version = ""
        self._target = b""
        self._size = 0
        self._headed = False

    @property
    def begun(self) -> bool:
        """Whether something of the request has come."""
        return bool(self._size)

    @property
    def declared(self) -> int:
        """The body's length, if the head says so."""
        return int(self.environ.get("CONTENT_LENGTH", 0)) if self.environ else 0

    @property
    def expects(self) -> bool:
        """Whether the peer waits to be asked for its body."""
        return bool(self.environ and self.environ.get("HTTP_EXPECT", "").lower() == "100-continue")

    def feed(self, data: bytes) -> None:
        """Read on. Raises ``Refused``."""
        if self._headed:
            self.moved += len(data)
        else:
            self._size += len(data)
        self._parse(data)
        if not self._headed:
            refuse_large(self._size, len(self._fields))
        elif self.environ is None:
            refuse_large(self._head_size(), len(self._fields))
            request = (self._method, self._target, self._version, self._fields)
            self.environ = environ_of(*request, self._base)

    def _head_size(self) -> int:
        """At most the bytes of the head; what came with it may be a body."""
        if self._size <= MAX_HEAD:
            return self._size
        return len(self._target) + sum(len(name) + len(value) for name, value in self._fields)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except HttpParserCallbackError:  # only the body's file can fail
            log.exception("request.not_stored")
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise Refused(status, "The body cannot be stored here.") from None
        except HttpParserError as error:
            if not self.complete:
                raise bad(f"This is not HTTP/1.1: {error}.") from None
            self.more = True

    def _stay(self, rest: bytes) -> None:
        """Go on with HTTP/1.1 where a peer offered another protocol, as Java's client does (h2c).

        The parser leaves the rest to that protocol; another one reads the body.
        """
        if self._method == "CONNECT":
            raise bad("This is no proxy.")
        framing = [each for each in self._fields if each[0].lower() in _FRAMING]
        head = b"".join(b"%b: %b\r\n" % each for each in framing)
        self.complete = self.keep = False
        self._parser = HttpRequestParser(_BodyOf(self))
        self._parse(b"POST / HTTP/1.1\r\n%b\r\n%b" % (head, rest))

    def close(self) -> None:
        """Give back what the request takes."""
        self.body.close()
        self._parser = None  # type: ignore[assignment]  # it refers to this reader

    def on_message_begin(self) -> None:
        """A request begins, perhaps behind one that was not answered."""
        self.more = self.more or self.complete

    def on_url(self, part: bytes) -> None:
        """A part of the target."""
        if not self._headed:
            self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head. Those behind the body (trailers) count for nothing."""
        if not self._headed:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        if not self._headed:
            self._headed = True
            self._method = self._parser.get_method().decode("latin-1")
            self._version = self._parser.get_http_version()
            self.keep = self._version == "1.1" and self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """A part of the body."""
        if not self.complete:
            self.body.add(piece)

    def on_message_complete(self) -> None:
        """The body is there."""
        self.more = self.more or self.complete
        self.complete = True


class _BodyOf:
    """What a reader takes from the parser that reads only the body."""

    def __init__(self, reader: Reader) -> None:
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete
