"""PURE. A request's head: what is refused, and the WSGI environment made from the rest.

The parser (llhttp, strict) has already refused bare LF, folded lines, spaces before a colon, two
lengths, a length beside Transfer-Encoding, and versions that do not exist.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from webhooks.front.limits import MAX_FIELDS, MAX_HEAD

#: A name and a value, as they were sent.
Field = tuple[bytes, bytes]


class Refused(Exception):
    """A request that the app never sees."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def bad(detail: str) -> Refused:
    """A request that is not HTTP/1.1."""
    return Refused(HTTPStatus.BAD_REQUEST, detail)


def environ_of(
    method: str, target: bytes, version: str, fields: Sequence[Field], base: dict[str, Any]
) -> dict[str, Any]:
    """The request's WSGI environment (PEP 3333) without its body; ``base`` is in all of them.

    Nothing comes from the process's own environment. Raises ``Refused``.
    """
    if version not in ("1.0", "1.1"):
        raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This service speaks HTTP/1.1.")
    target, host = _origin_form(target)
    path, _, query = target.partition(b"?")
    environ = {
        **base,
        "REQUEST_METHOD": method,
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{version}",
    }
    for name, value in fields:
        key = _KEYS.get(name) or _spelled(name)
        if not key:
            continue
        text = value.decode("latin-1")
        if key not in environ:
            environ[key] = text
        elif key == "HTTP_HOST":
            raise bad("The header Host is given twice.")
        else:
            environ[key] += f",{text}"
    _check(environ, version)
    if host:
        environ["HTTP_HOST"] = host
    return environ


def refuse_large(size: int, fields: int) -> None:
    """Raise ``Refused`` for a head of more bytes or fields than anybody honest sends."""
    if size > MAX_HEAD or fields > MAX_FIELDS:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise Refused(status, f"A head has at most {MAX_HEAD} bytes and {MAX_FIELDS} fields.")


def _origin_form(target: bytes) -> tuple[bytes, str]:
    """The path and query of a request's target, and the host of an absolute one (RFC 9112, 3.2)."""
    host = b""
    if not target.startswith(b"/"):
        scheme, _, rest = target.partition(b"://")
        if scheme.lower() not in (b"http", b"https"):
            raise bad("The request's target must be a path.")
        host, slash, path = rest.partition(b"/")
        if b"?" in host or not host:
            raise bad("The request's target must have a path.")
        target = slash + path or b"/"
    if b"#" in target:
        raise bad("The request's target must not have a fragment.")
    return target, host.decode("latin-1")


def _check(environ: dict[str, Any], version: str) -> None:
    if "HTTP_TRANSFER_ENCODING" in environ:
        if version == "1.0":
            raise bad("HTTP/1.0 has no Transfer-Encoding.")
        if environ["HTTP_TRANSFER_ENCODING"].lower() != "chunked":
            status = HTTPStatus.NOT_IMPLEMENTED
            raise Refused(status, "The Transfer-Encoding must be chunked or none.")
    if version == "1.1" and not environ.get("HTTP_HOST"):
        raise bad("The header Host is missing.")


def _spelled(name: bytes) -> str:
    """A field's name in CGI's spelling; empty where two names would share it (``X_Y``, ``X-Y``)."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"


_USUAL = (
    b"Host", b"Content-Type", b"Content-Length", b"Transfer-Encoding", b"Content-Encoding",
    b"User-Agent", b"Accept", b"Accept-Encoding", b"Accept-Language", b"Connection", b"Expect",
    b"Authorization", b"Idempotency-Key", b"Upgrade", b"Cookie", b"X-Forwarded-For",
    b"X-Forwarded-Proto", b"X-Forwarded-Host", b"X-Real-Ip", b"Via", b"Traceparent",
)  # fmt: skip
#: Names as clients and proxies spell them.
_KEYS = {spelt: _spelled(name) for name in _USUAL for spelt in (name, name.lower())}
