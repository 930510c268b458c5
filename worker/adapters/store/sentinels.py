"""Which server is the primary, where the sentinels do not agree."""

from collections.abc import Mapping, Sequence
from typing import Any

import redis
from redis.exceptions import ConnectionError as NotReached
from redis.exceptions import TimeoutError as NotAnswered
from redis.sentinel import MasterNotFoundError


class Sentinels(redis.Sentinel):
    """The sentinels of one primary; believes none that missed a fail-over that another knows of.

    A sentinel that is cut off from the others, with the old primary, goes on naming that. Each
    fail-over has a number (``config-epoch``) above that of the one before.
    """

    def __init__(self, hosts: Sequence[tuple[str, int]], options: Mapping[str, Any]) -> None:
        super().__init__(list(hosts), sentinel_kwargs=dict(options))  # type: ignore[no-untyped-call]
        self._epoch = 0

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """The primary's address, as the first sentinel that is not behind names it.

        Raises ``MasterNotFoundError`` if none answers that has one.
        """
        behind: list[Mapping[str, Any]] = []
        for sentinel in self.sentinels:
            try:
                named: Any = sentinel.sentinel_masters()
            except (NotReached, NotAnswered):
                continue
            state = named.get(service_name)
            if not state or not self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
                continue
            if state["config-epoch"] >= self._epoch:
                self._epoch = state["config-epoch"]
                self._ask_first(sentinel)
                return state["ip"], state["port"]
            behind.append(state)
        if not behind:
            raise MasterNotFoundError(f"No master found for {service_name!r}")
        state = max(behind, key=lambda each: each["config-epoch"])
        if len(behind) == len(self.sentinels):  # all were set up again, and count from the start
            self._epoch = state["config-epoch"]
        return state["ip"], state["port"]

    def ask_another(self) -> None:
        """Ask the next sentinel first from now on."""
        self._ask_first(self.sentinels[1 % len(self.sentinels)])

    def _ask_first(self, sentinel: Any) -> None:
        # A new list each time: threads that exchange members of one, as the driver does, lose some.
        known = self.sentinels
        place = known.index(sentinel)
        self.sentinels = [*known[place:], *known[:place]]
