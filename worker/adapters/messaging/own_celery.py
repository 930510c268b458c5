"""A Celery app that takes nothing from the environment.

Celery lets CELERY_BROKER_URL and its like win over the app's own configuration, imports a module
named by CELERY_CONFIG_MODULE, and prepares Django if DJANGO_SETTINGS_MODULE is set. In a process or
a container shared with another Celery app these are that app's.
"""

from typing import Any

from celery import Celery
from celery.app.utils import Settings
from celery.loaders.app import AppLoader

from worker.adapters.messaging.envelopes import places_in
from worker.adapters.messaging.names import OUR_QUEUES
from worker.domain.destinations import reserved
from worker.domain.errors import QueueRefused


class OwnCelery(Celery):
    """Celery, configured by its arguments and ``conf`` alone. ``parts``: Celery's own arguments."""

    def __init__(self, name: str, broker: str, **parts: Any) -> None:
        super().__init__(
            name, broker=broker, loader=_OwnLoader, fixups=[], set_as_current=False, **parts
        )
        # Celery offers no place to choose the class, and `conf.x = y` would set an option.
        object.__setattr__(self.conf, "__class__", _OwnSettings)

    def send_task(self, name: str, *args: Any, **options: Any) -> Any:
        """Celery's own, which also sends what other programs name: `link`, the rest of a chain.

        Raises ``QueueRefused`` for a place that no message may go to; see
        ``worker.domain.destinations``.
        """
        for place in places_in(options):
            ours = place in OUR_QUEUES and name.startswith("hookline.")
            if not ours and (why := reserved(place)):
                raise QueueRefused(f"{place!r} {why}")
        return super().send_task(name, *args, **options)


class _OwnLoader(AppLoader):
    def read_configuration(self, *_: Any) -> dict[str, Any]:
        return {}


class _OwnSettings(Settings):
    """The four values that ``Settings`` looks up in the environment first."""

    @property
    def broker_url(self) -> Any:
        return self.first("broker_url")

    @property
    def broker_read_url(self) -> Any:
        return self.broker_url

    @property
    def broker_write_url(self) -> Any:
        return self.broker_url

    @property
    def result_backend(self) -> Any:
        return None
