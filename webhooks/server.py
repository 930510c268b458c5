"""The web process: Granian in front of the Flask app."""

import ctypes
import gc
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from threading import Thread
from typing import Any

import structlog
from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]  # exported without saying so
from granian.server.mp import MPServer

from config.settings import Settings
from webhooks.app import create_app, load_app
from worker.adapters.local.listening import BACKLOG, listen, port_of

log = structlog.get_logger(__name__)

#: Two, so that one answers while the other is replaced; together they need about 110 MB.
WORKERS = 2
#: Threads per worker: a request waits for Redis about half of its time.
THREADS = 4
#: Options of glibc's mallopt.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
#: Seconds for running requests to finish on shutdown.
STOP_S = 10

#: What a request may have, in CGI's names.
_OF_A_REQUEST = re.compile(r"HTTPS|HTTP_.*|CONTENT_(LENGTH|TYPE)|REMOTE_USER|AUTH_TYPE")

#: Granian logs through our handlers, without an access log.
_LOGGING = {
    "incremental": True,
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


def run_web(settings: Settings, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT; running requests are finished first.

    ``listener`` replaces the host and port of the settings. Raises ``SettingsError``, and
    ``ServiceUnavailable`` for an address that cannot be listened on.
    """
    create_app(settings)  # report bad settings once, not in every worker
    with listener or listen(settings.host, settings.port) as ours:
        gc.collect()
        gc.freeze()  # keeps the memory of imported modules shared with the workers
        log.info("web.listening", host=settings.host, port=port_of(ours))
        serve(ours, partial(load_worker, settings))


def serve(listener: socket.socket, load: Callable[[], Flask]) -> None:
    """Serve the app that ``load`` makes in each worker, all accepting from ``listener``."""
    server = Server(
        "app",
        port=0,  # Granian only tries this one: see Server
        interface=Interfaces.WSGI,
        workers=WORKERS,
        blocking_threads=THREADS,
        workers_kill_timeout=STOP_S,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )
    start = partial(Server.start_worker, listener)
    server.serve(spawn_target=start, target_loader=load, wrap_loader=False)


class Server(MPServer):
    """Granian whose workers accept from one socket that was opened before.

    On Linux each worker opens a socket of its own that shares the port. Then another process of
    this user can take part of our requests unnoticed, and connections that wait for a worker are
    lost when it dies.
    """

    @classmethod
    def start_worker(
        cls, listener: socket.socket, number: int, name: str, load: Any, _own: Any, *options: Any
    ) -> None:
        """The body of a worker process, on ``listener`` instead of Granian's ``_own`` socket."""
        # Inherited handlers would swallow a stop that comes before Granian sets its own: the worker
        # would then serve on, and be killed together with what the others still have to finish.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        is_unix = False
        holder = SocketHolder(listener.fileno(), is_unix, BACKLOG)  # type: ignore[call-arg]
        cls._spawn_wsgi_worker(number, name, load, ((None, holder), listener), *options)


def load_worker(settings: Settings) -> Flask:
    """The app of one worker process."""
    _return_memory()
    _forget_requests()
    Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    return load_app(settings)


def _forget_requests() -> None:
    """Remove variables that look like parts of a request.

    Granian completes the WSGI environment of each request from the process's own, so
    HTTP_AUTHORIZATION, for example, would let everybody in.
    """
    for name in list(filter(_OF_A_REQUEST.fullmatch, os.environ)):
        del os.environ[name]


def _return_memory() -> None:
    """Make glibc return the memory of large bodies to the system.

    By default it raises its mmap threshold up to 32 MiB and keeps a heap per thread. Other C
    libraries have neither the habit nor the call.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 256 * 1024)


def _end_with_parent() -> None:
    """Exit with the parent: an orphaned worker would keep the port taken."""
    if parent := parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_S)
        os._exit(1)  # a request did not finish in time
