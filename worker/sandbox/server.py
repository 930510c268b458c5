"""Assembling a sandbox, and running it: in threads for tests, blocking for a shell."""

import signal
import sys
import threading
from functools import partial
from queue import SimpleQueue
from typing import Any, Self

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from worker.sandbox.app import create_app
from worker.sandbox.callbacks import CallbackSender
from worker.sandbox.environment import Environment
from worker.sandbox.options import SandboxOptions
from worker.sandbox.scheduler import Scheduler
from worker.sandbox.tasks import Tasks


class Sandbox:
    """A stand-in of a provider; nothing listens before `start`, or before a `with` block.

    Tests pass a `scheduler` whose time they move themselves.
    """

    def __init__(self, options: SandboxOptions, scheduler: Scheduler | None = None) -> None:
        self._env = env = Environment.of(options, scheduler or Scheduler())
        self.stats, self.ledger = env.stats, env.ledger
        self._callbacks = CallbackSender(env)
        self._tasks = Tasks(env, self._callbacks)
        self.app: Flask = create_app(env, self._tasks)
        self._tasks.resume()
        self.url = ""
        self._server: BaseWSGIServer | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0, fd: int | None = None) -> Self:
        """Serve in threads and set `url`; port 0: a free one, `fd`: a socket that listens."""
        self._server = make_server(
            host, port, self.app, threaded=True, request_handler=_QuietHandler, fd=fd
        )
        self.url = f"http://{host}:{self._server.port}"
        self._tasks.base_url = self._env.options.public_url or self.url
        run = partial(self._server.serve_forever, poll_interval=0.05)  # it looks whether to stop
        threading.Thread(target=run, name="sandbox-server", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving; running tasks are forgotten, as when a provider restarts."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._env.scheduler.stop()
        self._callbacks.stop()
        self.ledger.close()
        self._env.memory.close()

    def __enter__(self) -> Self:
        if self._server is None:
            self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def serve(
    options: SandboxOptions, host: str = "127.0.0.1", port: int = 9000, fd: int | None = None
) -> int:
    """Run until SIGTERM or SIGINT, which is returned; `fd` belongs to a socket that listens."""
    signals = SimpleQueue[int]()  # its `put` is safe in a signal handler, unlike an Event's `set`
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: signals.put(received))
    sandbox = Sandbox(options).start(host, port, fd)
    sys.stdout.write(f"sandbox ({options.dialect}) listens on {sandbox.url}\n")
    sys.stdout.flush()
    told = signals.get()
    sandbox.stop()
    return told


class _QuietHandler(WSGIRequestHandler):
    """No line per request: the counts are in the stats."""

    def log_request(self, *args: Any, **kwargs: Any) -> None:
        pass
