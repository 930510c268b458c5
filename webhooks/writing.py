"""Writes what requests leave behind, apart from the threads that answer them: the inbox, and the
counts of what no commit is about.
"""

from collections.abc import Callable
from threading import Event

from config.logger import get_logger
from worker.bootstrap import Services
from worker.domain.errors import HooklineError

log = get_logger(__name__)

#: Seconds between two writes of the inbox: what a killed process may lose of it.
EVERY_S = 0.5


class Writer:
    """That of one process. ``built``: its services, or None before they are first used."""

    def __init__(self, built: Callable[[], Services | None]) -> None:
        self._built = built
        self._stop = Event()

    def run(self) -> None:
        """Write every ``EVERY_S`` seconds until ``finish``."""
        while not self._stop.wait(EVERY_S):
            self._write(at_once=False)

    def finish(self) -> None:
        """Write what is left; nothing is received any more."""
        self._stop.set()
        self._write(at_once=True)
        if (services := self._built()) and services.traces:
            services.traces.flush()

    def _write(self, *, at_once: bool) -> None:
        if services := self._built():
            tally = services.orchestrator.tally
            _guarded(services.inbox.write)
            _guarded(lambda: tally.flush(at_once=at_once))


def _guarded(act: Callable[[], None]) -> None:
    try:
        act()
    except HooklineError as error:  # kept, and written with what follows
        log.debug("write.delayed", error=str(error))
    except Exception:  # what cannot be written must not keep out what follows
        log.exception("write.failed")
