"""What of a message is checked before Celery reads it.

Celery and kombu take the shape of a message for granted: what is wrong raises deep inside of them,
and ends the worker, its connection, or the acknowledgement of the message.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from uuid import uuid4

from kombu import Message
from kombu.utils.json import dumps, loads
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

#: Bytes of a message's body, unpacked: as many as a request over HTTP may have.
MAX_BODY = 32 * 1024 * 1024
#: Bytes of a message in a list of Redis, which holds the body in base64, and its headers.
_MAX_ENVELOPE = MAX_BODY * 3 // 2
#: How many bytes are kept of what cannot be read.
_KEPT = 1000
_UNREADABLE = "application/octet-stream"

_Text = str | None
_Whole = Annotated[int, Field(ge=0)] | None
_List = list[Any] | tuple[Any, ...]


#: Where a message goes, among Celery's options of a task.
_PLACES = ("queue", "routing_key", "exchange")


def _no_places(stamps: list[str]) -> list[str]:
    """Celery makes an option of each stamp when a task is sent again."""
    if set(stamps) & set(_PLACES):
        raise ValueError("names where the message goes")
    return stamps


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Signature(_Part):  # type: ignore[no-redef]  # of mypy's plugin
    """A task that follows, as Celery writes it."""

    task: str
    args: _List | None = None
    kwargs: dict[str, Any] | None = None
    options: dict[str, Any] | None = None


class _Following(_Part):
    """The tasks that follow."""

    callbacks: list[_Signature] | None = None
    errbacks: list[_Signature] | None = None
    chain: list[_Signature] | None = None
    chord: _Signature | None = None


class _Embed(_Following):
    """The third part of a body in protocol 2. Celery makes all of it attributes of a request."""

    model_config = ConfigDict(extra="forbid")


class _Task(_Following):
    """The headers of protocol 2, or the body of protocol 1."""

    task: str
    id: str | int
    eta: _Text = None
    expires: _Text = None
    retries: _Whole = None
    timelimit: tuple[float | None, float | None] | list[float | None] | None = None
    group: _Text = None
    group_index: _Whole = None
    root_id: str | int | None = None
    parent_id: str | int | None = None
    shadow: _Text = None
    origin: _Text = None
    argsrepr: _Text = None
    kwargsrepr: _Text = None
    ignore_result: bool | None = None
    replaced_task_nesting: _Whole = None
    stamped_headers: Annotated[list[str], AfterValidator(_no_places)] | None = None
    stamps: dict[str, Any] | None = None
    #: Celery sets these itself.
    is_eager: None = None
    called_directly: None = None


class _Arguments(_Part):  # type: ignore[no-redef]
    args: _List = ()
    kwargs: dict[str, Any] = {}


def problem_of(message: Message) -> str | None:
    """Why the message is no task, in words that follow "message: "; None if it is one.

    Raises what kombu raises for a body that it cannot or may not decode.
    """
    if len(message.body or b"") > MAX_BODY:
        return f"has more than {MAX_BODY // 1024**2} MiB"
    headers, body = message.headers, message.payload
    if not isinstance(headers, dict):
        return _NO_TASK
    try:
        if "task" not in headers:
            return _problem_of_body(body)
        _Task.model_validate(headers)
        if isinstance(body, dict):
            _Arguments.model_validate(body)
            return None
        if not isinstance(body, list | tuple) or len(body) != 3:
            return _NO_TASK
        _Arguments.model_validate({"args": body[0], "kwargs": body[1]})
        _Embed.model_validate(body[2] or {})
    except ValidationError as error:
        return _in_words(error)
    return None


_NO_TASK = "is not one that Celery sends for a task"


def _problem_of_body(body: Any) -> str | None:
    """As ``problem_of``, of a message in protocol 1."""
    if not isinstance(body, dict) or "task" not in body:
        return _NO_TASK
    _Task.model_validate(body)
    _Arguments.model_validate(body)
    return None


def _in_words(error: ValidationError) -> str:
    place = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    return f"{_NO_TASK}: its {place[:100]} is wrong"


def destinations_of(following: Any) -> Iterator[str]:
    """The names of all queues, routing keys and exchanges in signatures, at any depth."""
    left = [following]
    while left:
        match left.pop():
            case dict() as found:
                options = found.get("options")
                if "task" in found and isinstance(options, dict):
                    yield from places_in(options)
                left += found.values()
            case list() | tuple() as found:
                left += found


def places_in(options: Mapping[str, Any]) -> Iterator[str]:
    """The names of where a message goes, among Celery's options of a task."""
    for option in _PLACES:
        if place := options.get(option):
            yield str(getattr(place, "name", place))  # of kombu's queues and exchanges


class _Delivery(_Part):
    exchange: _Text = None
    routing_key: _Text = None


class _Properties(_Part):
    delivery_tag: Annotated[str, Field(min_length=1, max_length=200)]
    delivery_info: _Delivery
    body_encoding: Literal["base64", "utf-8"] | None = None
    priority: _Whole = None
    correlation_id: _Text = None
    reply_to: _Text = None


class _Envelope(_Part):
    """A message as kombu writes it into a list of Redis."""

    body: str
    properties: _Properties
    headers: dict[str, Any] | None = None
    content_type: _Text = Field(None, alias="content-type")
    content_encoding: _Text = Field(None, alias="content-encoding")


def readable(item: bytes, queue: str) -> bytes:
    """A message from a list of Redis, for kombu to read: ``item`` itself if it can.

    What it cannot read becomes the body of a message that is no task. kombu puts a message that is
    given back where its own ``delivery_info`` says, which may be any key: so that is corrected.
    """
    try:
        if len(item) > _MAX_ENVELOPE:
            return _unreadable(item, queue)
        envelope = loads(item)
        found = _Envelope.model_validate(envelope)
        if found.properties.body_encoding == "base64":
            base64.b64decode(found.body)
    except Exception:  # noqa: BLE001  # whatever reading it raises, kombu would raise as well
        return _unreadable(item, queue)
    if found.properties.delivery_info == _Delivery(exchange="", routing_key=queue):
        return item
    envelope["properties"]["delivery_info"] = {"exchange": "", "routing_key": queue}
    return dumps(envelope).encode()


def _unreadable(item: bytes, queue: str) -> bytes:
    envelope: Mapping[str, Any] = {
        "body": base64.b64encode(item[:_KEPT]).decode(),
        "content-type": _UNREADABLE,
        "content-encoding": "binary",
        "headers": {},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
        },
    }
    return dumps(envelope).encode()
