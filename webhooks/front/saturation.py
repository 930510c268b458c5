"""Says when there is no room for connections: in the log, and to who must know."""

from collections import Counter
from collections.abc import Callable
from time import monotonic

from config.logger import get_logger

log = get_logger(__name__)

#: Seconds between two log lines.
_SAY_EVERY_S = 10.0


class Saturation:
    """Counts the connections that were turned away.

    ``turned_away`` is called for each that may have been about to bring a callback.
    """

    def __init__(
        self, turned_away: Callable[[], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self.counts: Counter[str] = Counter()  #: since the start
        self._turned_away = turned_away
        self._clock = clock
        self._said_at = float("-inf")
        self._said: Counter[str] = Counter()

    def refused(self, peer: str | None, connections: int) -> None:
        """A new connection was refused: all others are in use."""
        self._turned_away()
        self._count("refused", peer, connections)

    def dropped(self, peer: str | None, connections: int, *, for_itself: bool) -> None:
        """An idle connection gave way to a new one of ``peer``, perhaps its own."""
        if not for_itself:
            self._turned_away()
        self._count("dropped", peer, connections)

    def _count(self, what: str, peer: str | None, connections: int) -> None:
        self.counts[what] += 1
        now = self._clock()
        if now - self._said_at >= _SAY_EVERY_S:
            new = self.counts - self._said
            self._said_at, self._said = now, self.counts.copy()
            log.warning("web.saturated", connections=connections, caller=peer or "local", **new)
