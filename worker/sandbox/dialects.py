# ruff: noqa: D102, ARG002 - the methods are explained in the base class
"""The four providers: their endpoints, how they check a key, what they answer.

One small class per provider (protocol: availability matrix, auth, codes, query endpoints,
notifyHook comparison); the shapes themselves are in `answers` and `views`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from werkzeug.datastructures import Headers

from worker.sandbox import answers, views
from worker.sandbox.base import Answered, Dialect
from worker.sandbox.model import MODAL, Refused, Reply, Task


class Novicezk(Dialect):
    """novicezk: few endpoints, change instead of buttons, bans at once, Spring's errors."""

    name = "novicezk"
    submits = frozenset(["imagine", "change", "simple-change", "blend", "describe"])
    queries = frozenset(["fetch", "list", "list-by-condition", "queue"])
    refusals = answers.NOVICEZK
    data_urls_only = True
    has_buttons = False
    bans_at_once = True
    timeout_text = "任务超时"

    def allows(self, headers: Headers, key: str) -> bool:
        return headers.get("mj-api-secret") == key

    def unauthorised(self) -> Reply:
        return Reply(None, 401)

    def unknown_path(self, method: str, path: str) -> Reply:
        return answers.spring(404, "Not Found", path)

    def malformed(self) -> Reply:
        return answers.spring(400, "Bad Request", "/mj/submit")

    def crashed(self) -> Reply:
        return answers.spring(500, "Internal Server Error", "/mj/submit")

    def check(self, path: str, body: dict[str, Any]) -> None:
        if path != "change":
            return
        if not body.get("taskId"):
            raise Refused("task_id_missing")
        missing = body.get("action") is None
        if missing or (body["action"] != "REROLL" and body.get("index") is None):
            raise Answered(self.crashed())  # it unboxes a null there

    def task(self, task: Task, base: str) -> dict[str, Any]:
        return views.novicezk_task(task, base)

    def unknown_task(self) -> Reply:
        return Reply(None, 200)


class Trueai(Dialect):
    """trueai: all endpoints but change, the raw key in Authorization, windows, wide records."""

    name = "trueai"
    submits = frozenset(
        {"imagine", "action", "blend", "describe", "shorten", "modal", "edits", "edit"}
        | {"retexture", "video", "upload-discord-images", "swap"}
    )
    queries = frozenset(["fetch", "image-seed", "list", "list-by-condition", "list-by-ids"])
    refusals = answers.TRUEAI
    prefixes = ("mj-fast", "mj-turbo", "mj-relax")
    listed = 100
    max_state = 255
    ascii_callbacks = True
    follows_redirects = True
    callback_type = "application/json; charset=utf-8"

    def allows(self, headers: Headers, key: str) -> bool:
        # A present Authorization masks the other header, and nothing is stripped from it.
        given = headers.get("Authorization")
        return (headers.get("mj-api-secret") if given is None else given) == key

    def unauthorised(self) -> Reply:
        return Reply("Authorization header missing.", 401, "text/plain")

    def unknown_path(self, method: str, path: str) -> Reply:
        return Reply(None, 404)

    def malformed(self) -> Reply:
        return answers.failed_result("参数错误")

    def crashed(self) -> Reply:
        return answers.failed_result("服务器内部错误", 500)

    def account(self) -> dict[str, Any]:
        return {"discordInstanceId": views.INSTANCE, "discordChannelId": views.INSTANCE}

    def refused(self, refusal: Refused, path: str) -> Reply:
        # A breached limit is code 4 on imagine alone; elsewhere the exception filter answers.
        if refusal.reason in ("too_long", "user_limit") and path != "imagine":
            return answers.failed_result(self.refusals[refusal.reason][2])
        return super().refused(refusal, path)

    def busy(self, path: str) -> tuple[Reply, ...]:
        limited = self.refused(Refused("user_limit"), path)
        return (*super().busy(path), limited, Reply(None, 429))

    def task(self, task: Task, base: str) -> dict[str, Any]:
        return views.trueai_task(task, base)

    def unknown_task(self) -> Reply:
        return Reply(None, 204)


class Gateway(Trueai):
    """new-api before a trueai: its own checks first, then the upstream's words, rewritten."""

    name = "gateway"
    submits = frozenset(
        {"imagine", "action", "change", "blend", "describe", "shorten", "modal", "edits"}
        | {"video", "upload-discord-images", "swap"}
    )
    queries = frozenset(["fetch", "image-seed", "list-by-condition", "image"])
    any_prefix = True
    forwards_hook = False

    def allows(self, headers: Headers, key: str) -> bool:
        given = headers.get("Authorization", "")
        if given in ("", "midjourney-proxy"):
            given = headers.get("mj-api-secret", "")
        return _bare_key(given) == _bare_key(key)

    def unauthorised(self) -> Reply:
        return answers.openai_error(401, "无效的令牌 (request id: 2025)", type="new_api_error")

    def unknown_path(self, method: str, path: str) -> Reply:
        if path.endswith("submit/simple-change"):  # routed, to a model that no channel has
            text = "当前分组 default 下对于模型 mj_ 无可用渠道 (request id: 2025)"
            return answers.openai_error(503, text, type="new_api_error")
        text = f"Invalid URL ({method} {path})"
        kind = "invalid_request_error"
        return answers.openai_error(404, text, type=kind, param="", code="")

    def malformed(self) -> Reply:
        text = "Invalid request, bind_request_body_failed"
        return answers.openai_error(400, text, type="new_api_error")

    def crashed(self) -> Reply:
        text = "Panic detected, error: index out of range"
        return answers.openai_error(500, text, type="new_api_panic")

    def unread(self) -> dict[str, Any] | None:
        return {}  # so that the fields seem to be missing

    def check(self, path: str, body: dict[str, Any]) -> None:
        if path == "action":
            self._check_button(str(body.get("customId") or ""))
        if path in ("imagine", "shorten") and not body.get("prompt"):
            raise Refused("prompt_is_required")
        if path == "change" and not body.get("index"):
            raise Refused("index_is_required")
        if path == "swap" and not (body.get("sourceBase64") and body.get("targetBase64")):
            raise Refused("images_are_required")

    def accepted(self, tasks: Sequence[Task], ahead: int) -> Reply:
        return answers.rewritten(super().accepted(tasks, ahead))

    def window(self, task: Task) -> Reply:
        reply = super().window(task)
        kept = gateway_action(task.order.custom_id or "") in ("INPAINT", "CUSTOM_ZOOM")
        return reply if kept else answers.rewritten(reply)

    def refused(self, refusal: Refused, path: str) -> Reply:
        if refusal.reason not in answers.GATEWAY:
            return super().refused(refusal, path)
        status, code, text = answers.GATEWAY[refusal.reason]
        return answers.upstream_error(text, code, status)

    def busy(self, path: str) -> tuple[Reply, ...]:
        full = self.refused(Refused("queue_full", self.account()), path)
        return (full, self.refused(Refused("saturated"), path))

    def task(self, task: Task, base: str) -> dict[str, Any]:
        view = views.gateway_task(task, base)
        if task.order.custom_id and task.order.action != MODAL:
            view["action"] = gateway_action(task.order.custom_id) or view["action"]
        return view

    def callback(self, task: Task, base: str) -> dict[str, Any]:
        return views.trueai_task(task, base)  # the upstream itself calls, in its own words

    def rows(self, task: Task) -> list[Task]:
        if not task.answered:
            return [task]
        # The modal got a second row; the first one stands still until the second is finished.
        stale = task if task.ended else replace(task, status=MODAL, progress="0%")
        return [stale, replace(task, order=replace(task.order, action=MODAL))]

    def unknown_task(self) -> Reply:
        return answers.upstream_error("task_no_found")

    def seed(self, task: Task | None) -> Reply:
        return self.unknown_task() if task is None else super().seed(task)

    def _check_button(self, custom_id: str) -> None:
        if "::" not in custom_id:
            raise Answered(self.crashed())
        if gateway_action(custom_id) is None:
            text = f"Invalid request, unknown_action: {custom_id}"
            raise Answered(answers.openai_error(400, text, type="new_api_error"))


class Crazyrouter(Gateway):
    """crazyrouter: a gateway whose ids, buttons, errors and callbacks are as its pages show."""

    name = "crazyrouter"
    id_prefix = "task_"
    forwards_hook = True
    tells_status_only = True
    follows_redirects = False
    callback_timeout = 5.0
    callback_pauses = (10.0, 30.0, 60.0)

    def unauthorised(self) -> Reply:
        kind = "authentication_error"
        return answers.openai_error(401, "Invalid API key", type=kind, code="invalid_api_key")

    def account(self) -> dict[str, Any]:
        return {}

    def busy(self, path: str) -> tuple[Reply, ...]:
        code = "rate_limit_exceeded"
        limited = answers.openai_error(429, "Too many requests", type="rate_limit_error", code=code)
        return (limited, *super().busy(path))

    def task(self, task: Task, base: str) -> dict[str, Any]:
        view = super().task(task, base)
        buttons = [views.crazyrouter_button(button) for button in view["buttons"] or ()]
        return view | {"buttons": buttons, "properties": view["properties"] or {}}

    def callback(self, task: Task, base: str) -> dict[str, Any]:
        return views.crazyrouter_callback(task, base)


#: Parts of a customId's verb and the action a gateway reads from them, first match wins.
_VERBS = (
    ("upsample", "UPSCALE"),
    ("low_variation", "LOW_VARIATION"),
    ("high_variation", "HIGH_VARIATION"),
    ("variation", "VARIATION"),
    ("pan", "PAN"),
    ("reroll", "REROLL"),
    ("Outpaint", "ZOOM"),
    ("CustomZoom", "CUSTOM_ZOOM"),
    ("Inpaint", "INPAINT"),
)


def gateway_action(custom_id: str) -> str | None:
    """The action a gateway reads from a customId; None for one it refuses to pass on."""
    parts = custom_id.split("::")
    verb = parts[2] if parts[1:2] == ["JOB"] and len(parts) > 2 else parts[1] if parts[1:] else ""
    return next((action for part, action in _VERBS if part in verb), None)


def dialect_named(name: str) -> Dialect:
    """The dialect of that name."""
    return next(kind() for kind in (Novicezk, Trueai, Gateway, Crazyrouter) if kind.name == name)


def _bare_key(given: str) -> str:
    # What follows a hyphen in the key picks a channel; it is no part of the secret.
    return given.removeprefix("Bearer ").strip().removeprefix("sk-").partition("-")[0]
