"""SHELL. One HTTP exchange with an untrusted address.

It may point to machines that only we can reach (SSRF), redirect, or never stop sending. So each
name is resolved once, all its addresses are checked, and the connection goes to a checked address:
DNS rebinding has no effect. We open the socket ourselves and pass it to the standard library's HTTP
client, which uses no credentials and follows no redirect. The deadline covers every wait but the
resolver's.

Names are also resolved and checked if a proxy is used, which is then asked for a
connection to a checked address. Some proxies only take names: these are asked for the name next. If
such a proxy resolves it to another address, nothing is sent there, because the certificate must be
valid for the name. Plain http, which only allowed hosts may speak, leaves the name to the proxy.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

from requests.utils import requote_uri

from config.proxies import DIRECT, Proxies, Proxy
from worker.adapters.http.addresses import Address, is_public
from worker.adapters.http.deadline import Wire, left
from worker.adapters.http.proxying import TunnelRefused, dial, refuses_login, start_tls, tunnel
from worker.domain.errors import AddressError, ProxyUnavailable

MAX_URL = 8_000  #: characters; servers refuse longer ones
_DIAL_S = 10.0  #: for one address, so that the name's others are tried, too


def check_url(url: str, *, allowed_hosts: Collection[str]) -> None:
    """Raise ``AddressError`` for a URL that ``exchange`` would refuse without a request."""
    _target(url, allowed_hosts)


@contextmanager
def exchange(
    method: str,
    url: str,
    *,
    allowed_hosts: Collection[str],
    headers: Mapping[str, str],
    body: bytes | None = None,
    proxies: Proxies = DIRECT,
) -> Iterator[http.client.HTTPResponse]:
    """Send one request; read the response inside the ``with``, which translates its errors.

    Call it inside ``within``, which sets the deadline.

    Args:
        method: ``GET`` or ``POST``.
        url: ``https``; ``http`` only on allowed hosts.
        allowed_hosts: names (lower case) that may be private and may use plain http.
        headers: in addition to ``Host`` and ``Content-Length``.
        body: the request's body.
        proxies: which proxy to use, if any.

    Raises:
        AddressError: retryable if the same exchange may work later.
        ProxyUnavailable: the proxy does not answer, or refuses us.
    """
    target, proxy = _target(url, allowed_hosts), proxies.to(url)
    try:
        with _connected(target, proxy) as sock:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.default_port = 443 if target.tls else 80  # not repeated in the Host header
            connection.sock = cast("Any", Wire(sock))
            path, more = _for_proxy(target, proxy)
            connection.request(method, path, body=body, headers={**headers, **more})
            with connection.getresponse() as response:
                _check_login(response.status, target, proxy)
                yield response
    except TimeoutError:
        raise AddressError(f"{target.host} did not answer in time", retryable=True) from None
    except ssl.SSLCertVerificationError as error:
        problem = f"{target.host} has a certificate that is not valid: {error.verify_message}"
        raise AddressError(problem, host_fails=True) from None
    except (OSError, http.client.HTTPException) as error:
        problem = f"{target.host} did not deliver: {type(error).__name__}"
        raise AddressError(problem, retryable=True) from None


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    tls: bool
    trusted: bool  #: an allowed host, whatever its addresses

    @property
    def authority(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _target(url: str, allowed_hosts: Collection[str]) -> _Target:
    if len(url) > MAX_URL:
        raise AddressError(f"the URL has more than {MAX_URL:,} characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode()
        path = requote_uri((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    except ValueError:
        raise AddressError("this is not a readable URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressError("the URL must be https://...")
    if parts.username is not None or parts.password is not None:
        raise AddressError("the URL must not contain a user name or password")
    tls, trusted = parts.scheme == "https", host in allowed_hosts
    if not tls and not trusted:
        raise AddressError(f"plain http is not allowed on {host}: use https")
    if not trusted and (literal := _literal(host)) is not None:
        _refuse_private(host, literal)
    return _Target(host, port or (443 if tls else 80), path, tls, trusted)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refuse_private(host: str, address: Address) -> None:
    if not is_public(address):
        raise AddressError(f"{host} is not a public address: it is not connected to")


def _for_proxy(target: _Target, proxy: Proxy | None) -> tuple[str, dict[str, str]]:
    """The request's target and its additional headers: a proxy needs both for plain http."""
    if proxy is None or target.tls:
        return target.path, {}
    return f"http://{target.authority}{target.path}", proxy.headers


def _check_login(status: int, target: _Target, proxy: Proxy | None) -> None:
    """Raise ``ProxyUnavailable`` for an answer to plain http that only a proxy gives."""
    if proxy and not target.tls and status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise refuses_login(proxy)


def _connected(target: _Target, proxy: Proxy | None) -> socket.socket:
    """A socket to a checked address; with TLS, the certificate is checked against the name."""
    if proxy is None:
        sock = _dial(_addresses(target))
    else:
        sock = _tunnel(target, proxy) if target.tls else dial(proxy)
    if not target.tls:
        return sock
    try:
        return start_tls(sock, target.host)
    except BaseException:
        sock.close()
        raise


def _tunnel(target: _Target, proxy: Proxy) -> socket.socket:
    """A tunnel to a checked address, or else to the name; to an allowed host by its name."""
    checked = [] if target.trusted else [str(address[0]) for address in _addresses(target)]
    status = 0
    for place in (*checked, target.host):
        try:
            return tunnel(proxy, place, target.port)
        except TunnelRefused as refusal:
            status = refusal.status
    if status >= 500:
        problem = f"{target.host} is not reached by the proxy {proxy.place} (HTTP {status})"
        raise AddressError(problem, retryable=True)
    problem = f"refuses connections to {target.host} (HTTP {status})"
    raise ProxyUnavailable(f"The proxy {proxy.place} {problem}")


def _dial(addresses: list[tuple[Any, ...]]) -> socket.socket:
    failure: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection(address[:2], timeout=min(left(), _DIAL_S))
        except OSError as error:
            failure = error
    raise failure or OSError("no address")


def _addresses(target: _Target) -> list[tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        passing = error.errno == socket.EAI_AGAIN
        problem = f"{target.host} cannot be found"
        raise AddressError(problem, retryable=passing, host_fails=True) from None
    except UnicodeError:
        raise AddressError(f"{target.host} is not a name of a machine") from None
    addresses: list[tuple[Any, ...]] = [entry[4] for entry in found]
    if not target.trusted:
        for address in addresses:
            _refuse_private(target.host, ipaddress.ip_address(address[0]))
    return addresses
