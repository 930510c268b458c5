"""Proves, every few seconds, that callbacks reach us (``worker.domain.presence``).

Silence about a job is evidence that it was not accepted only if a callback would have arrived all
the time (``Policy.silence_tells``): a callback that was lost does not come again.
"""

from collections.abc import Callable
from functools import cached_property
from secrets import token_hex
from threading import Event
from time import monotonic

from config.logger import get_logger
from worker.bootstrap import Services
from worker.domain.errors import HooklineError
from worker.domain.presence import EVERY_S

log = get_logger(__name__)

#: Seconds between two proofs at least, however long one took to fail.
_PAUSE_S = 0.5


class Prover:
    """One receiving process. Its first proof starts counting again: earlier misses are unknown."""

    def __init__(self, find: Callable[[], Services]) -> None:
        self._find = find
        self._after: float | None = None
        self._turned_away = Event()
        self._troubled = False

    @cached_property
    def _sender(self) -> str:
        """Names this process's row of proofs: drawn at the first, as it is made before the fork."""
        return token_hex(6)

    def missed(self) -> None:
        """A callback was turned away: the next proof starts counting again."""
        self._turned_away.set()

    def run(self) -> None:
        """Send proofs, for ever."""
        pause = Event()
        while True:
            began = monotonic()
            try:
                self.prove()
            except Exception:
                # Without proofs nothing counts as present, so this must go on.
                log.exception("proof.failed")
            pause.wait(max(_PAUSE_S, began + EVERY_S - monotonic()))

    def prove(self) -> None:
        """Send one proof."""
        after, self._after = self._after, None
        try:
            services = self._find()
            if services.proof_sender is None:
                return
            services.clock.refresh()
            if self._turned_away.is_set():
                services.proof_sender.turned_away(self._sender)
                self._turned_away.clear()
                return
            self._after = services.proof_sender.send(self._sender, after)
        except HooklineError as error:
            write = log.debug if self._troubled else log.warning
            write("proof.failed", reason=str(error))
            self._troubled = True
            return
        if self._troubled:
            log.info("proof.came_back")
        self._troubled = False
