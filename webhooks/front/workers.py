"""Processes that all do the same, each replaced when it dies, until SIGTERM or SIGINT."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from config.logger import get_logger

log = get_logger(__name__)

_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
#: A forked process shares the memory of what was imported; on macOS forking is not safe.
if sys.platform == "linux":
    _CONTEXT = multiprocessing.get_context("fork")
else:
    _CONTEXT = multiprocessing.get_context("spawn")
#: Seconds before a process that died is replaced: if it dies at once, not to keep the CPU busy.
_PAUSE_S = 1.0
#: Seconds that a stopped process may take beyond those for its requests.
_GRACE_S = 2.0


def keep_running(work: Callable[[], None], count: int, stop_s: float) -> int:
    """Run ``work`` in ``count`` processes until told to stop; kill what takes over ``stop_s``.

    Returns the signal that told it.
    """
    with _told_to_stop() as told:
        workers = [_start(work) for _ in range(count)]
        while not _is_told(told, workers):
            dead = [each for each in workers if each.exitcode is not None]
            for worker in dead:
                log.error("web.worker_died", code=worker.exitcode)
                workers.remove(worker)
            if wait([told], _PAUSE_S):
                break
            workers += [_start(work) for _ in dead]
        _end(workers, stop_s + _GRACE_S)
        return os.read(told, 1)[0]


def _is_told(told: int, workers: list[BaseProcess]) -> bool:
    """Wait for the stop, or for a worker's end."""
    return told in wait([told, *(worker.sentinel for worker in workers)])


def _start(work: Callable[[], None]) -> BaseProcess:
    """Start a process. A stop that comes meanwhile waits until the process can be stopped by it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        worker = _CONTEXT.Process(target=_begin, args=(work,), name="web-worker")
        worker.start()
        return worker
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)


def _begin(work: Callable[[], None]) -> None:
    """The body of a process, without what it inherited from its parent's way to be stopped."""
    signal.set_wakeup_fd(-1)
    for number in _STOP:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
    work()


def _end(workers: list[BaseProcess], seconds: float) -> None:
    end = time.monotonic() + seconds
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
    for worker in workers:
        worker.kill()
        worker.join()


@contextmanager
def _told_to_stop() -> Iterator[int]:
    """A descriptor that becomes readable when this process is told to stop."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = {number: signal.signal(number, lambda *_: None) for number in _STOP}
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            with suppress(TypeError):  # it was not set from Python
                signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
