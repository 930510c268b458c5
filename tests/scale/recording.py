"""What the store's services send to Redis, recorded step by step, to be sent again much faster.

A Python process needs several times the CPU for a commit that Redis needs, so on a small machine no
number of them brings Redis to its limit. The bytes of their commits, sent again, do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

import redis
from redis.connection import AbstractConnection

#: The database of the services; messages to workers go to another one, and are not recorded.
STORE_DB = 0
#: Seconds to wait for an answer before something is wrong with the recording.
_PATIENCE_S = 30.0


@dataclass(slots=True)
class Exchange:
    """Commands that were sent in one piece, and how many answers they got."""

    sent: bytes
    answers: int = 0


@dataclass(slots=True)
class Step:
    """Events of one kind, and what they sent."""

    kind: str
    events: int
    exchanges: list[Exchange] = field(default_factory=list)


class Recorder:
    """Keeps what this process sends to the store, a step at a time."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @contextmanager
    def step(self, kind: str, events: int) -> Iterator[None]:
        """All that is sent inside belongs to so many events of this kind."""
        self.steps.append(Step(kind, events))
        send, read = AbstractConnection.send_packed_command, AbstractConnection.read_response
        exchanges = self.steps[-1].exchanges

        def sent(self: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
            if self.db == STORE_DB:
                pieces = [command] if isinstance(command, bytes) else command
                exchanges.append(Exchange(b"".join(pieces)))
            return send(self, command, *args, **kwargs)  # type: ignore[no-untyped-call]

        def answered(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self.db == STORE_DB:
                exchanges[-1].answers += 1
            return read(self, *args, **kwargs)

        AbstractConnection.send_packed_command = sent  # type: ignore[method-assign]
        AbstractConnection.read_response = answered  # type: ignore[method-assign]
        try:
            yield
        finally:
            AbstractConnection.send_packed_command = send  # type: ignore[method-assign]
            AbstractConnection.read_response = read  # type: ignore[method-assign]


def play(url: str, steps: list[Step], orders: Pipe) -> None:
    """Send a step again whenever its number comes, and then a None back; until a None comes.

    One exchange at a time, as a process that waits for its answers does. Raises what Redis refuses.
    """
    client = redis.Redis.from_url(url, socket_timeout=_PATIENCE_S)
    connection: Any = client.connection_pool.get_connection()
    orders.send(None)
    while (number := orders.recv()) is not None:
        for exchange in steps[number].exchanges:
            connection.send_packed_command([exchange.sent])
            for _ in range(exchange.answers):
                connection.read_response()
        orders.send(None)
