"""PURE. Text of a CSV file, made the values that a request wants."""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from worker.domain.errors import InvalidRequest
from worker.domain.requests import parse_then_shorthand

#: Checked follow-ups, as ``JobRequest`` holds them.
Steps: TypeAlias = tuple[dict[str, Any], ...]

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


def converted(field: str, text: str) -> Any:
    """The value of a request's ``field``; text that cannot be one stays as it is, to be refused.

    ``then`` comes back as ``Steps``, which need no further check.

    Raises:
        InvalidRequest: when the field is JSON and cannot be read.
    """
    return _CONVERSIONS[field](field, text.strip()) if field in _CONVERSIONS else text


def _whole(_: str, text: str) -> int | str:
    return int(text) if _WHOLE.fullmatch(text) else text


def _boolean(_: str, text: str) -> bool | str:
    return {"true": True, "false": False}.get(text.lower(), text)


def _json(field: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest.of(field, f"is not readable JSON: {error}") from None


def _word_or_json(field: str, text: str) -> Any:
    return _json(field, text) if text.startswith("{") else text


def _pictures(field: str, text: str) -> Any:
    if text.startswith("["):
        return _json(field, text)
    if "|" in text:
        return [each.strip() for each in text.split("|") if each.strip()]
    return text.split()


@lru_cache(maxsize=32)
def _steps(_: str, text: str) -> Steps:
    """Most rows have the same few; the check takes longer than all else of a row."""
    return tuple(parse_then_shorthand(text))


_CONVERSIONS: Mapping[str, Callable[[str, str], Any]] = {
    "priority": _whole,
    "deadline_s": _whole,
    "index": _whole,
    "batch_size": _whole,
    "loop": _boolean,
    "seed": _boolean,
    "then": _steps,
    "metadata": _json,
    "notify": _json,
    "retry": _json,
    "assets": _word_or_json,
    "images": _pictures,
}
