"""The endpoint for the provider's callbacks: size -> token -> encoding -> JSON -> record -> 200.

200 for everything that needs no repeat: the provider repeats a callback after any other status.
Nothing here calls the provider.
"""

from typing import Literal

from flask import Response

from webhooks.api.calls import JSON_TYPE, Calls, in_path
from webhooks.context import Context
from webhooks.parsing import decompressed, json_object, read_body, refuse_large
from worker.bootstrap import HOOK_PATH
from worker.domain.errors import ServiceUnavailable
from worker.domain.events import Disposition
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
        return _receive(context, token)
    except ServiceUnavailable:
        context.heartbeat.missed()
        raise


def _receive(context: Context, token: str) -> Response:
    services = context.services
    refuse_large(MAX_BYTES)
    services.tokens.read(token)  # before the body, so as not to wait for a stranger's
    body = decompressed(read_body(MAX_BYTES), MAX_BYTES)
    disposition = services.receiver.receive(token, json_object(body))
    return Response(_ANSWERS[disposition], content_type=JSON_TYPE)
