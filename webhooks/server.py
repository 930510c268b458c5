"""The web process: our own HTTP front before the Flask app, in several processes on one socket."""

import asyncio
import gc
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from threading import Thread
from typing import Self

from flask import Flask
from pydantic import BaseModel

from config.logger import get_logger
from config.settings import Settings
from webhooks.app import begin, create_app
from webhooks.front.front import Front
from webhooks.front.limits import MAX_CONNECTIONS, RESERVED_FILES, Limits
from webhooks.front.workers import keep_running
from worker.adapters.local.listening import listen, port_of
from worker.adapters.local.memory import return_memory
from worker.bootstrap import HOOK_PATH
from worker.domain.requests.base import Model
from worker.services.reports.answers import Answer

log = get_logger(__name__)

#: Threads per worker, by the beginning of a path: a request waits for Redis about half of its time.
#: The API never takes those of callbacks, pages not those of the API, and nothing those of the
#: health checks. Pages that follow what happens wait for each other, however many are open.
THREADS = {f"{HOOK_PATH}/": 4, "/healthz": 1, "/readyz": 1, "/v1/": 4, "/live/": 1, "": 3}
#: Seconds for running requests to finish on shutdown.
STOP_S = 10
#: The most open files that macOS allows where it says "unlimited" (OPEN_MAX).
_OPEN_MAX = 10240


def run_web(settings: Settings, listener: socket.socket | None = None) -> int:
    """Serve until SIGTERM or SIGINT, which is returned; running requests are finished first.

    ``listener`` replaces the host and port of the settings. Raises ``SettingsError``, and
    ``ServiceUnavailable`` for an address that cannot be listened on.
    """
    load = Loader(settings)
    _build_models()
    with listener or listen(settings.host, settings.port) as ours:
        gc.collect()
        gc.freeze()  # keeps the memory of imported modules shared with the workers
        log.info("web.listening", host=settings.host, port=port_of(ours))
        return serve(
            ours,
            load,
            processes=settings.web_processes,
            per_peer=settings.max_connections_per_peer,
        )


def _build_models() -> None:
    """Build what would be built by the first request of each kind, in every process again."""
    wanted: list[type[BaseModel]] = [Model, Answer]
    for model in wanted:
        model.model_rebuild()
        wanted += model.__subclasses__()


def serve(
    listener: socket.socket, load: Callable[[], Flask], *, processes: int = 2, per_peer: int = 0
) -> int:
    """Serve the app that ``load`` makes in each of the processes, all accepting from ``listener``.

    Returns the signal that ended it. ``per_peer``: connections that one peer may have, at all
    processes together; 0: any number.
    """
    files = _raise_file_limit()
    # Each connection may have a temporary file as well.
    most = min(MAX_CONNECTIONS, max(64, (files - RESERVED_FILES) // 2))
    limits = Limits(most, -(-per_peer // processes))
    return keep_running(partial(_serve, listener, load, limits), processes, STOP_S)


def _serve(listener: socket.socket, load: Callable[[], Flask], limits: Limits) -> None:
    """The body of a worker process."""
    app = load()
    # An app of another program (the benchmark's floors) has none.
    prover = app.extensions.get("prover")
    turned_away: Callable[[], None] = prover.missed if prover else lambda: None
    asyncio.run(_until_told(Front(app, listener, THREADS, limits, turned_away)))
    if writer := app.extensions.get("writer"):
        writer.finish()


async def _until_told(front: Front) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await front.run(stop, STOP_S)


def _raise_file_limit() -> int:
    """Allow this process as many open files as it may allow itself; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_MAX if hard == resource.RLIM_INFINITY else hard
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Loader:
    """Makes the app of each worker process.

    The app is built here, before any process is started: bad settings are reported once, and forked
    processes share its memory. Where processes are spawned instead, each builds its own.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._app = create_app(settings)

    def __reduce__(self) -> tuple[type[Self], tuple[Settings]]:
        return type(self), (self.settings,)

    def __call__(self) -> Flask:
        """In the worker process: start what belongs to it."""
        return_memory()
        Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
        begin(self._app, self.settings)
        return self._app


def _end_with_parent() -> None:
    """Exit with the parent: an orphaned worker would keep the port taken."""
    if parent := parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_S)
        os._exit(1)  # a request did not finish in time
