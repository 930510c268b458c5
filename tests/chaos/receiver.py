"""A receiver of notifications that keeps what it got, and misbehaves until it is told not to."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Event, Lock, Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

#: What it does with a request, and how often of twenty times. The last three count as an answer.
_FATES = {"500": 2, "hangs": 2, "redirects": 2, "dies": 2, "breaks off": 2, "taken": 9, "huge": 1}
TAKEN = frozenset({"taken", "breaks off", "huge"})
#: Gives up what comes there for good, while it misbehaves.
GONE = "/gone"
_ELSEWHERE = "/elsewhere"
_HANG_S = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """One request, as it came."""

    at: float
    path: str
    headers: dict[str, str]
    body: str
    fate: str
    verified: bool  #: by the library for Python, when it came

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.body)
        return made

    @property
    def about(self) -> tuple[str, str]:
        """What happened, and to what."""
        event = self.event
        return event["type"], event["data"]["id"]


class Receiver:
    """Listens on the loopback. ``secret``: one of those that sign."""

    def __init__(self, rng: Random, secret: str) -> None:
        self.told: list[Told] = []
        self.calm = Event()  #: set: it takes everything
        self._rng = rng
        self._webhook = Webhook(secret)
        self._lock = Lock()
        handler = type("Handler", (_Handler,), {"receiver": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def take(self, path: str, headers: dict[str, str], body: str) -> str:
        """Write a request down; what is to become of it."""
        try:
            self._webhook.verify(body, headers)
            verified = True
        except WebhookVerificationError:
            verified = False
        with self._lock:
            fate = self._fate(path)
            self.told.append(Told(time.time(), path, headers, body, fate, verified))
        return fate

    def _fate(self, path: str) -> str:
        if self.calm.is_set():
            return "taken"
        if path == GONE:
            return "410"
        return self._rng.choices([*_FATES], [*_FATES.values()])[0]


@contextmanager
def receiving(rng: Random, secret: str) -> Iterator[Receiver]:
    """A receiver that runs."""
    made = Receiver(rng, secret)
    thread = Thread(target=made.server.serve_forever, name="receiver")
    thread.start()
    try:
        yield made
    finally:
        made.calm.set()
        made.server.shutdown()
        thread.join()
        made.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        fate = self.receiver.take(self.path, headers, body)
        if fate == "hangs":
            self.receiver.calm.wait(_HANG_S)
        elif fate == "dies":
            self.wfile.write(b"HTTP/1.1 20")
        else:
            self._say(fate)

    def _say(self, fate: str) -> None:
        self.send_response({"500": 500, "redirects": 302, "410": 410}.get(fate, 200))
        if fate == "redirects":
            self.send_header("Location", self.receiver.url(_ELSEWHERE))
        length = {"breaks off": 5000, "huge": 50_000_000}.get(fate, 0)
        self.send_header("Content-Length", f"{length}")
        self.end_headers()
        try:
            for _ in range(length // 1_000_000):
                self.wfile.write(b"x" * 1_000_000)
        except OSError:
            pass  # nobody reads so much

    def log_message(self, *_: Any) -> None: ...
