"""The keys that kombu has in a database of Redis, and those that hold something else.

A message to a queue that is called like one of them, or a program that uses the same name, leaves a
key of another type. Then every worker that needs it fails, for each message, until it is gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery import Celery
from kombu.transport.redis import Channel

from worker.adapters.messaging.names import QUEUES

_TYPES = {"unacked_key": "hash", "unacked_index_key": "zset", "unacked_mutex_key": "string"}
#: What apps with kombu's usual names share; exchanges' names are Celery's.
_SHARED = {getattr(Channel, name): type_ for name, type_ in _TYPES.items()} | {
    Channel.keyprefix_queue % exchange: "set"
    for exchange in ("celery", "celery.pidbox", "reply.celery.pidbox", "celeryev")
}


@dataclass(frozen=True, slots=True)
class BrokenKey:
    """A key that is not what kombu takes it for. ``ours``: no other app needs it."""

    name: str
    type: str  #: as Redis calls it
    should_be: str
    database: int
    ours: bool


def broken_keys(app: Celery, *, shared: bool = False) -> list[BrokenKey]:
    """Our broken keys of a Redis broker; none of RabbitMQ. Raises the errors of many drivers.

    ``shared``: also those that all apps with kombu's usual names share.
    """
    with app.connection_for_write() as connection:
        if connection.transport.driver_type != "redis":
            return []
        channel: Any = connection.default_channel
        keys = [*_ours(channel), *(_theirs(channel) if shared else ())]
        with channel.conn_or_acquire() as client:
            pipe = client.pipeline(transaction=False)
            for name, _, _ in keys:
                pipe.type(name)
            # A user may lack the right to others' keys.
            found = pipe.execute(raise_on_error=False)
            database = int(client.connection_pool.connection_kwargs.get("db") or 0)
    return [
        BrokenKey(name, type_.decode(), should_be, database, ours)
        for (name, should_be, ours), type_ in zip(keys, found, strict=True)
        if isinstance(type_, bytes) and type_.decode() not in (should_be, "none")
    ]


def _ours(channel: Any) -> Iterator[tuple[str, str, bool]]:
    """Each key, what it should be, and whether it is ours."""
    prefix = channel.global_keyprefix
    for queue in QUEUES.values():
        for step in channel.priority_steps:
            yield prefix + channel._q_for_pri(queue, step), "list", True  # noqa: SLF001
    for name, type_ in _TYPES.items():
        yield prefix + getattr(channel, name), type_, True


def _theirs(channel: Any) -> Iterator[tuple[str, str, bool]]:
    for name, type_ in _SHARED.items():
        yield from ((each, type_, False) for each in {name, channel.global_keyprefix + name})
