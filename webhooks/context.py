"""What all calls share: the services, the prover and the writer."""

from collections.abc import Callable
from threading import Lock

from flask import g

from webhooks.proving import Prover
from webhooks.writing import Writer
from worker.bootstrap import Services
from worker.services.desk import Desk


class Context:
    """Builds the services on first use."""

    def __init__(self, build: Callable[[], Services]) -> None:
        self._build = build
        self._services: Services | None = None
        self._lock = Lock()
        self.prover = Prover(lambda: self.services)
        self.writer = Writer(lambda: self._services)

    @property
    def desk(self) -> Desk:
        """What the caller of this request sees and does. Raises ``StoreUnavailable``."""
        return self.services.desk(g.caller)

    @property
    def services(self) -> Services:
        """Raises ``StoreUnavailable`` if no Redis is set and no private one runs yet."""
        if self._services:
            return self._services
        with self._lock:  # one thread builds, the others wait
            self._services = services = self._services or self._build()
        return services
