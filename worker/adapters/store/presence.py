"""What proofs show of the way to us; it expires when none is sent any more."""

from collections.abc import Callable

from worker.adapters.store import codec
from worker.adapters.store.base import Part
from worker.domain.presence import GONE_S, Presence

#: Processes that change it at the same time; each succeeds at its turn.
_TRIES = 50


def name_of(way: str) -> str:
    """The key of what is known of a way (``worker.domain.presence.way_of``), without prefix."""
    return f"receiving:{way}"


class PresenceStore(Part):
    """Every method raises ``StoreUnavailable`` when Redis does not answer."""

    def get(self, way: str) -> Presence | None:
        """What is known of the way; None: no proof was sent lately."""
        doc = self._ask(self._redis.get, f"{self._prefix}{name_of(way)}")
        return codec.presences.load(doc) if doc else None

    def change(self, way: str, decide: Callable[[Presence | None], Presence | None]) -> bool:
        """Replace what is known by what ``decide`` makes of it; False: it returned None."""
        name = name_of(way)
        for _ in range(_TRIES):
            doc = self._ask(self._redis.get, f"{self._prefix}{name}") or b""
            after = decide(codec.presences.load(doc) if doc else None)
            if after is None:
                return False
            docs = (codec.presences.dump(after), doc)
            if self._run("save_presence", name, *docs, int(GONE_S * 1000)):
                return True
        return False
