# ruff: noqa: RUF001 - the providers write Chinese, with its punctuation
"""The shapes and texts of answers (protocol: codes, other JSON shapes, specific conditions)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from worker.sandbox.model import Reply

#: reason -> HTTP status, code, description
Refusals = Mapping[str, tuple[int, int, str]]

WINDOW = "Waiting for window confirm"
BANNED = "可能包含敏感词"

_COMMON: Refusals = {
    "prompt_missing": (200, 4, "prompt不能为空"),
    "image_missing": (200, 4, "base64不能为空"),
    "image_invalid": (200, 4, "base64格式错误"),
    "dimensions": (200, 4, "dimensions参数错误"),
    "fields_missing": (200, 4, "参数错误"),
    "parent_unknown": (200, 3, "关联任务不存在或已失效"),
    "parent_unfinished": (200, 4, "关联任务状态错误"),
    "action_unsupported": (200, 4, "该任务不支持此操作"),
}
NOVICEZK: Refusals = {
    **_COMMON,
    "blend_count": (200, 4, "base64List参数错误"),
    "content": (200, 4, "content参数错误"),
    "task_id_missing": (200, 4, "taskId不能为空"),
    "banned": (200, 24, BANNED),
    "queue_full": (200, 23, "队列已满，请稍后尝试"),
}
TRUEAI: Refusals = {
    **NOVICEZK,
    "blend_count": (200, 4, "图片参数错误，2~5张图片"),
    "parent_unknown": (404, 3, "关联任务不存在或已失效"),
    "button_unknown": (200, 4, "参数错误"),
    "reroll_unsupported": (200, 4, "该任务不支持重新生成"),
    "swap_same": (200, 4, "人脸图片和目标图片不能相同"),
    "too_long": (200, 4, "State 长度不能超过 255"),
    "user_limit": (200, 4, "并发数已达上限"),
    "queue_full": (200, 9, "提交失败，队列已满，请稍后重试"),
}
#: What a gateway finds by itself; everything else is its upstream's answer, passed on.
GATEWAY: Refusals = {
    "prompt_is_required": (400, 4, "prompt_is_required"),
    "index_is_required": (400, 4, "index_is_required"),
    "images_are_required": (400, 4, "sour_base64_and_target_base64_is_required"),
    "parent_unknown": (400, 4, "task_not_found"),
    "parent_unfinished": (400, 4, "task_status_not_success"),
    "saturated": (429, 30, "当前分组负载已饱和，请稍后再试，或升级账户以提升服务质量。"),
}

_FRONT_TITLES = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def envelope(
    code: int, text: str, result: Any = None, properties: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The usual submit answer."""
    return {"code": code, "description": text, "result": result, "properties": properties or {}}


def front_error(status: int) -> Reply:
    """A 5xx page by the web server before the provider."""
    title = _FRONT_TITLES[status]
    page = f"<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    return Reply(page, status, "text/html")


def spring(status: int, error: str, path: str) -> Reply:
    """Spring's default error."""
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
    body = {"timestamp": stamp, "status": status, "error": error, "path": path}
    return Reply(body, status)


def failed_result(message: str, status: int = 200) -> Reply:
    """The second envelope of trueai, for unreadable bodies and breached limits."""
    stamp = datetime.now(UTC).isoformat()
    body = {"success": False, "code": -1, "message": message, "timestamp": stamp}
    return Reply(body, status)


def openai_error(status: int, message: str, **more: Any) -> Reply:
    """A gateway's middleware error."""
    return Reply({"error": {"message": message, **more}}, status)


def upstream_error(text: str, code: int = 4, status: int = 400) -> Reply:
    """A gateway's own refusal; the blank at the end of the description is its own, too."""
    body = {"code": code, "description": f"{text} ", "type": "upstream_error"}
    return Reply(body, status)


def rewritten(reply: Reply) -> Reply:
    """Queued and waiting-for-a-window turned into plain success, as gateways do by text."""
    text = json.dumps(reply.body, separators=(",", ":"), ensure_ascii=False)
    text = text.replace('"code":22', '"code":1').replace('"code":21', '"code":1')
    return Reply(json.loads(text), reply.status)
