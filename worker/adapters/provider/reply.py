"""PURE. The parts of a reply to a submit, wherever the provider put them."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from worker.adapters.provider.wire import (
    UNREADABLE,
    items,
    mapping,
    page_words,
    read_json,
    text,
    whole,
    words_of,
)
from worker.domain.job import JSON, Kind


class Code(IntEnum):
    """The envelope's ``code``."""

    REFUSED = -1
    SUCCESS = 1
    QUEUED_BEFORE_2_0 = 2  #: only the first releases; later ones say 22
    MISSING = 3  #: no account, or no such parent
    INVALID = 4
    GATEWAY_BROKE = 5  #: while it talked to its upstream, which may have accepted
    FAILURE = 9
    EXISTS = 21  #: or: a window is open
    QUEUED = 22
    QUEUE_FULL = 23
    BANNED = 24
    SATURATED = 30


_QUEUE_WORDS = ("排队", "in queue", "queued")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply with its parts found, wherever they were."""

    kind: Kind
    http_status: int
    code: int | None
    message: str  #: the provider's words, or ours about a body without any
    said: str  #: all words that may carry a hint, in lower case
    ids: tuple[str, ...]
    listed: tuple[str, ...]  #: a result that is a list
    properties: JSON

    def says(self, phrases: tuple[str, ...]) -> bool:
        """Whether one of the phrases (in small letters) is among the words."""
        return any(phrase in self.said for phrase in phrases)

    @property
    def took_it(self) -> bool:
        """Whether the code means that there is a task, though its id may be missing."""
        if self.code == Code.EXISTS:
            return bool(self.ids)
        if self.code == Code.QUEUED_BEFORE_2_0:
            return self.says(_QUEUE_WORDS)
        return self.code in (Code.SUCCESS, Code.QUEUED)


def look(kind: Kind, http_status: int, body: bytes) -> Reply:
    """The parts of a reply to a submit of ``kind``; never raises."""
    value = read_json(body)
    reply = mapping(value)
    message, said = words_of(value)
    if value is UNREADABLE:
        message, is_page = page_words(body)
        said = "" if is_page else (message or "").lower()
    return Reply(
        kind=kind,
        http_status=http_status,
        code=whole(reply.get("code")),
        message=message or f"HTTP {http_status} without an explanation",
        said=said,
        ids=_ids(reply.get("result")),
        listed=tuple(filter(None, map(text, items(reply.get("result"))))),
        properties=mapping(reply.get("properties")),
    )


def _ids(result: Any) -> tuple[str, ...]:
    """The task ids of a result: text, a number, or several joined by commas."""
    pieces = (text(piece) for piece in (text(result) or "").split(","))
    return tuple(dict.fromkeys(piece for piece in pieces if piece))
