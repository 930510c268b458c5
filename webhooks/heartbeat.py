"""The heartbeat: records that the receiver is up, and since when it missed no callback.

Silence about a job is evidence that it was not accepted only if the receiver was up all the time
(``Policy.silence_tells``): a callback that was missed does not come again.
"""

from collections.abc import Callable
from threading import Event

import structlog

from worker.bootstrap import Services
from worker.domain.errors import HooklineError

log = structlog.get_logger(__name__)

#: Seconds between two beats; several fit into ``worker.adapters.store.ABSENCE_S``.
_EVERY_S = 1.0


class Heartbeat:
    """One receiving process. Its first beat starts counting again: earlier misses are unknown."""

    def __init__(self, find: Callable[[], Services]) -> None:
        self._find = find
        self._missed = Event()
        self._missed.set()

    def missed(self) -> None:
        """A callback was turned away: the next beat starts counting again."""
        self._missed.set()

    def run(self) -> None:
        """Beat every second, for ever."""
        pause = Event()
        while True:
            self.beat()
            pause.wait(_EVERY_S)

    def beat(self) -> None:
        """Record one beat in the store."""
        restart = self._missed.is_set()
        self._missed.clear()
        try:
            services = self._find()
            services.clock.refresh()
            services.store.accounts.beat(services.orchestrator.clock(), restarted=restart)
        except HooklineError as error:
            self._missed.set()
            log.debug("heartbeat.not_stored", error=str(error))
