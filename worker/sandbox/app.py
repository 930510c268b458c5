"""The sandbox's HTTP face: which path means what, and how an answer leaves the house."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request

from worker.sandbox.base import Dialect
from worker.sandbox.downloads import EXPIRY, Downloads, is_dead
from worker.sandbox.engine import Engine
from worker.sandbox.faults import Faults
from worker.sandbox.gallery import Gallery
from worker.sandbox.ledger import Ledger, Stats
from worker.sandbox.model import Reply, Task
from worker.sandbox.options import SandboxOptions
from worker.sandbox.queries import Queries
from worker.sandbox.reception import Cut, Reception


class Front:
    """Lets a request in if the dialect has that endpoint and the key is right."""

    def __init__(self, options: SandboxOptions, dialect: Dialect, stats: Stats) -> None:
        self._dialect = dialect
        self._key = options.key
        self._stats = stats
        self._endpoints = dialect.submits | dialect.queries
        if options.grids_without_buttons:  # where grids have no buttons, change has to serve
            self._endpoints |= {"change", "simple-change"}

    def answer(self, name: str, prefix: str, call: Callable[[], Reply]) -> Response:
        """Answer one request to the endpoint `name`."""
        self._stats.count(name, "requests")
        known = self._dialect.any_prefix or prefix in ("", *self._dialect.prefixes)
        if name not in self._endpoints or not known:
            return self.unknown_path()
        if self._key and name != "image" and not self._dialect.allows(request.headers, self._key):
            self._stats.count("unauthorised", "refusals")
            return _response(self._dialect.unauthorised())
        try:
            return _response(call())
        except Cut:
            return _hang_up()

    def unknown_path(self) -> Response:
        """Answer a path that this provider lacks."""
        return _response(self._dialect.unknown_path(request.method, request.path))


def create_app(
    options: SandboxOptions,
    dialect: Dialect,
    engine: Engine,
    ledger: Ledger,
    stats: Stats,
) -> Flask:
    """Wire the endpoints to a Flask app."""
    app = Flask(__name__)
    gallery, downloads = Gallery(engine), Downloads(Faults(options, stats))
    _add_provider(
        app,
        options=options,
        dialect=dialect,
        engine=engine,
        gallery=gallery,
        downloads=downloads,
        stats=stats,
    )
    _add_pictures(app, engine, gallery, downloads)
    _add_oracle(
        app, dialect=dialect.name, engine=engine, gallery=gallery, ledger=ledger, stats=stats
    )
    return app


def _add_provider(
    app: Flask,
    *,
    options: SandboxOptions,
    dialect: Dialect,
    engine: Engine,
    gallery: Gallery,
    downloads: Downloads,
    stats: Stats,
) -> None:
    front = Front(options, dialect, stats)
    queries = Queries(dialect, engine)
    reception = Reception(options, dialect, engine, gallery, stats)

    def submit(name: str, prefix: str = "") -> Response:
        mode = prefix.removeprefix("mj-") if prefix in dialect.prefixes else None
        return front.answer(name, prefix, lambda: reception.submit(name, mode))

    def image(name: str) -> Reply:
        return _gateway_image(gallery, downloads, engine.task(name), name)

    def route(rule: str, name: str, call: Callable[..., Reply], method: str = "GET") -> None:
        def view(prefix: str = "", **found: str) -> Response:
            return front.answer(name, prefix, lambda: call(**found))

        _add(app, rule, name, view, method)

    _add(app, "submit/<name>", "submit", submit, "POST")
    _add(app, "insight-face/swap", "swap", lambda prefix="": submit("swap", prefix), "POST")
    route("task/<task_id>/fetch", "fetch", queries.fetch)
    route("task/<task_id>/image-seed", "image-seed", queries.image_seed)
    route("task/list", "list", queries.all)
    route("task/queue", "queue", queries.queue)
    route("task/list-by-condition", "list-by-condition", queries.by_condition, "POST")
    route("task/list-by-ids", "list-by-ids", queries.by_condition, "POST")
    route(
        "image/<name>",
        "image",
        lambda name: _gateway_image(gallery, downloads, engine.task(name), name),
    )
    app.register_error_handler(404, lambda _error: front.unknown_path())
    app.register_error_handler(405, lambda _error: front.unknown_path())


def _add_oracle(
    app: Flask,
    *,
    dialect: str,
    engine: Engine,
    gallery: Gallery,
    ledger: Ledger,
    stats: Stats,
) -> None:
    @app.get("/")
    def about() -> Response:
        links = {"ledger": "/sandbox/ledger", "stats": "/sandbox/stats", "api": "/mj"}
        text = "Hookline's sandbox: a local stand-in of a Midjourney-proxy provider"
        return jsonify(about=text, dialect=dialect, links=links)

    @app.get("/sandbox/ledger")
    def show_ledger() -> Response:
        return jsonify(ledger.entries())

    @app.get("/sandbox/stats")
    def show_stats() -> Response:
        return jsonify({**stats.snapshot(), "tasks": engine.totals()})

    @app.get("/sandbox/digests/<name>")
    def show_digest(name: str) -> Response:
        data = gallery.png(name)
        return jsonify(sha256=hashlib.sha256(data).hexdigest() if data else None)


def _add_pictures(app: Flask, engine: Engine, gallery: Gallery, downloads: Downloads) -> None:
    def file(name: str, data: bytes | None, content_type: str) -> Response:
        if data is None or is_dead(request.args.get(EXPIRY)):
            return _response(Reply({"error": "there is no such picture"}, 404))
        task = engine.task(name.partition(".")[0])
        return _response(downloads.answer(data, content_type, task))

    @app.get("/sandbox/images/<name>")
    def show_image(name: str) -> Response:
        return file(name, gallery.png(name), "image/png")

    @app.get("/sandbox/videos/<name>")
    def show_video(name: str) -> Response:
        return file(name, gallery.gif(name), "image/gif")


def _add(app: Flask, rule: str, name: str, view: Callable[..., Response], method: str) -> None:
    app.add_url_rule(f"/mj/{rule}", name, view, methods=[method])
    app.add_url_rule(f"/<prefix>/mj/{rule}", f"{name} with prefix", view, methods=[method])


def _gateway_image(gallery: Gallery, downloads: Downloads, task: Task | None, name: str) -> Reply:
    data = gallery.png(name)
    if data is None:
        return Reply({"error": "midjourney_task_not_found"}, 400)
    if is_dead(request.args.get(EXPIRY)):  # it hands on what its upstream says
        return Reply({"error": "there is no such picture"}, 404)
    return downloads.answer(data, "image/png", task)


def _response(reply: Reply) -> Response:
    if reply.body is None:
        return Response(status=reply.status, content_type=None)
    body: Any = reply.body
    if not isinstance(body, str | bytes):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    response = Response(body, reply.status, content_type=reply.content_type)
    if reply.announced is not None:
        response.content_length = reply.announced
    return response


def _hang_up() -> Response:
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if connection is None:
        raise ConnectionAbortedError("cut, as asked for")
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)  # goes nowhere
