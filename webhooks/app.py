"""The Flask app: the provider's door, the API and the health checks."""

from threading import Lock, Thread

import structlog
from flask import Flask

from config.logs import configure_logging
from config.settings import Settings
from webhooks.api.batches import BatchCalls
from webhooks.api.deliveries import DeliveryCalls
from webhooks.api.jobs import Api
from webhooks.callbacks import add_callbacks
from webhooks.health import add_health
from webhooks.heartbeat import Heartbeat
from webhooks.problems import add_problems
from worker.bootstrap import Services, build
from worker.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """The app, with ``services`` or its own.

    A Redis that is away is no reason not to start: requests get 503 until it answers. Raises
    ``SettingsError`` for settings that cannot work.
    """
    find = _Later(settings, services)
    try:
        find()
    except StoreUnavailable as error:
        log.warning("web.started_without_redis", error=str(error))
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.url_map.merge_slashes = False
    add_problems(app)
    heartbeat = Heartbeat(find)
    app.extensions["presence"] = heartbeat
    add_callbacks(app, find, heartbeat)
    add_health(app, find)
    Api(find, settings.api_token.get_secret_value()).add_to(app)
    BatchCalls(find).add_to(app)
    DeliveryCalls(find).add_to(app)
    return app


def load_app(settings: Settings) -> Flask:
    """The app in a web process of its own, whose logging is not set up yet."""
    configure_logging(settings.log_format, settings.log_level, settings.secret_values())
    app = create_app(settings)
    heartbeat: Heartbeat = app.extensions["presence"]
    Thread(target=heartbeat.keep_telling, name="presence", daemon=True).start()
    return app


class _Later:
    """The services, built as soon as that is possible."""

    def __init__(self, settings: Settings, services: Services | None) -> None:
        self._settings = settings
        self._services = services
        self._lock = Lock()

    def __call__(self) -> Services:
        """Raises ``StoreUnavailable`` where no Redis is set and no private one runs yet."""
        if self._services:
            return self._services
        with self._lock:  # one thread builds, those that waited for it take what it built
            self._services = services = self._services or build(self._settings)
        return services
