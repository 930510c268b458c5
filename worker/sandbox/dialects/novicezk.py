# ruff: noqa: D102, ARG002 - the methods are explained in the base class
"""novicezk: few endpoints, change instead of buttons, Spring's errors, nulls written out."""

from werkzeug.datastructures import Headers

from worker.sandbox.dialects.base import JSON, Dialect, discord_properties, image_url, words
from worker.sandbox.models import NOW, Refused, Reply, Task


def _spring(status: int, error: str, path: str = "/mj/submit") -> Reply:
    """Spring's default error."""
    return Reply({"timestamp": NOW, "status": status, "error": error, "path": path}, status)


class Novicezk(Dialect):
    """novicezk/midjourney-proxy."""

    name = "novicezk"
    submits = words("imagine change simple-change blend describe")
    queries = words("fetch list list-by-condition queue")
    data_urls_only = True
    refuses_banned_words = True
    timeout_text = "任务超时"
    unauthorised = Reply(None, 401)
    malformed = _spring(400, "Bad Request")
    crashed = _spring(500, "Internal Server Error")
    unknown_task = Reply(None, 200)

    def allows(self, headers: Headers, key: str) -> bool:
        return headers.get("mj-api-secret") == key

    def unknown_path(self, method: str, path: str) -> Reply:
        return _spring(404, "Not Found", path)

    def check(self, path: str, body: JSON) -> None:
        if path != "change":
            return
        if not body.get("taskId"):
            raise Refused("task_id_missing")
        action = body.get("action")
        if action is None or (action != "REROLL" and body.get("index") is None):
            raise Refused("http 500", reply=self.crashed)  # it unboxes a null there

    def task(self, task: Task, base: str) -> JSON:
        order = task.order
        described = order.final_prompt if order.shape == "describe" and task.succeeded else None
        prompt = described or order.prompt or None
        return {
            "id": task.id,
            "properties": discord_properties(task),
            "action": order.action,
            "status": task.status,
            "prompt": prompt,
            "promptEn": prompt,
            "description": order.description,
            "state": order.state,
            "submitTime": task.submit_time,
            "startTime": task.start_time,
            "finishTime": task.finish_time,
            "imageUrl": image_url(task, base) or _preview_url(task, base),
            "progress": task.progress,
            "failReason": task.fail_reason,
        }


def _preview_url(task: Task, base: str) -> str | None:
    percent = (task.progress or "").rstrip("%")
    if task.planned is None or task.ended or percent in ("", "0"):
        return None
    return f"{base}/sandbox/images/{task.id}-{percent}.png"
