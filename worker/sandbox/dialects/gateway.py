# ruff: noqa: D102, RUF001 - the methods are explained in the base class
"""gateway: new-api before a trueai; its own checks first, then the upstream's reply, rewritten."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from werkzeug.datastructures import Headers

from worker.sandbox.dialects.base import JSON, Refusals, video_urls, words
from worker.sandbox.dialects.trueai import Trueai, button_objects
from worker.sandbox.models import FAILURE, MODAL, Refused, Reply, Task

#: What it refuses itself; every other refusal is the upstream's, passed on.
_OWN_REFUSALS: Refusals = {
    "prompt_is_required": (400, 4, "prompt_is_required"),
    "index_is_required": (400, 4, "index_is_required"),
    "images_are_required": (400, 4, "sour_base64_and_target_base64_is_required"),
    "parent_unknown": (400, 4, "task_not_found"),
    "parent_unfinished": (400, 4, "task_status_not_success"),
    "saturated": (429, 30, "当前分组负载已饱和，请稍后再试，或升级账户以提升服务质量。"),
}
#: Parts of a customId's verb and the action that the gateway derives; the first match wins.
_ACTIONS = {
    "upsample": "UPSCALE",
    "low_variation": "LOW_VARIATION",
    "high_variation": "HIGH_VARIATION",
    "variation": "VARIATION",
    "pan": "PAN",
    "reroll": "REROLL",
    "Outpaint": "ZOOM",
    "CustomZoom": "CUSTOM_ZOOM",
    "Inpaint": "INPAINT",
}


def openai_error(status: int, message: str, **more: Any) -> Reply:
    """An error of the gateway's middleware."""
    return Reply({"error": {"message": message, "type": "new_api_error", **more}}, status)


def _upstream_error(status: int, code: int, text: str) -> Reply:
    """A refusal of its own; the blank at the end is part of it."""
    return Reply({"code": code, "description": f"{text} ", "type": "upstream_error"}, status)


class Gateway(Trueai):
    """QuantumNous/new-api."""

    name = "gateway"
    submits = words(
        "imagine action change blend describe shorten modal edits video upload-discord-images swap"
    )
    queries = words("fetch image-seed list-by-condition image")
    unauthorised = openai_error(401, "无效的令牌 (request id: 2025)")
    malformed = openai_error(400, "Invalid request, bind_request_body_failed")
    crashed = openai_error(500, "Panic detected, error: index out of range", type="new_api_panic")
    unknown_task = _upstream_error(400, 4, "task_no_found")
    any_prefix = True
    ignores_other_bodies = True
    forwards_hook = False
    keeps_books = True

    def allows(self, headers: Headers, key: str) -> bool:
        given = headers.get("Authorization", "")
        if given in ("", "midjourney-proxy"):
            given = headers.get("mj-api-secret", "")
        return _bare_key(given) == _bare_key(key)

    def unknown_path(self, method: str, path: str) -> Reply:
        if path.endswith("submit/simple-change"):  # routed to a model that no channel serves
            text = "当前分组 default 下对于模型 mj_ 无可用渠道 (request id: 2025)"
            return openai_error(503, text)
        text, kind = f"Invalid URL ({method} {path})", "invalid_request_error"
        return openai_error(404, text, type=kind, param="", code="")

    def check(self, path: str, body: JSON) -> None:
        if path == "action":
            custom_id = str(body.get("customId") or "")
            if "::" not in custom_id:
                raise Refused("http 500", reply=self.crashed)
            if gateway_action(custom_id) is None:
                text = f"Invalid request, unknown_action: {custom_id}"
                raise Refused("http 400", reply=openai_error(400, text))
        if path in ("imagine", "shorten") and not body.get("prompt"):
            raise Refused("prompt_is_required")
        if path == "change" and not body.get("index"):
            raise Refused("index_is_required")
        if path == "swap" and not (body.get("sourceBase64") and body.get("targetBase64")):
            raise Refused("images_are_required")

    def accepted(self, tasks: Sequence[Task], ahead: int) -> Reply:
        return _rewritten(super().accepted(tasks, ahead))

    def modal(self, task: Task) -> Reply:
        reply = super().modal(task)
        kept = gateway_action(task.order.custom_id or "") in ("INPAINT", "CUSTOM_ZOOM")
        return reply if kept else _rewritten(reply)

    def refused(self, refusal: Refused, path: str) -> Reply:
        if refusal.reason not in _OWN_REFUSALS:
            return super().refused(refusal, path)
        return _upstream_error(*_OWN_REFUSALS[refusal.reason])

    def busy(self, path: str) -> tuple[Reply, ...]:
        full = self.refused(Refused("queue_full", self.account), path)
        return (full, self.refused(Refused("saturated"), path))

    def task(self, task: Task, base: str) -> JSON:
        order, done = task.order, task.succeeded
        videos = video_urls(task, base)
        action = gateway_action(order.custom_id or "") if order.action != MODAL else None
        return {
            "id": task.id,
            "action": action or order.action,
            "customId": "",
            "botType": "",
            "prompt": order.prompt,
            "promptEn": order.final_prompt if order.shape == "describe" and done else order.prompt,
            "description": "提交成功",
            "state": (order.state or "") if task.status else "",
            "submitTime": task.submit_time,
            "startTime": task.start_time or 0,
            "finishTime": task.finish_time or 0,
            "imageUrl": _image_url(task, base),
            "videoUrl": videos[0] if videos else "",
            "videoUrls": [{"url": url} for url in videos] or None,
            "status": task.status,
            "progress": "100%" if task.status == FAILURE else task.progress or "0%",
            "failReason": task.fail_reason or "",
            "buttons": button_objects(task.buttons) or None,
            "maskBase64": "",
            "properties": {"finalPrompt": order.final_prompt, "finalZhPrompt": ""}
            if done or order.opens_modal
            else None,
        }

    def callback(self, task: Task, base: str) -> JSON:
        return Trueai.task(self, task, base)  # the upstream itself calls back

    def rows(self, task: Task) -> list[Task]:
        if not task.modal_answered:
            return [task]
        # The modal got a second row; the first stays as it was until the second has ended.
        stale = task if task.ended else replace(task, status=MODAL, progress="0%")
        return [stale, replace(task, order=replace(task.order, action=MODAL))]

    def seed(self, task: Task | None) -> Reply:
        return self.unknown_task if task is None else super().seed(task)


def gateway_action(custom_id: str) -> str | None:
    """The action a gateway derives from a customId; None for one that it does not pass on."""
    parts = custom_id.split("::")
    verb = parts[2] if parts[1:2] == ["JOB"] and len(parts) > 2 else "".join(parts[1:2])
    return next((action for part, action in _ACTIONS.items() if part in verb), None)


def _rewritten(reply: Reply) -> Reply:
    """Queued and waiting for a modal become plain success."""
    return replace(reply, body=reply.body | {"code": 1})


def _image_url(task: Task, base: str) -> str:
    if task.recipe is None:
        return ""
    fresh = "" if task.succeeded else f"?rand={time.time_ns()}"
    return f"{base}/mj/image/{task.id}{fresh}"


def _bare_key(given: str) -> str:
    # What follows a hyphen picks a channel and is not part of the secret.
    return given.removeprefix("Bearer ").strip().removeprefix("sk-").partition("-")[0]
