"""Says that the receiver is there, and since when it missed no callback.

A provider that is not answered does not call again. So the silence about a job tells that it was
not accepted only if somebody was there to listen all the while (``Policy.silence_tells``).
"""

from collections.abc import Callable
from threading import Event

import structlog

from worker.bootstrap import Services
from worker.domain.errors import HooklineError

log = structlog.get_logger(__name__)

#: Seconds between two signs of life; several fit into ``worker.adapters.store.ABSENCE_S``.
_EVERY_S = 1.0


class Heartbeat:
    """One receiving process. It begins anew, as nobody knows what was missed before it."""

    def __init__(self, find: Callable[[], Services]) -> None:
        self._find = find
        self._missed = Event()
        self._missed.set()

    def missed(self) -> None:
        """A callback was turned away."""
        self._missed.set()

    def keep_telling(self) -> None:
        """Tell the store every second, for ever."""
        pause = Event()
        while True:
            self.tell()
            pause.wait(_EVERY_S)

    def tell(self) -> None:
        """Tell the store once."""
        anew = self._missed.is_set()
        self._missed.clear()
        try:
            services = self._find()
            services.store.accounts.beat(services.orchestrator.clock(), restarted=anew)
        except HooklineError as error:
            self._missed.set()
            log.debug("heartbeat.not_stored", error=str(error))
