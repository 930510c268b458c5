"""The web process: Granian in front of the Flask app."""

import ctypes
import errno
import gc
import os
import signal
import socket
import time
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from threading import Thread

import structlog
from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from config.settings import Settings
from webhooks.app import create_app, load_app
from worker.errors import ServiceUnavailable

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


def run_web(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first.

    Raises ``SettingsError`` for settings that cannot work, and ``ServiceUnavailable`` where the
    address cannot be listened on.
    """
    create_app(settings)  # what is wrong with the settings is said here, once, not by every worker
    address = _free_address(settings.host, settings.port)
    server = Granian(
        "webhooks.app",
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=WORKERS,
        blocking_threads=THREADS,
        workers_kill_timeout=STOP_S,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )
    gc.collect()
    gc.freeze()  # so that the workers go on sharing the memory of what is imported by now
    log.info("listening", host=settings.host, port=settings.port)
    server.serve(target_loader=partial(_load_worker, settings), wrap_loader=False)


def _load_worker(settings: Settings) -> Flask:
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


def _free_address(host: str, port: int) -> str:
    """The number behind ``host``, which Granian wants, if the port there is free.

    Granian itself shares its port among processes, so a second start would go unnoticed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as server:
            return str(server.getsockname()[0])
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: f"port {port} is taken: free it, or set HOOKLINE_PORT",
            errno.EACCES: f"port {port} needs more rights: set HOOKLINE_PORT to one above 1023",
        }
        reason = reasons.get(error.errno or 0, f"HOOKLINE_HOST {host}: {error.strerror}")
        raise ServiceUnavailable(f"Cannot listen: {reason}.") from error
