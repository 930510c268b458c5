"""SHELL. Downloads a picture or video from an untrusted address.

``worker.adapters.http.safe`` secures the connection; this follows redirects, each checked like the
first address, and limits what is accepted.
"""

import http
import http.client
import io
from collections.abc import Collection
from typing import IO, NotRequired, TypedDict, Unpack
from urllib.parse import urljoin, urlsplit

from config.proxies import DIRECT, Proxies
from worker.adapters.http import safe
from worker.adapters.http.deadline import within
from worker.domain.errors import AddressError, PictureError, ServiceUnavailable

MAX_REDIRECTS = 3

_CHUNK = 64 * 1024
_HEADERS = {"User-Agent": "hookline", "Accept": "image/*, video/*", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})  #: and all from 500
#: Responses for an expired link: signed links expire within hours.
_DEAD = frozenset({401, 403, 404, 410})


class Limits(TypedDict):
    """What a download may do."""

    allowed_hosts: Collection[str]  #: names (lower case) that may be private and speak plain http
    max_bytes: int  #: a larger body is refused, whatever length was announced
    deadline_s: float  #: for everything together, redirects included
    proxies: NotRequired[Proxies]  #: which proxy to use, if any


def fetch(url: str, **limits: Unpack[Limits]) -> bytes:
    """Download ``url`` into memory: for small pictures. See ``fetch_into``."""
    body = io.BytesIO()
    fetch_into(body, url, **limits)
    return body.getvalue()


def fetch_into(file: IO[bytes], url: str, **limits: Unpack[Limits]) -> None:
    """Download ``url`` into ``file`` in pieces; after an error ``file`` may hold a part.

    Args:
        file: never gets more than ``max_bytes``.
        url: ``https``; ``http`` only on allowed hosts.
        limits: see ``Limits``.

    Raises:
        PictureError: retryable if the same download may work later; with a dead link if a fresh
            link may.
        ServiceUnavailable: ``file`` cannot be written, or the proxy fails.
    """
    _follow(file, url, limits)


def reach(url: str, **limits: Unpack[Limits]) -> None:
    """Ask for ``url`` and read nothing of the body. Raises like ``fetch_into``."""
    _follow(None, url, limits)


def check_url(url: str, *, allowed_hosts: Collection[str]) -> None:
    """Raise ``PictureError`` for a URL that ``fetch`` refuses without a request."""
    try:
        safe.check_url(url, allowed_hosts=allowed_hosts)
    except AddressError as error:
        raise PictureError(str(error)) from None


def _follow(file: IO[bytes] | None, url: str, limits: Limits) -> None:
    with within(limits["deadline_s"]):
        for _ in range(1 + MAX_REDIRECTS):
            elsewhere = _ask(file, url, limits)
            if elsewhere is None:
                return
            url = urljoin(url, elsewhere)
    raise PictureError(f"the URL redirects more than {MAX_REDIRECTS} times")


def _ask(file: IO[bytes] | None, url: str, limits: Limits) -> str | None:
    """The target of a redirect, or None: the body is in ``file``."""
    hosts, proxies = limits["allowed_hosts"], limits.get("proxies", DIRECT)
    try:
        with safe.exchange(
            "GET", url, allowed_hosts=hosts, headers=_HEADERS, proxies=proxies
        ) as response:
            return _read(file, response, urlsplit(url).hostname or "", limits["max_bytes"])
    except AddressError as error:
        raise PictureError(
            str(error), retryable=error.retryable, dead_link=error.host_fails
        ) from None


def _read(
    file: IO[bytes] | None, response: http.client.HTTPResponse, host: str, max_bytes: int
) -> str | None:
    if response.status in _REDIRECTS and (location := response.getheader("Location")):
        return location
    if response.status != http.HTTPStatus.OK:
        raise PictureError(
            f"{host} answered {response.status}",
            retryable=response.status in _PASSING or response.status >= 500,  # 520-530: Cloudflare
            dead_link=response.status in _DEAD,
        )
    if file is not None:
        _body(file, response, host, max_bytes)
    return None


def _body(file: IO[bytes], response: http.client.HTTPResponse, host: str, max_bytes: int) -> None:
    if (response.length or 0) > max_bytes:
        raise _too_large(host, max_bytes)
    size = 0
    try:
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(host, max_bytes)
            _keep(file, chunk)
    except (http.client.IncompleteRead, ConnectionError) as error:
        problem = f"{host} did not deliver: {type(error).__name__}"
        raise PictureError(problem, retryable=True, dead_link=True) from None
    if response.length:  # announced, but never sent
        problem = f"{host} broke off in the middle of the picture"
        raise PictureError(problem, retryable=True, dead_link=True)


def _keep(file: IO[bytes], chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:  # here, because `exchange` attributes any OSError to the host
        raise ServiceUnavailable(f"The disk takes no more: {error.strerror}") from error


def _too_large(host: str, max_bytes: int) -> PictureError:
    return PictureError(f"{host} sends more than the allowed {max_bytes / 1024**2:.3g} MiB")
