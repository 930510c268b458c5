"""The sandbox as a Flask app: the routes, authentication, and how a reply is sent."""

import hashlib
import json
import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, request

from worker.sandbox.environment import Environment
from worker.sandbox.models import Reply
from worker.sandbox.routes.pictures import Pictures
from worker.sandbox.routes.submit import Submissions
from worker.sandbox.routes.tasks import TaskQueries
from worker.sandbox.tasks import Tasks

#: Like that of a gateway's web interface; no two copies are equal.
_WEB_PAGE = (
    '<!doctype html><html><head><title>New API</title><script nonce="{nonce}" src="/assets/'
    'index.js"></script></head><body><div id="root"></div></body></html>'
)


def create_app(env: Environment, tasks: Tasks) -> Flask:
    """Build the app with all its routes."""
    app, pictures = Flask(__name__), Pictures(env.faults, tasks, env.memory)
    _add_provider(app, env, tasks, pictures)
    _add_own(app, env, tasks, pictures)
    return app


def _add_provider(app: Flask, env: Environment, tasks: Tasks, pictures: Pictures) -> None:
    """The provider's endpoints: path, method, the name that dialects use, view.

    The path of a submission contains its name.
    """
    submit = Submissions(env, tasks, pictures).submit
    queries = TaskQueries(env.dialect, tasks, env.options)
    endpoints: tuple[tuple[str, str, str, Callable[..., Reply]], ...] = (
        ("submit/<name>", "POST", "", submit),
        ("insight-face/<any(swap):name>", "POST", "", submit),
        ("task/<task_id>/fetch", "GET", "fetch", queries.fetch),
        ("task/<task_id>/image-seed", "GET", "image-seed", queries.image_seed),
        ("task/list", "GET", "list", queries.all),
        ("task/queue", "GET", "queue", queries.queue),
        ("task/list-by-condition", "POST", "list-by-condition", queries.by_condition),
        ("task/list-by-ids", "POST", "list-by-ids", queries.by_condition),
        ("image/<name>", "GET", "image", pictures.gateway_image),
    )
    for path, method, name, view in endpoints:
        guarded = _guarded(env, name, view)
        for rule in (f"/mj/{path}", f"/<prefix>/mj/{path}"):
            app.add_url_rule(rule, rule, guarded, methods=[method])
    if env.dialect.keeps_books:
        _add_books(app, env, queries)
    for status in (404, 405):
        app.register_error_handler(status, lambda _error: _unknown_path(env))


def _add_books(app: Flask, env: Environment, queries: TaskQueries) -> None:
    """The gateway's own calls. A used-up key may make those that want one, too."""
    books, key = env.books, env.options.key

    def of_key(view: Callable[[], Reply]) -> Reply:
        if key and not env.dialect.allows(request.headers, key):
            return Reply({"success": False, "message": "无效的令牌"}, 401)
        return view()

    calls: dict[str, Callable[[], Reply]] = {
        "/api/mj/self": lambda: books.tasks(queries.view),
        "/api/log/token": lambda: of_key(books.log),
        "/api/usage/token/": lambda: of_key(books.balance),
    }
    for rule, call in calls.items():

        def respond(rule: str = rule, call: Callable[[], Reply] = call) -> Response:
            env.stats.count(rule, "requests")
            return _response(call())

        app.add_url_rule(rule, rule, respond)


def _guarded(env: Environment, name: str, view: Callable[..., Reply]) -> Callable[..., Response]:
    """The view, if the dialect has the endpoint and the request has the key."""
    dialect, key, prefixes = env.dialect, env.options.key, ("", *env.dialect.prefixes)
    known = dialect.queries if name else dialect.submits
    if not name and env.options.grids_without_buttons:  # change has to replace the buttons
        known += ("change", "simple-change")

    def respond(prefix: str = "", **args: str) -> Response:
        endpoint = name or args["name"]
        env.stats.count(endpoint, "requests")
        if endpoint not in known or not (dialect.any_prefix or prefix in prefixes):
            return _unknown_path(env)
        if key and endpoint != "image" and not dialect.allows(request.headers, key):
            env.stats.count("unauthorised", "refusals")
            return _response(dialect.unauthorised)
        if env.books.exhausted and endpoint != "image":
            env.stats.count("exhausted", "refusals")
            return _response(dialect.unauthorised)
        return _response(view(**args))

    return respond


def _unknown_path(env: Environment) -> Response:
    if env.options.web_pages:
        env.stats.count("web_pages")
        page = _WEB_PAGE.format(nonce=secrets.token_urlsafe(8))
        return _response(Reply(page, content_type="text/html; charset=utf-8"))
    return _response(env.dialect.unknown_path(request.method, request.path))


def _add_own(app: Flask, env: Environment, tasks: Tasks, pictures: Pictures) -> None:
    """The sandbox's own paths: files, and evidence to compare with Hookline's records."""
    about = {
        "about": "Hookline's sandbox: a local stand-in of a Midjourney-proxy provider",
        "dialect": env.dialect.name,
        "links": {"ledger": "/sandbox/ledger", "stats": "/sandbox/stats", "api": "/mj"},
    }

    def digest(name: str) -> Reply:
        data = pictures.png(name)
        return Reply({"sha256": hashlib.sha256(data).hexdigest() if data else None})

    def forget() -> Reply:
        return Reply({"forgotten": tasks.forget()})

    paths: dict[str, Callable[..., Reply]] = {
        "/": lambda: Reply(about),
        "/sandbox/images/<name>": pictures.image,
        "/sandbox/videos/<name>": pictures.video,
        "/sandbox/digests/<name>": digest,
        "/sandbox/ledger": lambda: Reply(env.ledger.entries()),
        "/sandbox/stats": lambda: Reply(
            {
                **env.stats.snapshot(),
                "tasks": tasks.totals(),
                "quota": env.books.totals(),
            }
        ),
    }
    app.add_url_rule("/sandbox/forget", view_func=lambda: _response(forget()), methods=["POST"])
    for rule, view in paths.items():
        app.add_url_rule(rule, rule, lambda view=view, **args: _response(view(**args)))


def _response(reply: Reply) -> Response:
    time.sleep(reply.delay)
    if reply.cut:
        return _hang_up()
    if reply.body is None:
        return Response(status=reply.status, content_type=None)
    body: Any = reply.body
    if not isinstance(body, str | bytes):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_stamp)
    response = Response(body, reply.status, content_type=reply.content_type)
    if reply.content_length is not None:
        response.content_length = reply.content_length
    return response


def _stamp(_now: object) -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _hang_up() -> Response:
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if connection is None:
        raise ConnectionAbortedError("cut, as asked for")
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)  # goes nowhere
