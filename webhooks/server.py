"""The web process: Granian in front of the Flask app."""

import ctypes
import gc
import os
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

#: Two keep answering when one is replaced, and together need about 110 MB.
WORKERS = 2
#: Threads of each worker: a request waits for Redis about half of its time.
THREADS = 4
#: The names of two settings in glibc's malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
#: Seconds for the requests under way when the process is told to stop.
STOP_S = 10

#: Granian's lines take the way of all others; it writes no line per request.
_LOGGING = {
    "incremental": True,
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


def run_web(settings: Settings, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first.

    ``listener`` takes the place of the host and the port of the settings. Raises ``SettingsError``
    for settings that cannot work, and ``ServiceUnavailable`` where the address cannot be listened
    on.
    """
    create_app(settings)  # what is wrong with the settings is said here, once, not by every worker
    with listener or listen(settings.host, settings.port) as ours:
        gc.collect()
        gc.freeze()  # so that the workers go on sharing the memory of what is imported by now
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
    """Granian, whose workers may be started on a socket that somebody else opened.

    On Linux each worker would open one of its own that shares the port. Then any other process of
    this user may share it, too, and gets a part of our requests; and what waits for a worker that
    dies is lost with it.
    """

    @classmethod
    def start_worker(
        cls, listener: socket.socket, number: int, name: str, load: Any, _own: Any, *options: Any
    ) -> None:
        """What ``serve`` runs in each worker, with ``listener`` in place of its ``_own`` socket."""
        is_unix = False
        holder = SocketHolder(listener.fileno(), is_unix, BACKLOG)  # type: ignore[call-arg]  # its stub is bare
        cls._spawn_wsgi_worker(number, name, load, ((None, holder), listener), *options)


def load_worker(settings: Settings) -> Flask:
    """The app of one worker process, with clients of its own."""
    _give_memory_back()
    Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    return load_app(settings)


def _give_memory_back() -> None:
    """Has glibc return the room of large bodies; it would keep that of the largest seen so far.

    By itself it raises the size from which a block is given back, up to 32 MiB, and keeps a heap
    for each thread. Other C libraries have no such call, and no such habit.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 256 * 1024)


def _end_with_parent() -> None:
    """A worker that outlived its parent would hold the port, and the next start find it taken."""
    if parent := parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        # A worker that was only just starting may have missed the signal.
        time.sleep(STOP_S)
        os._exit(1)
