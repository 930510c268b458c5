"""The Flask app: the provider's door, the API and the health checks."""

from threading import Thread

import structlog
from flask import Flask, request
from werkzeug.exceptions import HTTPException

from config.checks import host_of
from config.logs import configure_logging
from config.settings import Settings
from webhooks.api.calls import add_calls, url_map
from webhooks.api.openapi import CALLS
from webhooks.context import Context
from webhooks.counting import keep_counting
from webhooks.hosts import Hosts
from webhooks.problems import add_problems
from webhooks.proving import Prover
from worker.bootstrap import HOOK_PATH, Services, build
from worker.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

#: Requests with images that one process works on at a time: fewer than it has threads, so that
#: callbacks and health checks are answered meanwhile.
PICTURE_CALLERS = 3

_ROUTES = url_map(CALLS)


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """The app; without ``services`` it builds its own.

    It starts even while Redis is away: requests get 503 until it is back. Raises ``SettingsError``.
    """
    context = Context(lambda: services or build(settings, picture_callers=PICTURE_CALLERS))
    try:
        context.services  # noqa: B018  # builds them
    except StoreUnavailable as error:
        log.warning("web.started_without_redis", error=str(error))
    app = Flask(__name__, static_folder=None)
    app.url_map = _ROUTES
    add_problems(app)
    _check_host(app, settings)
    app.extensions["prover"] = context.prover
    app.extensions["context"] = context
    add_calls(app, CALLS, context, settings.api_token.get_secret_value())
    return app


def _check_host(app: Flask, settings: Settings) -> None:
    """Refuse requests for other names than ours, before anything else.

    A callback's token says more than its name, which a tunnel may have changed; health checks go to
    addresses.
    """
    public = host_of(settings.public_url) if settings.public_url else ""
    hosts = Hosts(settings.host, (public, *settings.web_hosts))

    @app.before_request
    def check() -> None:
        path = request.path
        if path == "/healthz" or path.startswith(f"{HOOK_PATH}/"):
            return
        if not hosts.accepts(request.environ.get("HTTP_HOST", "")):
            raise Misdirected


class Misdirected(HTTPException):
    """421: the request's ``Host`` is none of ours (RFC 9110, 15.5.20)."""

    code = 421
    description = "The header Host names none of this service's names: see HOOKLINE_WEB_HOSTS."


def load_app(settings: Settings) -> Flask:
    """The app of a web process: sets up logging, and starts to count and to send proofs."""
    configure_logging(settings.log_format, settings.log_level, settings.secret_values())
    app = create_app(settings)
    prover: Prover = app.extensions["prover"]
    context: Context = app.extensions["context"]
    Thread(target=keep_counting, args=(context,), name="counting", daemon=True).start()
    if settings.public_url:
        Thread(target=prover.run, name="prover", daemon=True).start()
    return app
