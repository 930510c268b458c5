"""PURE. Which connections are open, how long each has waited, and which gives way to a new one."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Generic, Protocol, TypeVar

from webhooks.front.limits import PATIENCE, Limits, Phase

#: The phases whose connections give way to new ones, the least useful first. But for KEPT an honest
#: peer spends milliseconds in each, so the oldest of a phase is the least likely to be one.
_GIVE_WAY = (Phase.SILENT, Phase.HEAD, Phase.KEPT, Phase.BODY, Phase.SENDING)


class Open(Protocol):
    """A connection, as the table sees it. Only the table changes its phase."""

    phase: Phase
    peer: str | None


Connection = TypeVar("Connection", bound=Open)


class NoRoom(Exception):
    """The connection cannot be taken."""


@lru_cache(maxsize=4096)
def peer_of(address: str) -> str | None:
    """Whom an address belongs to; None for this machine itself.

    An IPv6 network of 64 bits is one peer: its owner has all of its addresses.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            network = ipaddress.ip_network((ip, 64), strict=False)
            return None if ip.is_loopback else str(network)
        ip = ip.ipv4_mapped
    return None if ip.is_loopback else str(ip)


class Table(Generic[Connection]):
    """The open connections of one process. Times are seconds of a steady clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # All in one phase have the same patience, so each dict is in the order of the deadlines.
        self._phases: dict[Phase, dict[Connection, float]] = {phase: {} for phase in Phase}
        self._peers: dict[str, dict[Connection, None]] = defaultdict(dict)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Connection]:
        return chain.from_iterable(self._phases.values())

    def room_for(self, peer: str | None) -> Connection | None:
        """The connection that must give way to another one of ``peer``, if there is one.

        Raises ``NoRoom`` if none can.
        """
        theirs = self._peers.get(peer, {}) if peer else {}
        if self._limits.per_peer and len(theirs) >= self._limits.per_peer:
            return self._first(
                each for phase in _GIVE_WAY for each in theirs if each.phase is phase
            )
        if self._count >= self._limits.connections:
            return self.least()
        return None

    def least(self) -> Connection:
        """The connection that is missed least. Raises ``NoRoom`` if all are in use."""
        return self._first(each for phase in _GIVE_WAY for each in self._phases[phase])

    def add(self, connection: Connection, now: float) -> None:
        """Note a new connection."""
        self._phases[connection.phase][connection] = now
        self._count += 1
        if connection.peer:
            self._peers[connection.peer][connection] = None

    def move(self, connection: Connection, phase: Phase, now: float) -> None:
        """Note that the connection entered a phase, or the same one again."""
        if self._phases[connection.phase].pop(connection, None) is not None:
            self._phases[phase][connection] = now
        connection.phase = phase

    def remove(self, connection: Connection) -> None:
        """Forget a connection, if it is known."""
        if self._phases[connection.phase].pop(connection, None) is None:
            return
        self._count -= 1
        if connection.peer and (theirs := self._peers.get(connection.peer)):
            theirs.pop(connection, None)
            if not theirs:
                del self._peers[connection.peer]

    def overdue(self, now: float) -> list[Connection]:
        """The connections that have used up the patience with their phase."""
        found = list[Connection]()
        for phase, patience in PATIENCE.items():
            for connection, since in self._phases[phase].items():
                if now - since < patience:
                    break
                found.append(connection)
        return found

    @staticmethod
    def _first(connections: Iterator[Connection]) -> Connection:
        for connection in connections:
            return connection
        raise NoRoom
