# ruff: noqa: RUF001 - the texts are Chinese
"""A gateway's own books: a row per submission, charges and refunds, and what is left on the key."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from worker.sandbox.dialects import Dialect
from worker.sandbox.dialects.gateway import gateway_action
from worker.sandbox.models import MODAL, Reply, Task
from worker.sandbox.options import SandboxOptions

JSON = dict[str, Any]

#: Quota per unit of money.
QUOTA = 500_000
_CHARGE, _REFUND = 2, 6
#: Rows of a key's log, and calls for log and balance in so many seconds.
_LOGGED = 1000
_CALLS, _PER_S = 20, 1200.0
#: These only open a window.
_FREE = ("INPAINT", "CUSTOM_ZOOM")
_PAGE = Reply(
    "<!doctype html>\n<html><head><title>New API</title></head><body></body></html>\n",
    content_type="text/html; charset=utf-8",
)


def _action(task: Task) -> str:
    return gateway_action(task.order.custom_id or "") or task.order.action


@dataclass
class _Row:
    """A submission: its task as it was then, and what is kept of its price."""

    id: int
    task: Task
    action: str
    quota: int


class Books:
    """The books of one sandbox. They are empty unless the dialect is a gateway's."""

    def __init__(self, options: SandboxOptions, dialect: Dialect) -> None:
        self._options = options
        self._price = round(options.task_price * QUOTA)
        self._granted = round(options.balance * QUOTA)
        self._kept = dialect.keeps_books if options.books is None else options.books
        self._rows: list[_Row] = []
        self._log: list[JSON] = []
        self._used = 0
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()

    @property
    def exhausted(self) -> bool:
        """Whether the key is refused, as nothing is left on it."""
        return self._kept and self._granted > 0 and self._used >= self._granted

    def charge(self, task: Task | None, *, modal: bool = False) -> None:
        """A submission was accepted and is paid for; an upload has no task."""
        action = "UPLOAD" if task is None else MODAL if modal else _action(task)
        with self._lock:
            self._used += self._price
            self._note(_CHARGE, action, task.id if task else "")
            if task is not None:
                self._add(task, action, self._price)

    def open_modal(self, task: Task) -> None:
        """A press was accepted that waits for its modal."""
        if _action(task) not in _FREE:
            self.charge(task)
            return
        with self._lock:
            self._add(task, _action(task), 0)

    def refund(self, task: Task) -> None:
        """The task failed: its price goes back."""
        with self._lock:
            for row in self._rows:
                if row.task.id == task.id and row.quota:
                    self._used -= row.quota
                    row.quota = 0
                    self._note(_REFUND, row.action, task.id)

    def totals(self) -> JSON:
        """Quota charged and given back."""
        with self._lock:
            back = sum(row["quota"] for row in self._log if row["type"] == _REFUND)
            return {"charged": self._used + back, "refunded": back}

    # --- the gateway's calls ---------------------------------------------------------------------

    def tasks(self, view: Callable[[str], JSON]) -> Reply:
        """The user's tasks, newest first; `view` gives a task as fetch returns it."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self._kept:
            return _PAGE
        if self._options.books_token and given != self._options.books_token:
            return Reply({"success": False, "message": "无权进行此操作，access token 无效"}, 401)
        with self._lock:
            rows = [replace(row) for row in reversed(self._rows)]
        found = [self._item(row, view(row.task.id)) for row in rows]
        args = request.args
        low, high = (args.get(f"{end}_timestamp", type=int) for end in ("start", "end"))
        found = [
            item
            for item in found
            if (low is None or item["submit_time"] >= low)
            and (high is None or item["submit_time"] <= high)
            and args.get("mj_id") in (None, item["mj_id"])
        ]
        page, size = max(1, args.get("p", 1, int)), min(100, args.get("page_size", 10, int))
        shown = found[(page - 1) * size : page * size]
        data = {"page": page, "page_size": size, "total": len(found), "items": shown}
        return Reply({"success": True, "message": "", "data": data})

    def log(self) -> Reply:
        """The newest charges and refunds of the key."""
        with self._lock:
            rows = [dict(row) for row in self._log[: -_LOGGED - 1 : -1]]
        return self._limited({"success": True, "message": "", "data": rows})

    def balance(self) -> Reply:
        """What is left on the key."""
        data = {
            "object": "token_usage",
            "name": "sandbox",
            "total_granted": self._granted,
            "total_used": self._used,
            "total_available": self._granted - self._used,
            "unlimited_quota": not self._granted,
            "model_limits": {},
            "model_limits_enabled": False,
            "expires_at": 0,
        }
        return self._limited({"code": True, "message": "ok", "data": data})

    def _limited(self, body: JSON) -> Reply:
        if not self._kept:
            return _PAGE
        now = time.monotonic()
        with self._lock:
            while self._calls and self._calls[0] < now - _PER_S:
                self._calls.popleft()
            if len(self._calls) >= _CALLS:
                return Reply(None, 429)
            self._calls.append(now)
        return Reply(body)

    def _item(self, row: _Row, view: JSON) -> JSON:
        return {
            "id": row.id,
            "code": 1,
            "user_id": 1,
            "action": row.action,
            "mj_id": row.task.id,
            "prompt": view["prompt"],
            "prompt_en": view["promptEn"],
            "description": view["description"],
            "state": view["state"],
            "submit_time": view["submitTime"],
            "start_time": view["startTime"],
            "finish_time": view["finishTime"],
            "image_url": view["imageUrl"],
            "video_url": "",
            "video_urls": "",
            "status": view["status"],
            "progress": view["progress"],
            "fail_reason": view["failReason"],
            "channel_id": 1,
            "quota": row.quota,
            "buttons": json.dumps(view["buttons"] or [], ensure_ascii=False),
            "properties": json.dumps(view["properties"] or {}, ensure_ascii=False),
        }

    def _add(self, task: Task, action: str, quota: int) -> None:
        if self._kept:
            self._rows.append(_Row(len(self._rows) + 1, task, action, quota))

    def _note(self, kind: int, action: str, task_id: str) -> None:
        rate = f"模型固定价格 {self._options.task_price:.2f}，分组倍率 1.00"
        price = f"{rate}，操作 {action}，ID {task_id}"
        refund = {"task_id": task_id, "reason": "构图失败"}
        if self._kept:
            self._log.append(
                {
                    "id": len(self._log) + 1,
                    "user_id": 1,
                    "created_at": int(time.time()),
                    "type": kind,
                    "content": price if kind == _CHARGE else "",
                    "username": "sandbox",
                    "token_name": "sandbox",
                    "model_name": f"mj_{action.lower()}",
                    "quota": self._price,
                    "prompt_tokens": 0,
                    "completion_tokens": 0,
                    "use_time": 0,
                    "is_stream": False,
                    "channel": 1,
                    "token_id": 1,
                    "group": "default",
                    "other": json.dumps({} if kind == _CHARGE else refund, ensure_ascii=False),
                }
            )
