"""The endpoint for callbacks: token -> size -> encoding -> JSON -> record -> 200.

200 for everything that needs no repeat: the provider repeats a callback after any other status.
Nothing here calls the provider. Proofs of our own come the same way (``worker.domain.presence``).
"""

from contextlib import suppress
from typing import Any, Literal

from flask import Response

from webhooks.api.calls import JSON_TYPE, Calls, in_path
from webhooks.context import Context
from webhooks.parsing import decompressed, json_object, read_body, refuse_large
from worker.adapters.tokens import BadToken
from worker.bootstrap import HOOK_PATH, Services
from worker.domain.errors import NotFound, StoreUnavailable
from worker.domain.events import Disposition
from worker.domain.presence import Proof
from worker.services.reports.answers import Answer

#: The largest body seen so far had 4.5 KB.
MAX_BYTES = 1024 * 1024

calls = Calls()


class Received(Answer):
    """The outcome of a callback."""

    status: Disposition


class Reachable(Answer):
    """Callbacks arrive here."""

    status: Literal["ok"]


#: Counted of callbacks without a disposition.
_REFUSED = "refused"
_ANSWERS = {each: Received(status=each).to_json() for each in Disposition}
_TOKEN = in_path("token", "What the submit's hook ended with.", minLength=1, pattern="^[^/]+$")


@calls.add(
    "GET", f"{HOOK_PATH}/<token>", {200: Reachable},
    parameters=(_TOKEN,), offline=True, slash=True,
)  # fmt: skip
def callback_reachable(_context: Context, **_token: str) -> Reachable:
    """Whether callbacks arrive here, for providers that look first; any token will do."""
    return Reachable(status="ok")


@calls.add(
    "POST", f"{HOOK_PATH}/<token>", {200: Received},
    body={"type": "object"}, parameters=(_TOKEN,), errors=(400, 401, 415), slash=True,
)  # fmt: skip
def callback(context: Context, token: str) -> Response:
    """Receive a provider's callback about a task; the token in the path authenticates it."""
    try:
        disposition = _receive(context.services, token)
    except (BadToken, NotFound):
        context.services.receiver.count("", _REFUSED)
        raise
    except Exception:  # whatever it is, a callback is lost with it
        context.prover.missed()
        with suppress(StoreUnavailable):
            context.services.receiver.count("", _REFUSED)
        raise
    return Response(_ANSWERS[disposition], content_type=JSON_TYPE)


def _receive(services: Services, token: str) -> Disposition:
    """Nobody's body is read whose token buys nothing: a slow one holds a thread."""
    named = services.tokens.read(token)
    if isinstance(named, Proof):
        if services.proofs.too_late(named):
            return Disposition.STALE
        return services.proofs.receive(token, named, _body())
    job = services.receiver.expected(named)
    if job and services.receiver.takes_no_news(job):
        return Disposition.STALE
    return services.receiver.receive(token, _body(), job)


def _body() -> dict[str, Any]:
    refuse_large(MAX_BYTES)
    return json_object(decompressed(read_body(MAX_BYTES), MAX_BYTES))
