"""Writes what came of callbacks to the inbox, apart from the threads that answer them."""

from collections.abc import Callable
from threading import Event

from config.logger import get_logger
from worker.bootstrap import Services
from worker.domain.errors import HooklineError

log = get_logger(__name__)

#: Seconds between two writes: what a killed process may lose of the inbox, and nothing else.
EVERY_S = 0.5


class InboxWriter:
    """That of one process. ``built``: its services, or None before they are first used."""

    def __init__(self, built: Callable[[], Services | None]) -> None:
        self._built = built
        self._stop = Event()

    def run(self) -> None:
        """Write every ``EVERY_S`` seconds until ``finish``."""
        while not self._stop.wait(EVERY_S):
            self._write()

    def finish(self) -> None:
        """Write what is left; nothing is received any more."""
        self._stop.set()
        self._write()

    def _write(self) -> None:
        try:
            if services := self._built():
                services.inbox.write()
        except HooklineError as error:
            log.debug("inbox.not_written", error=str(error))
        except Exception:  # one that cannot be written must not keep out those to come
            log.exception("inbox.failed")
