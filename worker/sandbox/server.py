"""Putting a sandbox together, and running it: in threads for tests, blocking for a shell."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any, Self

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from worker.adapters.local.stopping import Stop
from worker.sandbox.app import create_app
from worker.sandbox.callbacks import Notifier
from worker.sandbox.dialects import dialect_named
from worker.sandbox.engine import Engine
from worker.sandbox.ledger import Ledger, Stats
from worker.sandbox.options import SandboxOptions
from worker.sandbox.scheduler import Scheduler

#: Seconds between looks at whether to stop.
_POLL = 0.05


class Sandbox:
    """A running stand-in of a provider; also a context manager that starts and stops it.

    `scheduler` does what is due later; tests give one whose time they move on themselves.
    """

    def __init__(self, options: SandboxOptions, scheduler: Scheduler | None = None) -> None:
        dialect = dialect_named(options.dialect)
        self.options = options
        self.stats = Stats()
        self.ledger = Ledger(options.ledger_path)
        self._scheduler = scheduler or Scheduler()
        self._notifier = Notifier(options, dialect, self._scheduler, self.stats)
        self._engine = Engine(
            options,
            dialect,
            scheduler=self._scheduler,
            notifier=self._notifier,
            ledger=self.ledger,
            stats=self.stats,
        )
        self.app: Flask = create_app(options, dialect, self._engine, self.ledger, self.stats)
        self.url = ""
        self._server: BaseWSGIServer | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0, fd: int | None = None) -> Self:
        """Serve in threads; port 0 picks a free one. `url` is known afterwards.

        `fd` is of a socket that listens already.
        """
        self._server = make_server(
            host, port, self.app, threaded=True, request_handler=_QuietHandler, fd=fd
        )
        self.url = f"http://{host}:{self._server.port}"
        self._engine.base = self.options.public_url or self.url
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="sandbox-server", daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """Stop serving; tasks under way are forgotten, as when a provider restarts."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._scheduler.stop()
        self._notifier.stop()
        self.ledger.close()

    def __enter__(self) -> Self:
        if self._server is None:
            self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def create_sandbox(options: SandboxOptions) -> Sandbox:
    """Build a sandbox; nothing listens before `start`."""
    return Sandbox(options)


def serve(
    options: SandboxOptions, host: str = "127.0.0.1", port: int = 9000, fd: int | None = None
) -> None:
    """Run until SIGTERM or SIGINT; `fd` is of a socket that listens already."""
    asked_to_stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    sandbox = create_sandbox(options).start(host, port, fd)
    sys.stdout.write(f"sandbox ({options.dialect}) listens on {sandbox.url}\n")
    sys.stdout.flush()
    asked_to_stop.wait()
    sandbox.stop()


class _QuietHandler(WSGIRequestHandler):
    """No line per request: the counts are in the stats."""

    def log_request(self, *args: Any, **kwargs: Any) -> None:
        pass
