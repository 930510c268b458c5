"""The provider's door: size -> token -> JSON -> record -> 200.

200 for all that needs no repeat, because a provider sends anything else again. Nothing here calls
the provider.
"""

from collections.abc import Callable

from flask import Flask, Response

from webhooks.heartbeat import Heartbeat
from webhooks.parsing import json_object, read_body, refuse_large
from worker.bootstrap import HOOK_PATH, Services
from worker.domain.errors import ServiceUnavailable
from worker.domain.events import Disposition

#: The largest body that was seen has 4.5 KB.
MAX_BYTES = 1024 * 1024

_ANSWERS = {each: f'{{"status":"{each}"}}'.encode() for each in Disposition}


def add_callbacks(app: Flask, find: Callable[[], Services], heartbeat: Heartbeat) -> None:
    """``POST /webhooks/midjourney/<token>``. ``presence`` hears of those that are turned away."""

    def callback(token: str) -> Response:
        try:
            return receive(token)
        except ServiceUnavailable:
            heartbeat.missed()
            raise

    def receive(token: str) -> Response:
        services = find()
        refuse_large(MAX_BYTES)
        services.tokens.read(token)  # before the body: a stranger's is not waited for
        disposition = services.receiver.receive(token, json_object(read_body(MAX_BYTES)))
        return Response(_ANSWERS[disposition], content_type="application/json")

    app.add_url_rule(f"{HOOK_PATH}/<token>", view_func=callback, methods=["POST"])
