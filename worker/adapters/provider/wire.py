"""PURE. Reads JSON of any shape without raising.

Providers omit a value, send null or send ``""`` for the same thing, send numbers where text is
documented, and HTML instead of JSON.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from worker.domain.job_spec import JSON

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)


class _Unreadable:
    """The one value that no JSON text has."""


#: What ``read_json`` returns for a body that is not JSON.
UNREADABLE: Final = _Unreadable()


def read_json(body: bytes) -> Any:
    """The JSON value in ``body``; None for an empty body or ``null``; ``UNREADABLE`` otherwise.

    Invalid UTF-8 is replaced: the code and the id are readable even if the description is in
    another encoding.
    """
    if not body.strip():
        return None
    try:
        return json.loads(body.decode(json.detect_encoding(body), "replace"))
    except (ValueError, RecursionError):  # RecursionError: brackets nested thousands deep
        return UNREADABLE


def text(value: Any) -> str | None:
    """A string or number as stripped text; None for blank text and anything else.

    Lone surrogates (legal in JSON escapes) are replaced, so that the text can be stored.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().strip() or None
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) < 10**40:
        return str(value)
    return None


def mapping(value: Any) -> JSON:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def whole(value: Any) -> int | None:
    """An integer of up to six digits, also from text; else None."""
    written = text(value) or ""
    return int(written) if re.fullmatch(r"-?[0-9]{1,6}", written) else None


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
    """The text of a body that is not JSON, up to 300 characters, and whether it is a web page."""
    said = body[:20_000].decode("utf-8", "replace").strip()
    if said.startswith("<"):
        title = _TITLE.search(said)
        return (text(title[1]) if title else None), True
    return text(said[:300]), False
