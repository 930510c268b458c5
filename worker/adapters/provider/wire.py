"""PURE. Reads JSON of any shape without raising, and makes a provider's text ours.

Providers omit a value, send null or send ``""`` for the same thing, send numbers where text is
documented, and HTML instead of JSON. What they write is bounded and cleaned here, once, so that
whatever shows, searches or stores it later may take it as it is.
"""

import json
import math
import re
from typing import Any, Final

from worker.domain import task_ids
from worker.domain.job_spec import JSON
from worker.domain.printable import clean, clean_line
from worker.domain.redaction import beginning

#: Lists, objects and items of a JSON text. A list of 800 tasks, about 4 MB, has 50,000.
MAX_VALUES = 300_000
#: Characters of a text. A describe has 2,000; a prompt of ours at most 6,000.
MAX_TEXT = 20_000
#: Characters of a URL; signed ones have 500.
MAX_URL = 8_000

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]+)", re.IGNORECASE)
_MAX_PAGE = 1_000  #: characters of what a page says


class _Unreadable:
    """The one value that no JSON text has."""


#: What ``read_json`` returns for a body that is not JSON.
UNREADABLE: Final = _Unreadable()


def read_json(body: bytes) -> Any:
    """The JSON value in ``body``; None for an empty body or ``null``; ``UNREADABLE`` otherwise.

    Invalid UTF-8 is replaced: the code and the id are readable even if the description is in
    another encoding. More than ``MAX_VALUES`` are not read.
    """
    if not body.strip():
        return None
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        return UNREADABLE
    try:
        return json.loads(body.decode(json.detect_encoding(body), "replace"))
    except (ValueError, RecursionError):  # RecursionError: brackets nested thousands deep
        return UNREADABLE


def text(value: Any) -> str | None:
    """A string or number as clean, stripped text; None for blank text and anything else.

    The text may have several lines, and at most ``MAX_TEXT`` characters of it are read.
    """
    if isinstance(value, str):
        return clean(beginning(value, MAX_TEXT)).strip() or None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) < 10**40:
        return str(value)
    return None


def line(value: Any) -> str | None:
    """The same on one line, for labels and names."""
    written = text(value)
    return written and clean_line(written)


def url(value: Any) -> str | None:
    """A URL; None for anything else, and for one of more than ``MAX_URL`` characters."""
    written = line(value)
    return written if written and len(written) <= MAX_URL else None


def task_id(value: Any) -> str | None:
    """The id of a task; None if there is none that the provider can be asked about.

    It is not cleaned: that could make it another task's.
    """
    written = value.strip() if isinstance(value, str) else text(value)
    return written if written and task_ids.is_usable(written) else None


def mapping(value: Any) -> JSON:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def whole(value: Any) -> int | None:
    """An integer of up to six digits, also from text; else None."""
    written = text(value) or ""
    return int(written) if re.fullmatch(r"-?[0-9]{1,6}", written) else None


def moment(value: Any) -> float | None:
    """Milliseconds since the epoch, also from text, as seconds; None before 2001 and after 2286."""
    written = text(value) or ""
    return int(written) / 1000 if re.fullmatch(r"[1-9][0-9]{12}", written) else None


def words_of(body: Any) -> tuple[str | None, str]:
    """The message of a JSON error, and all its words in lower case, for matching phrases."""
    reply = mapping(body)
    error = mapping(reply.get("error"))
    sentences = [
        text(value)
        for value in (
            reply.get("description"),
            reply.get("message"),
            reply.get("msg"),
            error.get("message"),
            reply.get("error"),
            reply.get("detail"),
            reply.get("title"),
        )
    ]
    labels = [text(error.get(key)) for key in ("code", "type")]
    labels += [text(reply.get(key)) for key in ("code", "type")]
    message = next((sentence for sentence in sentences if sentence), None)
    return message, " ".join(word for word in sentences + labels if word).lower()


def page_words(body: bytes) -> tuple[str | None, bool]:
    """The text of a body that is not JSON, or the title of a web page; and whether it is one."""
    said = body[:MAX_TEXT].decode("utf-8", "replace").strip()
    if said.startswith("<"):
        title = _TITLE.search(said)
        return (line(beginning(title[1], _MAX_PAGE)) if title else None), True
    return text(beginning(said, _MAX_PAGE)), False
