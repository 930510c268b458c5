"""PURE. Reads a gateway's own ledger (new-api and its forks) without raising.

The answers are ``{success, message, data}``. Where a call does not exist, gateways answer with
HTTP 200 and their own page.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from worker.adapters.provider import wire
from worker.adapters.provider.snapshots import MAX_ROWS, read_status
from worker.adapters.provider.wire import mapping, read_json, text
from worker.domain.account.ledger import Balance, LedgerTask, TaskCharge
from worker.domain.job_spec import JSON
from worker.domain.money import Amount

#: A unit of money is 500,000 of the gateway's quota; an amount counts its millionths.
_AMOUNT_PER_QUOTA = 2
#: Types of rows in a key's log.
_CHARGE, _REFUND = 2, 6
#: Codes of accepted submits; the rows of others have a code and no task.
_ACCEPTED = frozenset({None, 1, 21, 22})
#: These open a window for nothing; older gateways note a price all the same.
_FREE_ACTIONS = frozenset({"INPAINT", "CUSTOM_ZOOM"})
#: The end of a charge's text: ``... IMAGINE, ID 1771...``; of several tasks the first.
_TASK_ID = re.compile(r"\bID[ :]{0,3}([A-Za-z0-9_-]{1,100})")
_WHOLE = re.compile(r"-?[0-9]{1,15}")


def read_tasks(body: Any) -> tuple[LedgerTask, ...] | None:
    """A page of the user's tasks, newest first; None for anything else.

    A task may have several rows: a window's answer gets one of its own.
    """
    data = _data(body)
    rows = data if isinstance(data, list) else mapping(data).get("items")
    if isinstance(rows, list) and len(rows) > MAX_ROWS:
        return None
    if not isinstance(rows, list):
        return None if rows is not None or "total" not in mapping(data) else ()
    return tuple(task for row in rows if (task := _task(mapping(row))))


def _task(row: JSON) -> LedgerTask | None:
    task_id, submitted_ms = wire.task_id(row.get("mj_id")), _number(row.get("submit_time"))
    if task_id is None or submitted_ms is None or _number(row.get("code")) not in _ACCEPTED:
        return None
    action = (text(row.get("action")) or "").upper()
    quota = 0 if action in _FREE_ACTIONS else _number(row.get("quota"))
    return LedgerTask(
        row=text(row.get("id")) or f"{task_id} {action}",
        task_id=task_id.partition(",")[0],
        submitted_at=submitted_ms / 1000,
        status=read_status(row),
        state=text(row.get("state")),
        looked_at=bool(text(row.get("status")) or text(row.get("state"))),
        kept=None if quota is None else max(0, quota) * _AMOUNT_PER_QUOTA,
    )


def read_log(body: Any) -> dict[str, TaskCharge] | None:
    """What each task in a key's log cost, less its refunds; None for anything else than a log."""
    data = _data(body)
    if data is None and mapping(body).get("success") is True:
        return {}  # no row yet
    if not isinstance(data, list) or len(data) > MAX_ROWS:
        return None
    charged: dict[str, Amount] = {}
    refunded: dict[str, Amount] = {}
    for row in map(mapping, data):
        sums = {_CHARGE: charged, _REFUND: refunded}.get(_number(row.get("type")) or 0)
        task_id, quota = _task_id(row), _number(row.get("quota"))
        if sums is not None and task_id and quota is not None and quota >= 0:
            sums[task_id] = sums.get(task_id, 0) + quota * _AMOUNT_PER_QUOTA
    return {
        task_id: TaskCharge(task_id, max(0, full - refunded.get(task_id, 0)), full)
        for task_id, full in charged.items()
    }


def _task_id(row: JSON) -> str | None:
    other = row.get("other")
    if isinstance(other, str):
        other = read_json(other.encode("utf-8", "replace"))
    named = text(mapping(other).get("task_id"))
    found = _TASK_ID.search(text(row.get("content")) or "")
    return named or (found[1] if found else None)


def read_balance(body: Any, now: float) -> Balance | None:
    """What is left on a key; None for anything else."""
    data = mapping(mapping(body).get("data"))
    available, granted = (_number(data.get(f"total_{n}")) for n in ("available", "granted"))
    if available is None:
        return None
    return Balance(
        available=available * _AMOUNT_PER_QUOTA,
        granted=max(0, granted or 0) * _AMOUNT_PER_QUOTA,
        read_at=now,
        unlimited=data.get("unlimited_quota") is True,
    )


def read_refusal(body: Any) -> str | None:
    """Why the gateway refused, if it did so with HTTP 200; tokens of users are refused this way."""
    if mapping(body).get("success") is not False:
        return None
    return text(mapping(body).get("message")) or "no explanation"


def _data(body: Any) -> Any:
    return mapping(body).get("data")


def _number(value: Any) -> int | None:
    written = text(value) or ""
    return int(written) if _WHOLE.fullmatch(written) else None


def charges_of(tasks: Iterable[LedgerTask]) -> Iterator[TaskCharge]:
    """What each of the tasks cost. A row may come twice, as new ones move it to the next page."""
    kept: dict[str, Amount] = {}
    for task in {task.row: task for task in tasks}.values():
        if task.kept is not None:
            kept[task.task_id] = kept.get(task.task_id, 0) + task.kept
    return (TaskCharge(task_id, amount) for task_id, amount in kept.items())
