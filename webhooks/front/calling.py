"""Runs the WSGI app (PEP 3333) in threads. A thread has a request only once its body is here, and
leaves its answer with the loop: it never waits for a peer.
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from json import dumps
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, Protocol
from wsgiref.types import WSGIApplication

from config.logger import get_logger
from webhooks.front.asking import BodyWanted
from webhooks.front.head import Refused
from webhooks.front.limits import MAX_WAITING

log = get_logger(__name__)

#: On every answer that does not say otherwise: a browser must not guess types, nor run or load
#: anything on account of what is served here, which may quote strangers.
_ALWAYS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class Answer(NamedTuple):
    """The head of an answer, without its end, and its body; None if that follows in pieces."""

    head: bytes
    body: bytes | None


class Asker(Protocol):
    """Who is answered. Threads call these; none of them waits."""

    def wanted(self, limit: int) -> None:
        """The app wants the body first, of ``limit`` bytes at most."""

    def answered(self, answer: Answer) -> None:
        """The answer, or its head."""

    def piece(self, piece: bytes) -> None:
        """The next piece of the answer's body; an empty one ends it."""

    def broke(self) -> None:
        """The answer ends here, incomplete."""

    @property
    def gone(self) -> bool:
        """Whether nobody is there to be answered."""


class Call(NamedTuple):
    """One request for the app."""

    asker: Asker
    environ: dict[str, Any]


class Threads:
    """Threads that run the app, with a queue of their own."""

    def __init__(self, app: WSGIApplication, name: str, count: int) -> None:
        self._app = app
        self._calls: SimpleQueue[Call] = SimpleQueue()
        for number in range(count):
            Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def put(self, call: Call) -> bool:
        """Run the app as soon as a thread is free; False: too many requests wait for that."""
        if self._calls.qsize() >= MAX_WAITING:
            return False
        self._calls.put(call)
        return True

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            try:
                run(self._app, call)
            except BodyWanted as wanted:
                call.asker.wanted(wanted.limit)
            except Exception:  # the thread must live
                log.exception("request.failed")
                call.asker.broke()
            del call  # its body must not wait in memory for the next one


def run(app: WSGIApplication, call: Call) -> None:
    """Run the app for one request. Raises what it raises."""
    started: list[Any] = []

    def start(status: str, fields: list[tuple[str, str]], _exc_info: Any = None) -> Any:
        started[:] = [status, fields]

    pieces = app(call.environ, start)
    try:
        _deliver(call, pieces, *started)
    finally:
        close: Callable[[], None] | None = getattr(pieces, "close", None)
        if close:
            close()


def _deliver(
    call: Call, pieces: Iterable[bytes], status: str, fields: list[tuple[str, str]]
) -> None:
    known = any(name.lower() == "content-length" for name, _ in fields)
    if known or call.environ["REQUEST_METHOD"] == "HEAD":
        call.asker.answered(Answer(head_of(status, fields), b"".join(pieces)))
        return
    chunked = call.environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    more = [("Transfer-Encoding", "chunked")] if chunked else []
    call.asker.answered(Answer(head_of(status, fields + more), None))
    for piece in filter(None, pieces):
        if call.asker.gone:
            return
        call.asker.piece(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        call.asker.piece(b"0\r\n\r\n")
    call.asker.piece(b"")


def refusal(refused: Refused) -> Answer:
    """The answer to a request that the app never sees, in the form of the app's own (RFC 9457)."""
    status: HTTPStatus = refused.status
    problem = {
        "type": f"urn:hookline:problem:{status.phrase.lower().replace(' ', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": refused.detail,
    }
    body = dumps(problem).encode()
    fields = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
    return Answer(head_of(f"{status.value} {status.phrase}", fields), body)


def head_of(status: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """An answer's head without its end."""
    listed = list(fields)
    given = {name.lower() for name, _ in listed}
    listed += [(name, value) for name, value in _ALWAYS.items() if name.lower() not in given]
    lines = [f"HTTP/1.1 {status}\r\n", *(f"{name}: {value}\r\n" for name, value in listed)]
    return "".join(lines).encode("latin-1")
