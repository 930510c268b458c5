"""What all calls share: the services, and the sign that the receiver is there."""

from collections.abc import Callable
from threading import Lock

from webhooks.heartbeat import Heartbeat
from worker.bootstrap import Services


class Context:
    """The services are built when they are first needed."""

    def __init__(self, build: Callable[[], Services]) -> None:
        self._build = build
        self._services: Services | None = None
        self._lock = Lock()
        self.heartbeat = Heartbeat(lambda: self.services)

    @property
    def services(self) -> Services:
        """Raises ``StoreUnavailable`` where no Redis is set and no private one runs yet."""
        if self._services:
            return self._services
        with self._lock:  # one thread builds, those that waited for it take what it built
            self._services = services = self._services or self._build()
        return services
