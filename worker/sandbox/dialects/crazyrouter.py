# ruff: noqa: D102 - the methods are explained in the base class
"""crazyrouter: a gateway with the ids, buttons, errors and callbacks of its documentation."""

from typing import ClassVar

from worker.sandbox.dialects.base import JSON, image_url, words
from worker.sandbox.dialects.gateway import Gateway, openai_error
from worker.sandbox.models import Reply, Task

_CALLBACK = words("id status prompt progress failReason submitTime startTime finishTime")


class Crazyrouter(Gateway):
    """docs.crazyrouter.com."""

    name = "crazyrouter"
    account: ClassVar[JSON] = {}
    unauthorised = openai_error(
        401, "Invalid API key", type="authentication_error", code="invalid_api_key"
    )
    id_prefix = "task_"
    forwards_hook = True
    callback_per_status = True
    follows_redirects = False
    callback_timeout = 5.0
    callback_pauses = (10.0, 30.0, 60.0)

    def busy(self, path: str) -> tuple[Reply, ...]:
        code = "rate_limit_exceeded"
        limited = openai_error(429, "Too many requests", type="rate_limit_error", code=code)
        return (limited, *super().busy(path))

    def task(self, task: Task, base: str) -> JSON:
        view = super().task(task, base)
        buttons = [
            {
                "customId": button.custom_id,
                "emoji": button.emoji or button.label,
                "label": button.label,
                "style": button.style,
            }
            for button in task.buttons
        ]
        return view | {"buttons": buttons, "properties": view["properties"] or {}}

    def callback(self, task: Task, base: str) -> JSON:
        # The documented one has no state, buttons, description or properties.
        view = super().task(task, base)
        image = image_url(task, base) or ""
        return {
            **{key: view[key] for key in _CALLBACK},
            "action": task.order.action,
            "imageUrl": image,
        }
