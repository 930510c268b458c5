"""SHELL. The way through an HTTP proxy: a connection to it, and a tunnel to a target (CONNECT)."""

import http.client
import socket
import ssl
from http import HTTPStatus
from typing import Any, cast

from urllib3.util.ssltransport import SSLTransport

from config.proxies import Proxy
from worker.adapters.http.authorities import tls_context
from worker.adapters.http.deadline import Wire, left
from worker.domain.errors import ProxyUnavailable

_DIAL_S = 10.0


class TunnelRefused(Exception):
    """The proxy answered CONNECT with ``status``."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"HTTP {status}")


def dial(proxy: Proxy) -> socket.socket:
    """A connection to the proxy. Raises ``ProxyUnavailable``."""
    host, _ = proxy.address
    try:
        sock = socket.create_connection(proxy.address, timeout=min(left(), _DIAL_S))
        return start_tls(sock, host) if proxy.parts.scheme == "https" else sock
    except ssl.SSLCertVerificationError as error:
        problem = f"has a certificate that is not valid: {error.verify_message}"
        raise ProxyUnavailable(f"The proxy {proxy.place} {problem}") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ProxyUnavailable(f"The proxy {proxy.place} is not reached: {reason}") from None


def tunnel(proxy: Proxy, host: str, port: int) -> socket.socket:
    """A connection to ``host`` through the proxy.

    Raises ``TunnelRefused``, and ``ProxyUnavailable`` as ``dial`` or for a refused login.
    """
    sock = dial(proxy)
    try:
        _connect(sock, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except BaseException:
        sock.close()
        raise
    return sock


def _connect(sock: socket.socket, proxy: Proxy, target: str) -> None:
    wire = cast("socket.socket", Wire(sock))
    headers = {"Host": target, **proxy.headers}
    lines = [f"CONNECT {target} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
    wire.sendall("\r\n".join([*lines, "", ""]).encode())
    with http.client.HTTPResponse(wire, method="CONNECT") as answer:
        answer.begin()
    if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise refuses_login(proxy)
    if not 200 <= answer.status < 300:
        raise TunnelRefused(answer.status)


def refuses_login(proxy: Proxy) -> ProxyUnavailable:
    """The error for a missing or wrong login."""
    problem = "wants a user name and password, or other ones (HTTP 407)"
    return ProxyUnavailable(f"The proxy {proxy.place} {problem}: see {proxy.name}")


def start_tls(sock: socket.socket, name: str) -> socket.socket:
    """TLS over ``sock``, which may be TLS itself; the certificate must be valid for ``name``."""
    if not isinstance(sock, ssl.SSLSocket):
        sock.settimeout(left())
        return tls_context().wrap_socket(sock, server_hostname=name)
    inner: Any = Wire(sock)
    return cast("socket.socket", SSLTransport(inner, tls_context(), server_hostname=name))
