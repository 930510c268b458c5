"""Our queues and others', used as they are.

RabbitMQ refuses a declaration that differs from the queue that exists (406), and closes the channel
with it. So a queue is looked for first, and created only where it is missing and ours.

Ours have no exchange of their own: messages reach them by name. An exchange may exist by the same
name and another type, which would be refused as well.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import amqp
from celery.app.amqp import AMQP, Queues
from kombu import Connection, Exchange, Queue
from kombu.connection import ConnectionPool, PooledConnection

from worker.adapters.messaging.names import DOOR, QUEUES
from worker.adapters.messaging.transports import OURS
from worker.domain.errors import QueueRefused

#: RabbitMQ's default exchange, which hands a message to the queue that its routing key names.
_BY_NAME = Exchange("")


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How RabbitMQ creates our queues. ``max_priority``: of the door's, 1 to 255."""

    type: Literal["classic", "quorum"] = "classic"
    max_priority: int | None = None

    def arguments(self, queue: str) -> dict[str, Any]:
        """RabbitMQ's arguments for the queue."""
        arguments: dict[str, Any] = {}
        if self.type != "classic":  # RabbitMQ's default, but for virtual hosts with another one
            arguments["x-queue-type"] = self.type
        if self.max_priority and queue == DOOR:
            arguments["x-max-priority"] = self.max_priority
        return arguments


class TheirQueue(Queue):
    """A queue of another program: it is never created, since that program may want it otherwise."""

    #: Looked for each time: a message to a queue that is gone would be lost.
    can_cache_declaration = False

    def __init__(self, name: str = "", **kwargs: Any) -> None:
        super().__init__(name, **{"exchange": _BY_NAME, "routing_key": name, **kwargs})

    def declare(self, nowait: bool = False, channel: Any = None) -> str:  # noqa: ARG002, FBT001, FBT002
        """Look for it. Raises ``QueueRefused``."""
        channel = channel or self.channel
        # Redis knows no queues, only lists of the messages that wait.
        if isinstance(channel, amqp.Channel) and not _exists(channel, self.name):
            raise QueueRefused(
                f"RabbitMQ has no queue {self.name!r}: start the program that reads it, or correct "
                "its name"
            )
        return str(self.name)


class OurQueue(TheirQueue):
    """A queue of ours: created if it is missing."""

    can_cache_declaration = True
    #: Celery would take note of `queue_arguments`: for quorum queues it declares 28 exchanges and
    #: queues for delayed tasks, under names that other apps may want with other arguments.
    attrs = (*Queue.attrs, ("rules", None))

    def __init__(self, name: str = "", rules: QueueRules | None = None, **kwargs: Any) -> None:
        self.rules = rules or QueueRules()
        super().__init__(name, **kwargs)

    def declare(self, nowait: bool = False, channel: Any = None) -> str:  # noqa: FBT001, FBT002
        """Create it unless it exists. Raises ``QueueRefused``."""
        channel = channel or self.channel
        if not isinstance(channel, amqp.Channel):
            return str(Queue.declare(self, nowait=nowait, channel=channel))
        if not _exists(channel, self.name):
            _create(channel, self.name, self.rules.arguments(self.name))
        return str(self.name)


class _Queues(Queues):
    """Queues that Celery meets in options of other programs' messages, such as `link`."""

    def new_missing(self, name: str) -> Queue:
        return TheirQueue(name)


class _OurTransports:
    """Mixed into a connection: it uses our transports."""

    def get_transport_cls(self) -> type:
        usual: type = super().get_transport_cls()  # type: ignore[misc]
        return OURS.get(usual, usual)


class _Pooled(_OurTransports, PooledConnection):
    """A sender's connection."""


class _Pool(ConnectionPool):
    """Senders' connections, which would be kombu's own otherwise."""

    def new(self) -> Any:
        return _Pooled(self, **dict(self.connection._info(resolve=False)))  # noqa: SLF001  # as kombu


class _Connection(_OurTransports, Connection):
    """A connection that reads, or that others are made after.

    It counts unacknowledged messages per consumer: quorum queues refuse to do it per channel.
    """

    qos_semantics_matches_spec = True

    def Pool(self, limit: int | None = None, **options: Any) -> _Pool:  # noqa: N802  # kombu's name
        """Connections like this one."""
        return _Pool(self, limit, **options)


class AsTheyAre(AMQP):
    """Celery's side of queues and connections, in our way."""

    Connection = _Connection
    queues_cls = _Queues


def our_queues(rules: QueueRules) -> tuple[OurQueue, ...]:
    """All of ours."""
    return tuple(OurQueue(name, rules) for name in QUEUES.values())


def _exists(channel: amqp.Channel, name: str) -> bool:
    with suppress(amqp.NotFound):
        try:
            _declare(channel, name, passive=True)
        except amqp.ResourceLocked as error:
            raise QueueRefused(
                f"the queue {name!r} is another connection's own: RabbitMQ says {in_words(error)}. "
                "Declare it without `exclusive`"
            ) from error
        else:
            return True
    return False


def _create(channel: amqp.Channel, name: str, arguments: dict[str, Any]) -> None:
    try:
        _declare(channel, name, durable=True, auto_delete=False, arguments=arguments)
    except amqp.AccessRefused as error:
        raise QueueRefused(
            f"there is no queue {name!r}, and RabbitMQ lets us create none: {in_words(error)}. "
            f"Create it, or let HOOKLINE_BROKER_URL's user configure, write and read {DOOR}.*, "
            "and write to amq.default"
        ) from error
    except amqp.PreconditionFailed as error:
        if not _exists(channel, name):
            raise QueueRefused(
                f"RabbitMQ does not create the queue {name!r} as HOOKLINE_QUEUE_TYPE and "
                f"HOOKLINE_QUEUE_MAX_PRIORITY say: {in_words(error)}"
            ) from error
        # Another program was first.


def _declare(channel: amqp.Channel, name: str, **how: Any) -> None:
    """On a channel of its own, which a refusal closes."""
    with channel.connection.channel() as own:
        own.queue_declare(queue=name, **how)


def in_words(error: Exception) -> str:
    """What RabbitMQ says; of other errors the type only, since they may contain an address."""
    cause = error.__cause__ or error  # kombu's own errors say less
    said = cause.reply_text if isinstance(cause, amqp.AMQPError) else None
    return str(said or type(cause).__name__)
