"""PURE. The texts of requests: names, ids, keys, prompts, and what else counts as text."""

import re
from decimal import Decimal
from numbers import Integral
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator

from worker.domain import task_ids
from worker.domain.errors import InvalidRequest
from worker.domain.job_ids import plain_id
from worker.domain.prompts import as_sent
from worker.domain.templates import MAX_PROMPT

#: Characters of an id or key.
MAX_ID = task_ids.MAX_LENGTH

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def text(limit: int | None, *, lines: bool = False) -> AfterValidator:
    """Non-blank text of at most ``limit`` characters, stripped.

    Control characters are refused; ``lines`` allows tabs and line breaks.
    """

    def check(value: str) -> str:
        value = value.strip()
        _check_text(value, limit, lines=lines)
        return value

    return AfterValidator(check)


def _check_text(value: str, limit: int | None, *, lines: bool = False) -> None:
    if not value.strip():
        raise ValueError("must not be empty")
    if limit is not None and len(value) > limit:
        raise ValueError(f"must have at most {limit} characters, not {len(value)}")
    if _SURROGATE.search(value):
        raise ValueError("must be valid Unicode text")
    if (_CONTROL_BUT_LINES if lines else _CONTROL).search(value):
        raise ValueError(f"must not contain control characters{'' if lines else ' or line breaks'}")


def parse_key(value: Any, field: str) -> str:
    """An idempotency key, given as text, a whole number or a UUID.

    It is not stripped, so that keys of earlier versions lead to the same jobs. Raises
    ``InvalidRequest`` on ``field``.
    """
    key = as_text(value)
    if not isinstance(key, str):
        message = f"must be text, a whole number or a UUID; {_LEAVE_OUT}"
        raise InvalidRequest.of(field, message)
    try:
        _check_text(key, MAX_ID)
    except ValueError as error:
        raise InvalidRequest.of(field, f"{error}; {_LEAVE_OUT}") from None
    return key


_LEAVE_OUT = "leave it out if a repeat should be a new job"


def _visible(prompt: str) -> str:
    if not as_sent(prompt):
        raise ValueError("must not be empty")
    return prompt


def as_text(value: Any) -> Any:
    """A whole number or a UUID as text, because names and ids often are one; others unchanged.

    Celery's JSON has UUIDs and decimals, Python callers may have numbers of numpy.
    """
    match value:
        case bool():
            return value
        case UUID():
            return str(value)
        case Integral():
            number = int(value)
            return str(number) if number.bit_length() <= _MAX_BITS else value
        case Decimal() if value.is_finite() and value.as_tuple().exponent == 0:
            return str(value)
        case _:
            return value


#: Python refuses to write longer numbers than 4,300 digits.
_MAX_BITS = 4096
_NUMBER_OR_TEXT = BeforeValidator(as_text, json_schema_input_type=str | int)


def _usable(task_id: str) -> str:
    if not task_ids.is_usable(task_id):
        raise ValueError("must be a provider's id: printable ASCII without blanks, / and \\")
    return task_id


#: Of an account, a button, a queue.
Name = Annotated[str, text(200), _NUMBER_OR_TEXT]
Id = Annotated[str, text(MAX_ID), _NUMBER_OR_TEXT]
#: Of a provider task that a caller names.
TaskId = Annotated[Id, AfterValidator(_usable)]
#: Of a job of Hookline.
OurId = Annotated[Id, AfterValidator(plain_id)]
CustomId = Annotated[str, text(1000), _NUMBER_OR_TEXT]
Prompt = Annotated[str, text(MAX_PROMPT, lines=True), AfterValidator(_visible)]
#: Marks a field that holds a picture; see worker.adapters.storage.inputs.
PICTURE = "picture"
Picture = Annotated[str, text(None), PICTURE]
