"""PURE. How long a connection may take, and how much it may send.

An honest provider sends a whole callback at once, within milliseconds. The limits are so generous
that only a broken or hostile peer meets them; no operator needs to turn them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto


class Phase(IntEnum):
    """What a connection is waiting for."""

    SILENT = auto()  #: its first byte
    HEAD = auto()  #: the rest of a request's head
    BODY = auto()  #: the rest of a request's body
    RUNNING = auto()  #: the app, which has the request
    SENDING = auto()  #: the peer, which reads the answer
    KEPT = auto()  #: another request
    LEAVING = auto()  #: the peer's end; what it still sends is thrown away


#: Seconds in a phase. BODY and SENDING are granted again to a peer that moved ``PACE`` bytes.
PATIENCE: Mapping[Phase, float] = {
    Phase.SILENT: 10.0,
    Phase.HEAD: 10.0,
    Phase.BODY: 15.0,
    Phase.SENDING: 15.0,
    # Longer than clients keep idle connections (OkHttp: 300 s, Go: 90 s, nginx: 60 s): so they
    # close theirs first, and no request meets a connection that is just being closed.
    Phase.KEPT: 320.0,
    # Closing a connection with unread input resets it, and the peer may lose the answer.
    Phase.LEAVING: 2.0,
}
#: Bytes that a large body, or an answer, must move within its phase's patience: 8 KiB/s.
PACE = 8 * 1024 * 15

#: Bytes of a request's head, and its fields.
MAX_HEAD = 16 * 1024
MAX_FIELDS = 100
#: Requests that may wait for a thread of their kind; further ones are refused at once.
MAX_WAITING = 1000
#: Bytes of a body that are read before the app is asked whether it wants the body at all.
SMALL_BODY = 16 * 1024
#: Bytes of one body, or of one unsent answer, in memory; the rest waits in a temporary file.
IN_MEMORY = 64 * 1024

#: Connections of one process. An idle one takes about 4 KB of memory.
MAX_CONNECTIONS = 4096
#: File descriptors for everything else: Redis, the broker, temporary files.
RESERVED_FILES = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections that one process may have, in all and per peer (0: no limit per peer)."""

    connections: int = MAX_CONNECTIONS
    per_peer: int = 0
