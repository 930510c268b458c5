"""What a worker does at the broker before it takes messages."""

from collections.abc import Iterable
from typing import Any

import amqp
from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads
from redis.exceptions import NoPermissionError

from config.logger import get_logger
from worker.adapters.messaging.broker import OWN_KEYS, connection_of, reach
from worker.adapters.messaging.keys import broken_keys
from worker.adapters.messaging.names import DOOR, QUEUES
from worker.domain.errors import FieldError, QueueRefused, SettingsError

log = get_logger(__name__)


def prepare_broker(app: Celery, queues: Iterable[str]) -> None:
    """Create the queues that are missing; on Redis, take back what older versions left behind.

    Does nothing while the broker does not answer: Celery waits for it. Raises ``QueueRefused``,
    also if Redis has something else under the names of our queues, and ``SettingsError`` if
    RabbitMQ refuses the user or has no such virtual host.
    """
    with connection_of(app) as connection:
        try:
            reach(connection)
            _check_keys(app)
            channel = connection.default_channel
            for name in queues:
                app.amqp.queues[name](channel).declare()
        except (amqp.AccessRefused, amqp.NotAllowed) as error:
            reason = f"RabbitMQ refuses it: {error.reply_text}"
            raise SettingsError([FieldError("HOOKLINE_BROKER_URL", reason)]) from error
        except NoPermissionError as error:
            raise QueueRefused(
                "Redis refuses the keys of our queues to the user of the broker's URL: let it use "
                f"{DOOR}*, and the queues of the apps that are notified (with any global_keyprefix)"
            ) from error
        except _errors_of(connection) as error:
            log.warning("broker.not_prepared", error=type(error).__name__)
            return
        if connection.transport.driver_type == "redis":
            _take_back(app)


def _check_keys(app: Celery) -> None:
    """A worker would lose each message that it takes: it cannot be noted as taken."""
    if broken := broken_keys(app):
        named = ", ".join(f"{key.name} (a {key.type}, not a {key.should_be})" for key in broken)
        raise QueueRefused(
            f"Redis has something else where our messages should be: {named}. `hookline doctor` "
            "says how to repair it"
        )


def _take_back(app: Celery) -> None:
    """Put our unacknowledged messages in kombu's usual keys back into their queues.

    Older versions shared these with all apps of the database. A message that an old worker
    still holds runs twice, which is harmless.
    """
    usual = {name: getattr(Channel, name) for name in OWN_KEYS}
    options = {**usual, "global_keyprefix": ""}
    with app.connection_for_write(transport_options=options) as connection:
        channel: Any = connection.default_channel
        try:
            with channel.conn_or_acquire() as client:
                held = client.hscan_iter(channel.unacked_key)
                ours = {tag: queue for tag, message in held if (queue := _our_queue(message))}
                for tag, queue in ours.items():
                    client.transaction(_restoring(channel, tag, queue), channel.unacked_key)
        except _errors_of(connection) as error:
            # Such as a user without a right to others' keys, who never had messages there.
            log.debug("broker.nothing_taken_back", error=type(error).__name__)
            return
    if ours:
        log.info("broker.taken_back", messages=len(ours))


def _errors_of(connection: Connection) -> tuple[type[BaseException], ...]:
    return (OperationalError, *connection.channel_errors, *connection.connection_errors)


def _our_queue(held: bytes) -> str | None:
    """The queue of a message that is ours."""
    try:
        message, _, routing_key = loads(bytes_to_str(held))
        task = str(message["headers"].get("task", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # somebody's own format
    if routing_key in QUEUES.values():
        return str(routing_key)
    return DOOR if task.startswith("hookline.") else None


def _restoring(channel: Any, tag: bytes, queue: str) -> Any:
    def transaction(pipe: Any) -> None:
        held = pipe.hget(channel.unacked_key, tag)
        pipe.multi()
        pipe.zrem(channel.unacked_index_key, tag)
        pipe.hdel(channel.unacked_key, tag)
        if held:  # nobody was first
            message, *_ = loads(bytes_to_str(held))
            channel._do_restore_message(message, "", queue, pipe)  # noqa: SLF001  # no public way

    return transaction
