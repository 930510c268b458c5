"""PURE. A task object (from a callback, a fetch or a list) -> Snapshot.

Its keys are camelCase. Unknown values are absent, null or ``""``, and every fork adds keys. A
failure may say 100 %, a success less, and a picture before the end is only a preview.
"""

import math
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from worker.adapters.provider.texts import has_shortened_prompts, listed_prompts, numbered_prompts
from worker.adapters.provider.wire import (
    items,
    line,
    mapping,
    moment,
    task_id,
    text,
    url,
    whole,
    words_of,
)
from worker.domain.error_codes import ErrorCode, job_error
from worker.domain.job_spec import JSON
from worker.domain.provider_reports import Snapshot, TaskStatus
from worker.domain.result import Button, JobError, Result

_STATUSES = {
    "NOT_START": TaskStatus.PENDING,
    "SUBMITTED": TaskStatus.SUBMITTED,
    "IN_PROGRESS": TaskStatus.IN_PROGRESS,
    "MODAL": TaskStatus.MODAL,
    "SUCCESS": TaskStatus.SUCCEEDED,
    "FAILURE": TaskStatus.FAILED,
    "CANCEL": TaskStatus.CANCELLED,
}

#: Keys that only a task of this protocol fills.
_MARKS = ("submitTime", "startTime", "finishTime", "failReason", "promptEn", "imageUrl", "buttons")
#: Keys of other products' tasks (video, music), for which some gateways use the same hook.
_FOREIGN = ("output", "created_at", "updated_at", "task_id", "data")

#: From least to most advanced. A modal's row comes first: when the modal's answer gets a row of its
#: own under the same id, a gateway keeps the old row unchanged, and marks it failed after an hour.
_ADVANCE = (
    TaskStatus.MODAL,
    TaskStatus.PENDING,
    TaskStatus.SUBMITTED,
    TaskStatus.IN_PROGRESS,
    TaskStatus.CANCELLED,
    TaskStatus.FAILED,
    TaskStatus.SUCCEEDED,
)

#: Phrases of a failReason, English and Chinese. The first that matches decides: "cancelled due to
#: image filters" is moderation.
_FAILURES: tuple[tuple[ErrorCode, tuple[str, ...]], ...] = (
    (
        ErrorCode.MODERATED,
        (
            "敏感词",
            "违规",
            "sensitive word",
            "banned",
            "moderat",
            "filter",
            "community standards",
            "community guidelines",
            "content policy",
            "flagged",
        ),
    ),
    (ErrorCode.TIMEOUT, ("timeout", "timed out", "time out", "超时")),
    (ErrorCode.CANCELLED, ("取消", "cancel")),
    (ErrorCode.QUEUE_FULL, ("队列已满", "queue full", "queue is full")),
    (ErrorCode.NO_ACCOUNT, ("无可用的账号", "账号不可用", "no available account")),
    (ErrorCode.QUOTA, ("额度", "credits", "subscription", "quota", "out of hours")),
    (ErrorCode.BAD_PARAMETER, ("invalid", "参数", "unrecognized", "could not parse")),
)

_PERCENT = re.compile(r"(-?[0-9]{1,9})(?:\.[0-9]{1,9})?\s{0,3}%")
_FILM = re.compile(r"^[^?#]*\.(?:mp4|webm|mov)(?:[?#]|$)", re.IGNORECASE)
_NUMBER = re.compile(r"(-?[0-9]{1,9})(?:\.[0-9]{1,9})?")

#: Rows of a list. What is read of an answer, 4 MB, has room for fewer with all their fields.
MAX_ROWS = 3_000
#: Of one task. Discord shows 25 buttons; a describe has four prompts, the largest answer nine.
MAX_BUTTONS = 100
MAX_PROMPTS = 100
MAX_URLS = 1_000

_NO_RESULT = Result()
_UNKNOWN_TASK_WORDS = ("task_no_found", "task_not_found", "task not found", "任务不存在")


def read_task(body: Any) -> Snapshot:
    """Read a callback's body or a fetched task from any JSON value; never raises.

    ``recognised`` is False for anything but a task of this protocol. Pictures, films and buttons
    are set only with SUCCEEDED; with MODAL, ``result.prompt`` is the modal's default.
    """
    task = mapping(body)
    if not _is_task(task):
        return Snapshot(None, TaskStatus.PENDING, recognised=False)
    status = read_status(task)
    succeeded = status is TaskStatus.SUCCEEDED
    return Snapshot(
        task_id=task_id(task.get("id")),
        status=status,
        progress=100 if succeeded else _progress(task.get("progress")),
        state=line(task.get("state")),
        result=_result(task, status),
        error=_error(task, status),
        ended_at=moment(task.get("finishTime")) if status.terminal else None,
    )


def read_tasks(body: Any) -> list[Snapshot]:
    """The tasks of a list that have an id; of rows with the same id, the most advanced.

    The caller has made sure that there are no more than ``MAX_ROWS``: what is missing from half a
    list is no evidence.
    """
    best: dict[str, Snapshot] = {}
    for row in items(body)[:MAX_ROWS]:
        snapshot = read_task(row)
        if snapshot.task_id is None:
            continue
        known = best.get(snapshot.task_id)
        if known is None or _advance(snapshot) > _advance(known):
            best[snapshot.task_id] = snapshot
    return list(best.values())


def read_fetch(http_status: int, body: Any) -> Snapshot | None:
    """Read the JSON of a fetch: the task, None for an unknown id, or an unrecognised snapshot.

    An unknown id is HTTP 200 without a body or with ``null``, 204, 404, or an error that says so.
    """
    snapshot = read_task(body)
    if snapshot.recognised:
        return snapshot
    if body is None and http_status in (200, 204, 404):
        return None
    if not isinstance(body, dict):
        return snapshot
    _, said = words_of(body)
    unknown = any(phrase in said for phrase in _UNKNOWN_TASK_WORDS)
    if http_status == 404 or unknown or whole(body.get("code")) == 3:
        return None
    return snapshot


def _is_task(task: JSON) -> bool:
    marks = (task[key] for key in _MARKS if key in task)
    if any(isinstance(mark, list) or text(mark) for mark in marks):
        return True
    ours = text(task.get("status")) in _STATUSES  # other products use lower case
    return ours and not any(key in task for key in _FOREIGN)


def read_status(task: JSON) -> TaskStatus:
    """Our status; an unknown one means that the task continues."""
    return _STATUSES.get((text(task.get("status")) or "").upper(), TaskStatus.PENDING)


def _progress(value: Any) -> int | None:
    """0-100 of ``"65%"``, ``"65"`` or ``65``; None for words such as ``Waiting to start``."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | float):
        return int(max(0, min(100, value)))
    written = (text(value) or "")[:100]
    found = _PERCENT.search(written) or _NUMBER.fullmatch(written)
    return max(0, min(100, int(found[1]))) if found else None


def _advance(snapshot: Snapshot) -> tuple[int, int]:
    return _ADVANCE.index(snapshot.status), snapshot.progress or 0


def _error(task: JSON, status: TaskStatus) -> JobError | None:
    if status not in (TaskStatus.FAILED, TaskStatus.CANCELLED):
        return None
    said = text(task.get("failReason")) or ""
    otherwise = ErrorCode.FAILED if status is TaskStatus.FAILED else ErrorCode.CANCELLED
    return job_error(_reason(said.lower()) or otherwise, said or "The provider gave no reason.")


def _reason(said: str) -> ErrorCode | None:
    matching = (reason for reason, phrases in _FAILURES if any(p in said for p in phrases))
    return next(matching, None)


def _result(task: JSON, status: TaskStatus) -> Result:
    if status not in (TaskStatus.SUCCEEDED, TaskStatus.MODAL):
        return _NO_RESULT
    said = _texts(task)
    prompt = said[0] if said else None
    if status is TaskStatus.MODAL:
        return Result(prompt=prompt)
    prompts, full_text = _prompts(task, said)
    shown, pictures = _urls([task.get("imageUrl")]), _urls(items(task.get("imageUrls")))
    # Some list films among the pictures.
    misplaced = filter(_FILM.search, (*shown, *pictures))
    films = _urls([*items(task.get("videoUrls")), task.get("videoUrl"), *misplaced])
    others = set(films)
    return Result(
        image_url=next((each for each in shown if each not in others), None),
        image_urls=tuple(each for each in pictures if each not in others),
        video_urls=films,
        prompt=prompt,
        prompts=prompts[:MAX_PROMPTS],
        text=full_text,
        buttons=_buttons(task.get("buttons")),
    )


def _texts(task: JSON) -> list[str]:
    """The prompt or a describe's text, closest to Midjourney's own words first."""
    final = mapping(task.get("properties")).get("finalPrompt")
    found = (text(value) for value in (final, task.get("promptEn"), task.get("prompt")))
    return [value for value in found if value]


def _prompts(task: JSON, said: list[str]) -> tuple[tuple[str, ...], str | None]:
    """The prompts of a describe or shorten, and the text they come from; none for a picture."""
    action = (text(task.get("action")) or "").upper()
    if action == "SHORTEN":
        answer = _shortened(task, said)
        return (listed_prompts(answer), answer) if answer else ((), None)
    if action == "DESCRIBE" and said:
        return listed_prompts(said[0]), said[0]
    found = numbered_prompts(said[0]) if said else ()
    return found, (said[0] if found else None)


def _shortened(task: JSON, said: list[str]) -> str | None:
    """The result of a shorten: a text with its heading, else numbered prompts.

    The submitted prompt does not count, as it may be numbered, too.
    """
    answers = [*said, text(task.get("description")) or ""]
    asked_for = text(task.get("prompt"))
    listed = (each for each in answers if each != asked_for and numbered_prompts(each))
    return next(filter(has_shortened_prompts, answers), None) or next(listed, None)


def _urls(values: Iterable[Any]) -> tuple[str, ...]:
    """URLs given as text or as ``{url}``, without duplicates."""
    found = (url(mapping(value).get("url")) or url(value) for value in islice(values, MAX_URLS))
    return tuple(dict.fromkeys(each for each in found if each))


def _buttons(value: Any) -> tuple[Button, ...] | None:
    """None if the provider sent no list. Buttons without a customId open a web page."""
    if not isinstance(value, list):
        return None
    return tuple(
        Button(
            custom_id=custom_id,
            label=line(mapping(button).get("label")) or "",
            emoji=_emoji(mapping(button).get("emoji")),
        )
        for button in value[:MAX_BUTTONS]
        if (custom_id := line(mapping(button).get("customId")))
    )


def _emoji(value: Any) -> str:
    return line(mapping(value).get("name")) or line(value) or ""
