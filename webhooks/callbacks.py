"""The endpoint for the provider's callbacks: size -> token -> JSON -> record -> 200.

200 for everything that needs no repeat: the provider repeats a callback after any other status.
Nothing here calls the provider.
"""

from flask import Response

from webhooks.api.calls import JSON_TYPE, Calls, in_path
from webhooks.context import Context
from webhooks.parsing import json_object, read_body, refuse_large
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


_ANSWERS = {each: Received(status=each).to_json() for each in Disposition}
_TOKEN = in_path("token", "What the submit's hook ended with.", minLength=1, pattern="^[^/]+$")


@calls.add(
    "POST", f"{HOOK_PATH}/<token>", {200: Received},
    body={"type": "object"}, parameters=(_TOKEN,), errors=(400, 401),
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
    disposition = services.receiver.receive(token, json_object(read_body(MAX_BYTES)))
    return Response(_ANSWERS[disposition], content_type=JSON_TYPE)
