"""A flow's wake-ups over the broker that was chosen, as workers get them."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from config.broker_urls import parse_broker
from tests.support import switch
from tests.support.brokers import broker_url
from worker.adapters.messaging.broker import make_celery
from worker.adapters.messaging.queues import QueueRules
from worker.adapters.messaging.starting import prepare_broker
from worker.adapters.messaging.wakeups import CeleryWakeups

#: Seconds without a message until the consumer looks whether it is over.
_LOOK_EVERY_S = 0.2


class Carried(CeleryWakeups):
    """Sends as the product does; a thread takes the messages, and ``run`` does what they ask."""

    def __init__(self, folder: Path, run: Callable[..., None]) -> None:
        quorum = switch.BROKER == "rabbitmq"
        rules = QueueRules("quorum" if quorum else "classic")
        self.app = make_celery(parse_broker(broker_url(folder)), rules)
        super().__init__(lambda: self.app)
        self._queues = [self.app.amqp.queues[queue.name] for queue in self.app.conf.task_queues]
        prepare_broker(self.app, [queue.name for queue in self._queues])
        self._run, self._over = run, Event()
        self._thread = Thread(target=self._consume, name="consumer")
        self._thread.start()

    def close(self) -> None:
        """Take nothing more."""
        self._over.set()
        self._thread.join()
        self.app.close()

    def _consume(self) -> None:
        with (
            self.app.connection_for_read() as connection,
            connection.Consumer(self._queues, callbacks=[self._taken], accept=["json"]),
        ):
            while not self._over.is_set():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=_LOOK_EVERY_S)

    def _taken(self, body: Any, message: Any) -> None:
        message.ack()
        self._run(message.headers["task"].removeprefix("hookline."), *body[0])
