"""A gateway's front before a sandbox, which has troubles of all kinds for as long as it is told to.

Unlike ``proxy`` it knows the protocol: it answers in the provider's stead, loses single
submissions, and can let tasks run for ever.
"""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_HTML = "text/html"
_JSON = "application/json"
_PAGE = b"<!doctype html><html><head><title>Welcome</title></head><body>Hello</body></html>"
_BROKEN = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_NO_CHANNEL = "当前分组 default 下对于模型 mj_imagine 无可用渠道"
_NO_QUOTA = "用户额度不足, 剩余额度: 0"
_INVALID = "Invalid token"


class Kind(StrEnum):
    """A kind of trouble."""

    DOWN = "down"  #: nobody listens
    BROKEN = "5xx"  #: 502 for everything
    SUBMITS_BROKEN = "5xx for submits"
    UNAVAILABLE = "503"  #: for everything; nothing is accepted
    KEY = "401"  #: the provider's own answer to a wrong key
    QUOTA = "quota"  #: 403 for submits, and as new-api does, 401 for questions
    NO_CHANNEL = "no channel"  #: for submits
    PAGE = "a page"  #: 200 and HTML for everything
    BLIND = "blind"  #: 403 for questions only


#: Status, type and body of an answer in the provider's stead.
_Answer = tuple[int, str, bytes]


def _error(message: str, status: int, **more: str) -> _Answer:
    body = {"error": {"message": message, "type": "new_api_error", **more}}
    return status, _JSON, json.dumps(body).encode()


#: Of each trouble: the answers to submits and to questions; None: the provider's own.
_ANSWERS: dict[Kind, tuple[_Answer | None, _Answer | None]] = {
    Kind.BROKEN: ((502, _HTML, _BROKEN), (502, _HTML, _BROKEN)),
    Kind.SUBMITS_BROKEN: ((502, _HTML, _BROKEN), None),
    Kind.UNAVAILABLE: ((503, _HTML, _BROKEN), (503, _HTML, _BROKEN)),
    Kind.QUOTA: (_error(_NO_QUOTA, 403, code="insufficient_user_quota"), _error(_INVALID, 401)),
    Kind.NO_CHANNEL: (_error(_NO_CHANNEL, 503, code="model_not_found"), None),
    Kind.PAGE: ((200, _HTML, _PAGE), (200, _HTML, _PAGE)),
    Kind.BLIND: (None, _error("This token has no access to model", 403)),
}


class Front:
    """Listens on ``port`` for the sandbox at ``url``; as a context, it runs."""

    def __init__(self, url: str, port: int) -> None:
        self.port = port
        self.trouble: Kind | None = None
        self.pins = False  #: submissions are accepted, and their tasks never end
        self.loses = False  #: submissions are cut off before the provider has them
        self.submits: list[float] = []
        self.pinned: set[str] = set()
        self._target = urlsplit(url).netloc
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @contextmanager
    def having(self, kind: Kind) -> Iterator[None]:
        """The trouble lasts as long as the context."""
        if kind is Kind.DOWN:
            self._close()
        self.trouble = kind
        try:
            yield
        finally:
            self.trouble = None
            if kind is Kind.DOWN:
                self._open()

    def _open(self) -> None:
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                front.answer(self, b"")

            def do_POST(self) -> None:
                front.answer(self, self.rfile.read(int(self.headers["Content-Length"] or 0)))

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = _Server(("127.0.0.1", self.port), Handler)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _close(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer in the provider's stead, or hand its answer on."""
        # A kept connection would outlive the listener, and with it the trouble "down".
        asked.close_connection = True
        submits = "/submit/" in asked.path
        if submits and self.loses:
            asked.connection.shutdown(socket.SHUT_RDWR)
            return
        own = _ANSWERS.get(self.trouble, (None, None)) if self.trouble else (None, None)
        found = own[0 if submits else 1] or self._asked(asked, body, submits=submits)
        status, kind, data = found
        asked.send_response(status)
        asked.send_header("Content-Type", kind)
        asked.send_header("Content-Length", str(len(data)))
        asked.send_header("Connection", "close")
        asked.end_headers()
        asked.wfile.write(data)

    def _asked(self, asked: BaseHTTPRequestHandler, body: bytes, *, submits: bool) -> _Answer:
        pins = submits and self.pins
        if pins:
            body = json.dumps({**json.loads(body), "notifyHook": ""}).encode()
        headers = {k: v for k, v in asked.headers.items() if k.lower() in _HANDED_ON}
        if self.trouble is Kind.KEY:
            headers = {k: v[:7] + "wrong" if k.lower() in _KEYS else v for k, v in headers.items()}
        connection = HTTPConnection(self._target, timeout=30)
        try:
            connection.request(asked.command, asked.path, body or None, headers)
            reply = connection.getresponse()
            data = reply.read()
        finally:
            connection.close()
        if pins:
            self.pinned.add(str(json.loads(data)["result"]))
        elif not submits and self.pinned and data.startswith((b"[", b"{")):
            data = json.dumps(_each(json.loads(data), self._running)).encode()
        return reply.status, reply.getheader("Content-Type", _JSON), data

    def _running(self, task: Any) -> Any:
        if not isinstance(task, dict) or str(task.get("id")) not in self.pinned:
            return task
        return {**task, "status": "IN_PROGRESS", "progress": "40%", "imageUrl": None}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no traceback for a client that hung up, as a killed worker does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


_KEYS = frozenset({"authorization", "mj-api-secret"})
_HANDED_ON = frozenset({*_KEYS, "content-type", "accept"})


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    return [change(task) for task in value] if isinstance(value, list) else change(value)
