"""PURE. Requests refused at the Celery door, where no caller waits for an answer.

They are kept as they were sent, shortened, so that the sender can find out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import isfinite
from typing import Any

from worker.domain.errors import FieldError, HooklineError, InvalidRequest
from worker.domain.job_spec import Notify
from worker.domain.notifications import Notification, Topic

#: How many are kept, the newest.
KEPT = 1000

#: Limits of one of them: characters of a text and of all texts, items, levels, wrong fields.
_TEXT, _ALL_TEXT, _ITEMS, _LEVELS, _FIELDS = 500, 8000, 50, 8, 20
_MESSAGE = 2000

#: What of a URL may be a secret: user, password, query.
_USER = re.compile(r"(?<=://)[^/@\s]{1,300}@")
_QUERY = re.compile(r"(https?://[^\s'\"?]{1,500}\?)[^\s'\"]+")


class RefusalReason(StrEnum):
    """Why a request was refused."""

    INVALID = "invalid"  #: a field is wrong
    CONFLICT = "conflict"  #: the present state does not allow it
    UNKNOWN_TASK = "unknown_task"  #: there is no Celery task of that name
    UNREADABLE = "unreadable"  #: the message is no Celery task in JSON
    EXPIRED = "expired"  #: its ``expires`` passed before a worker took it
    DEFECT = "defect"  #: an error in Hookline


@dataclass(frozen=True, slots=True)
class Sent:
    """What another program sent. Of an unreadable message ``args`` and ``fields`` are the texts
    that Celery sends along, or None.
    """

    task: str = ""  #: as ``hookline.imagine``
    message_id: str = ""  #: the id that the sender's Celery gave the task
    origin: str = ""  #: the sender's process and host, as Celery writes it
    args: Any = None
    fields: Any = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request. ``created_at`` in seconds since the epoch."""

    id: str
    created_at: float
    reason: RefusalReason
    message: str
    errors: tuple[FieldError, ...] = ()
    task: str = ""
    message_id: str = ""
    origin: str = ""
    args: Any = None
    fields: Any = None


def refuse(sent: Sent, reason: RefusalReason, error: Exception, now: float) -> Refusal:
    """The refusal to be kept.

    Its id is that of the message and the problem: a message that is delivered twice is kept once.
    """
    message = str(error) if isinstance(error, HooklineError) else type(error).__name__
    known = error.errors if isinstance(error, InvalidRequest) else ()
    known_by = f"{sent.message_id or repr(now)}\n{message}".encode(errors="replace")
    return Refusal(
        id=sha256(known_by).hexdigest()[:32],
        created_at=now,
        reason=reason,
        message=_shortened(message, _MESSAGE),
        errors=tuple(
            FieldError(_shortened(each.field), _shortened(each.message)) for each in known[:_FIELDS]
        ),
        task=_shortened(sent.task),
        message_id=_shortened(sent.message_id),
        origin=_shortened(sent.origin),
        args=_shortened(sent.args),
        fields=_shortened(sent.fields),
    )


def reason_of(error: Exception) -> RefusalReason:
    """Why a request is refused that raised ``error``."""
    if isinstance(error, InvalidRequest):
        return RefusalReason.INVALID
    return RefusalReason.CONFLICT if isinstance(error, HooklineError) else RefusalReason.DEFECT


def notification_of(one: Refusal, target: Notify) -> Notification:
    """The notification of a refusal; each is sent on its own, in no order."""
    topic, now = Topic.REQUEST_REFUSED.value, one.created_at
    return Notification(f"msg_{one.id}", topic, one.id, one.id, target, now, due_at=now)


def _shortened(value: Any, limit: int = _TEXT) -> Any:
    return _Shortened(limit).of(value)


class _Shortened:
    """Plain JSON values of any value, with a limit on each text and on all of them together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = _ALL_TEXT

    def of(self, value: Any, level: int = 0) -> Any:
        """The value, shortened, without the secrets of URLs."""
        match value:
            case None | bool():
                return value
            case int() if value.bit_length() <= 64:
                return value
            case float() if isfinite(value):
                return value
            case str():
                return self._text(value)
            case Mapping() if level < _LEVELS:
                return self._object(value, level + 1)
            case list() | tuple() if level < _LEVELS:
                return self._list(value, level + 1)
            case Mapping() | list() | tuple():
                return "…"
            case bytes():
                return f"{len(value)} bytes"
            case int():
                return f"a number of {value.bit_length()} bits"
            case _:
                return self._text(str(value))

    def _text(self, text: str) -> str:
        room = max(0, min(self._limit, self._left))
        kept = _QUERY.sub(r"\1…", _USER.sub("…@", text[:room]))
        # A store keeps UTF-8, which has no lone surrogates.
        kept = kept.encode(errors="backslashreplace").decode()
        self._left -= len(kept)
        return kept if len(text) <= room else f"{kept}… ({len(text)} characters)"

    def _object(self, value: Mapping[Any, Any], level: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, item in list(value.items())[:_ITEMS]:
            if self._left <= 0:
                break
            found[self._text(str(name))] = self.of(item, level)
        return found if len(found) == len(value) else {**found, "…": f"of {len(value)} fields"}

    def _list(self, value: list[Any] | tuple[Any, ...], level: int) -> list[Any]:
        found: list[Any] = []
        for item in value[:_ITEMS]:
            if self._left <= 0:
                break
            found.append(self.of(item, level))
        return found if len(found) == len(value) else [*found, f"… of {len(value)} items"]
