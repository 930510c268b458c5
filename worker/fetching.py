"""SHELL. Downloads a picture or video from an address that somebody else chose.

``worker.safe_http`` keeps the connection safe; here are the redirects, each looked at like the
first address, and the limits of what is taken.
"""

import http
import http.client
import time
from collections.abc import Collection
from urllib.parse import urljoin, urlsplit

from worker import safe_http
from worker.errors import AddressError, PictureError

MAX_REDIRECTS = 3

_CHUNK = 64 * 1024
_HEADERS = {"User-Agent": "hookline", "Accept": "image/*, video/*", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(url: str, *, allowed_hosts: Collection[str], max_bytes: int, deadline_s: float) -> bytes:
    """What ``url`` holds.

    Args:
        url: ``https``; ``http`` only on allowed hosts.
        allowed_hosts: names (lower case) that may be private and may speak plain http.
        max_bytes: more is refused, whatever the reply announced.
        deadline_s: for everything together, redirects included.

    Raises:
        PictureError: retryable where the same download may work later.
    """
    until = time.monotonic() + deadline_s
    for _ in range(1 + MAX_REDIRECTS):
        reply = _ask(url, allowed_hosts, max_bytes, until)
        if isinstance(reply, bytes):
            return reply
        url = urljoin(url, reply)
    raise PictureError(f"the URL redirects more than {MAX_REDIRECTS} times")


def check_url(url: str, *, allowed_hosts: Collection[str]) -> None:
    """Raise ``PictureError`` for a URL that ``fetch`` would refuse without asking anybody."""
    try:
        safe_http.check_url(url, allowed_hosts=allowed_hosts)
    except AddressError as error:
        raise PictureError(str(error)) from None


def _ask(url: str, allowed_hosts: Collection[str], max_bytes: int, until: float) -> bytes | str:
    """The body, or where the reply points to."""
    try:
        with safe_http.exchange(
            "GET", url, allowed_hosts=allowed_hosts, until=until, headers=_HEADERS
        ) as response:
            return _read(response, urlsplit(url).hostname or "", max_bytes)
    except AddressError as error:
        raise PictureError(str(error), retryable=error.retryable) from None


def _read(response: http.client.HTTPResponse, host: str, max_bytes: int) -> bytes | str:
    if response.status in _REDIRECTS and (location := response.getheader("Location")):
        return location
    if response.status != http.HTTPStatus.OK:
        passing = response.status in _PASSING
        raise PictureError(f"{host} answered {response.status}", retryable=passing)
    return _body(response, host, max_bytes)


def _body(response: http.client.HTTPResponse, host: str, max_bytes: int) -> bytes:
    if (response.length or 0) > max_bytes:
        raise _too_large(host, max_bytes)
    body = bytearray()
    while chunk := response.read(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(host, max_bytes)
    if response.length:  # announced, but never sent
        raise PictureError(f"{host} broke off in the middle of the picture", retryable=True)
    return bytes(body)


def _too_large(host: str, max_bytes: int) -> PictureError:
    return PictureError(f"{host} sends more than the allowed {max_bytes / 1024**2:.3g} MiB")
