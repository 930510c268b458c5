"""Liveness and readiness."""

from collections.abc import Callable
from typing import Literal

from flask import Response

from webhooks.api.calls import Calls
from webhooks.context import Context
from webhooks.problems import unavailable
from worker.adapters.messaging.broker import ping
from worker.domain.errors import FieldError, ServiceUnavailable
from worker.services.reports.answers import Answer

calls = Calls()


class Alive(Answer):
    """The process lives."""

    status: Literal["ok"]


class Ready(Answer):
    """Redis and the broker answer."""

    status: Literal["ready"]


@calls.add("GET", "/healthz", {200: Alive}, offline=True)
def healthz(_context: Context) -> Alive:
    """The process lives."""
    return Alive(status="ok")


@calls.add("GET", "/readyz", {200: Ready})
def readyz(context: Context) -> Answer | Response:
    """Redis and the broker answer."""
    checks: dict[str, Callable[[], object]] = {
        "redis": lambda: context.services.store.ping(),  # noqa: PLW0108  # may raise too
        "broker": lambda: ping(context.services.celery),
    }
    failed: dict[str, ServiceUnavailable] = {}
    for name, check in checks.items():
        try:
            check()
        except ServiceUnavailable as error:
            failed[name] = error
    if not failed:
        return Ready(status="ready")
    missing = [FieldError(name, "does not answer") for name in failed]
    return unavailable(next(iter(failed.values())), missing)
