"""Whether the process lives, and whether it can do its work. Both answer without a token."""

from collections.abc import Callable

from flask import Flask, Response, jsonify

from webhooks.problems import unavailable
from worker.adapters.messaging.broker import ping
from worker.bootstrap import Services
from worker.domain.errors import FieldError, ServiceUnavailable


def add_health(app: Flask, find: Callable[[], Services]) -> None:
    """``GET /healthz`` and ``GET /readyz``."""

    def ping_store() -> None:
        find().store.ping()

    def ping_broker() -> None:
        ping(find().celery)

    def healthz() -> Response:
        return jsonify(status="ok")

    def readyz() -> Response:
        failed: dict[str, ServiceUnavailable] = {}
        for name, check in (("redis", ping_store), ("broker", ping_broker)):
            try:
                check()
            except ServiceUnavailable as error:
                failed[name] = error
        if not failed:
            return jsonify(status="ready")
        missing = [FieldError(name, "does not answer") for name in failed]
        return unavailable(next(iter(failed.values())), missing)

    app.add_url_rule("/healthz", view_func=healthz, methods=["GET"])
    app.add_url_rule("/readyz", view_func=readyz, methods=["GET"])
