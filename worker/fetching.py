"""SHELL. Downloads a picture or video from an address that somebody else chose.

The address may aim at machines that only we can reach, may lead elsewhere, and may never end. So
each name is resolved once, every address of it is looked at, and the connection goes to an address
that was looked at: the name cannot mean another machine a moment later. We open the socket
ourselves and hand it to the standard library's HTTP client, which knows neither proxies nor
credentials. One deadline covers every wait of a download but the resolver's own.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, requote_uri

from worker.errors import PictureError

MAX_REDIRECTS = 3

_DIAL_S = 10.0  #: for one address, so that another of the same name has its turn
_CHUNK = 64 * 1024
_HEADERS = {"User-Agent": "hookline", "Accept": "image/*, video/*", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
        target = _target(url, allowed_hosts)
        reply = _ask(target, max_bytes, until)
        if isinstance(reply, bytes):
            return reply
        url = urljoin(url, reply)
    raise PictureError(f"the URL redirects more than {MAX_REDIRECTS} times")


def check_url(url: str, *, allowed_hosts: Collection[str]) -> None:
    """Raise ``PictureError`` for a URL that ``fetch`` would refuse without asking anybody."""
    _target(url, allowed_hosts)


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    tls: bool
    trusted: bool  #: an allowed host, whatever its addresses


def _target(url: str, allowed_hosts: Collection[str]) -> _Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        raise PictureError("this is not a readable URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise PictureError("a picture's URL must be https://...")
    if parts.username is not None or parts.password is not None:
        raise PictureError("a picture's URL must not contain a user name or password")
    tls, trusted = parts.scheme == "https", host in allowed_hosts
    if not tls and not trusted:
        raise PictureError(f"plain http is not allowed on {host}: use https")
    if not trusted and (literal := _literal(host)) is not None:
        _refuse_private(host, literal)
    path = requote_uri((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return _Target(host, port or (443 if tls else 80), path, tls, trusted)


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refuse_private(host: str, address: _Address) -> None:
    if not is_public(address):
        raise PictureError(f"{host} is not a public address: pictures are not fetched from there")


def is_public(address: _Address) -> bool:
    """Whether the address is one of the open Internet; inside an IPv6 one an IPv4 one may hide."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ask(target: _Target, max_bytes: int, until: float) -> bytes | str:
    """The body, or where the reply points to."""
    try:
        with _connected(target, until) as sock:
            return _exchange(sock, target, max_bytes, until)
    except TimeoutError:
        raise PictureError(f"{target.host} did not deliver in time", retryable=True) from None
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        raise PictureError(f"{target.host} has a certificate that is not valid: {reason}") from None
    except (OSError, http.client.HTTPException) as error:
        problem = f"{target.host} did not deliver: {type(error).__name__}"
        raise PictureError(problem, retryable=True) from None


def _exchange(sock: socket.socket, target: _Target, max_bytes: int, until: float) -> bytes | str:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.default_port = 443 if target.tls else 80  # not repeated in the Host header
    connection.sock = cast("Any", _Wire(sock, until))
    connection.request("GET", target.path, headers=_HEADERS)
    with connection.getresponse() as response:
        if response.status in _REDIRECTS and (location := response.getheader("Location")):
            return location
        if response.status != http.HTTPStatus.OK:
            passing = response.status in _PASSING
            raise PictureError(f"{target.host} answered {response.status}", retryable=passing)
        return _body(response, target.host, max_bytes)


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


def _connected(target: _Target, until: float) -> socket.socket:
    """A socket to an address that was looked at; with TLS, the certificate is for the name."""
    sock = _dial(_addresses(target), until)
    if not target.tls:
        return sock
    try:
        sock.settimeout(_left(until))
        return _tls().wrap_socket(sock, server_hostname=target.host)
    except BaseException:
        sock.close()
        raise


def _dial(addresses: list[tuple[Any, ...]], until: float) -> socket.socket:
    failure: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection(address[:2], timeout=min(_left(until), _DIAL_S))
        except OSError as error:
            failure = error
    raise failure or OSError("no address")


def _addresses(target: _Target) -> list[tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        passing = error.errno == socket.EAI_AGAIN
        raise PictureError(f"{target.host} cannot be found", retryable=passing) from None
    except UnicodeError:
        raise PictureError(f"{target.host} is not a name of a machine") from None
    addresses: list[tuple[Any, ...]] = [entry[4] for entry in found]
    if not target.trusted:
        for address in addresses:
            _refuse_private(target.host, ipaddress.ip_address(address[0].split("%")[0]))
    return addresses


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


class _Wire:
    """What the HTTP client needs of a socket; every wait on it ends at the same deadline.

    A socket's own timeout starts anew with each byte, so a server that drips would never be left.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock, self._until = sock, until

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._until))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._until), _CHUNK)

    def close(self) -> None:
        """The socket belongs to the caller."""


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock, self._until = sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._until))
        return self._sock.recv_into(buffer)
