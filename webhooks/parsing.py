"""Request bodies: JSON, limited in size and depth. Bad ones raise ``InvalidRequest`` or 413."""

import json
import zlib
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from webhooks.front.asking import want_body
from worker.domain.errors import InvalidRequest
from worker.domain.requests.base import depth

#: Levels of nested lists and objects; real requests and callbacks have far fewer.
MAX_DEPTH = 20

#: Values in all: a small one takes a hundred bytes of memory for three of text.
MAX_VALUES = 100_000

_PIECE = 256 * 1024

#: zlib's window by Content-Encoding. Some send ``deflate`` without its header: -15 reads that.
_WINDOWS: Mapping[str, tuple[int, ...]] = {
    "gzip": (31,),
    "x-gzip": (31,),
    "deflate": (15, -15),
}


class UnknownEncoding(UnsupportedMediaType):
    """415, with what is taken instead (RFC 9110, 15.5.16)."""

    description = "The Content-Encoding must be gzip, deflate or none."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """With ``Accept-Encoding``."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "gzip, deflate")]


def refuse_large(limit: int) -> None:
    """Raise 413 for a Content-Length above ``limit`` bytes."""
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge


def read_body(limit: int) -> bytes:
    """The body. Raises 413 for more than ``limit`` bytes, whatever the headers say.

    Werkzeug's own ``max_content_length`` silently truncates a chunked body.
    """
    refuse_large(limit)
    want_body(request.environ, limit)
    body = bytearray()
    # In pieces: werkzeug allocates as much memory as a read asks for.
    while piece := request.stream.read(min(_PIECE, limit + 1 - len(body))):
        body += piece
        if len(body) > limit:
            raise RequestEntityTooLarge
    return bytes(body)


def decompressed(body: bytes, limit: int) -> bytes:
    """The body without its Content-Encoding.

    Raises 413 for more than ``limit`` bytes, before they are there, and 415 for an encoding that is
    not known.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOWS:
        raise UnknownEncoding
    for window in _WINDOWS[encoding]:
        stream = zlib.decompressobj(window)
        try:
            found = stream.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(found) > limit:
            raise RequestEntityTooLarge
        if stream.eof and not stream.unused_data:
            return found
    raise InvalidRequest.of("request", f"must be one complete {encoding} stream")


def json_object(body: bytes) -> dict[str, Any]:
    """Decode a provider's JSON object; of a repeated name the last value counts."""
    value = _decode(body, _LENIENT)
    if not isinstance(value, dict):
        raise InvalidRequest.of("request", "must be a JSON object")
    return value


def strict_json(body: bytes) -> Any:
    """Decode a caller's JSON: no repeated names, only finite numbers."""
    return _decode(body, _STRICT)


def _decode(body: bytes, decoder: json.JSONDecoder) -> Any:
    brackets = body.count(b"[") + body.count(b"{")
    if brackets + body.count(b",") > MAX_VALUES:
        raise InvalidRequest.of("request", f"must not have more than {MAX_VALUES} values")
    try:
        value = decoder.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidRequest.of("request", "must be JSON in UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"{error.msg}, line {error.lineno}, column {error.colno}"
        raise InvalidRequest.of("request", f"must be JSON: {place}") from None
    except ValueError:  # NaN, Infinity, or thousands of digits
        raise InvalidRequest.of("request", "must have only numbers that JSON knows") from None
    except RecursionError:
        raise _too_deep() from None
    # A body with fewer brackets cannot be so deep.
    if brackets > MAX_DEPTH and depth(value, MAX_DEPTH) > MAX_DEPTH:
        raise _too_deep()
    return value


def _too_deep() -> InvalidRequest:
    return InvalidRequest.of("request", f"must not be nested deeper than {MAX_DEPTH} levels")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without repeated names or infinite numbers."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequest.of(name, "is given twice")
        if not _is_finite(value):
            raise InvalidRequest.of(name, "must be a finite number")
        found[name] = value
    return found


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return not isinstance(value, list) or all(map(_is_finite, value))


_LENIENT = json.JSONDecoder(parse_constant=_no_constant)
_STRICT = json.JSONDecoder(object_pairs_hook=_unique)
