"""A proxy before web processes of two versions; like any, it tries the next one for a dead one."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_HOOKS = "/webhooks/"
_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Door:
    """``ports``: of those that run, taken in turn. ``answers``: the status of each answer.

    ``recent``: the paths and bodies of callbacks that were taken.
    """

    def __init__(self) -> None:
        self.ports: tuple[int, ...] = ()
        self.answers: list[tuple[str, int]] = []
        self.retried = 0
        self.recent: deque[tuple[str, bytes]] = deque(maxlen=100)
        door = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                door.hand_on(self, body)

            do_GET = do_POST = answer  # noqa: N815  # the names of http.server

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    @property
    def callbacks(self) -> int:
        """How many callbacks were answered."""
        return sum(path.startswith(_HOOKS) for path, _ in self.answers)

    @property
    def failures(self) -> list[tuple[str, int]]:
        """What was answered with an error of the server."""
        return [(path.split("?")[0][:20], status) for path, status in self.answers if status > 499]

    def hand_on(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        """Give the request to the next one that takes it."""
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in _HOP}
        if not self.ports:  # proofs of the first web process, which starts
            asked.send_error(502)
            return
        ports = self.ports[len(self.answers) % len(self.ports) :] + self.ports
        for port in ports:
            connection = HTTPConnection("127.0.0.1", port, timeout=15)
            try:
                connection.request(asked.command, asked.path, body, headers)
                answer = connection.getresponse()
                said = answer.read()
            except (OSError, HTTPException):
                self.retried += 1
                continue
            finally:
                connection.close()
            break
        else:
            self.answers.append((asked.path, 502))
            asked.send_error(502)
            return
        self.answers.append((asked.path, answer.status))
        if asked.path.startswith(_HOOKS) and answer.status == 200:
            self.recent.append((asked.path, body))
        asked.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in (*_HOP, "content-length"):
                asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(said)))
        asked.end_headers()
        asked.wfile.write(said)


@contextmanager
def open_door() -> Iterator[Door]:
    """Serve from a thread until the context ends."""
    door = Door()
    thread = Thread(target=door._server.serve_forever, name="door")  # noqa: SLF001  # its own
    thread.start()
    try:
        yield door
    finally:
        door._server.shutdown()  # noqa: SLF001
        door._server.server_close()  # noqa: SLF001
        thread.join()
