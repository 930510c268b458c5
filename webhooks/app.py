"""The Flask app: the provider's door, the API, the health checks and the pages."""

from threading import Thread
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from config.checks import host_of
from config.logger import get_logger
from config.logs import configure_logging
from config.settings import Settings
from webhooks.api.calls import add_calls, url_map
from webhooks.api.openapi import CALLS
from webhooks.context import Context
from webhooks.hosts import Hosts
from webhooks.pages.everything import PAGES
from webhooks.pages.registry import add_pages, rules
from webhooks.pages.visits import Visitors
from webhooks.problems import add_problems
from webhooks.proving import Prover
from webhooks.watching import Watcher
from webhooks.writing import Writer
from worker.adapters.sessions import Sessions
from worker.bootstrap import HOOK_PATH, Services, build
from worker.domain.errors import StoreUnavailable

log = get_logger(__name__)

#: Requests with images that one process works on at a time: fewer than it has threads, so that
#: callbacks and health checks are answered meanwhile.
PICTURE_CALLERS = 3

_ROUTES = url_map(CALLS, rules(PAGES))


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
    app.extensions |= {
        "prover": context.prover,
        "writer": context.writer,
        "watcher": Watcher(context),
    }
    visitors = _visitors(settings, context)
    add_calls(app, CALLS, context, settings.api_token.get_secret_value(), visitors.by_page)
    add_pages(app, PAGES, visitors)
    return app


def _visitors(settings: Settings, context: Context) -> Visitors:
    secrets = [secret.get_secret_value() for secret in settings.secrets]
    api_token = settings.api_token.get_secret_value()
    public = urlsplit(settings.public_url or "")
    https_host = public.netloc if public.scheme == "https" else ""
    return Visitors(context, Sessions(secrets, api_token), api_token, https_host)


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


def begin(app: Flask, settings: Settings) -> None:
    """Set up the logging of a web process, and start what runs beside its requests."""
    configure_logging(settings.log_format, settings.log_level, settings.secret_values())
    prover: Prover = app.extensions["prover"]
    if settings.public_url:
        Thread(target=prover.run, name="prover", daemon=True).start()
    writer: Writer = app.extensions["writer"]
    Thread(target=writer.run, name="writer", daemon=True).start()
    if settings.alert_url:
        watcher: Watcher = app.extensions["watcher"]
        Thread(target=watcher.run, name="watcher", daemon=True).start()
