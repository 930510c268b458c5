"""SHELL. Sessions of ``requests`` whose calls respect their deadline."""

import socket
import struct
from collections.abc import Mapping
from time import monotonic
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from config.proxies import DIRECT, Proxies, Proxy
from worker.adapters.http.authorities import tls_context
from worker.adapters.http.deadline import Wire

#: A connection is used again within so many seconds only: less than after which any server was seen
#: to close an idle one, with room for the request's way there.
KEPT_S = 0.7
#: Idle connections to one server: as many as threads of a worker submit at once.
MAX_KEPT = 64
#: SO_LINGER for no time: what is closed sends nothing more. Otherwise the kernel of a machine that
#: was cut off keeps sending a request for minutes after we gave it up, so that a provider accepts
#: it after its absence from the task list was taken for evidence.
_SENDS_NO_MORE = struct.pack("ii", 1, 0)


def new_session(connections: "Connections") -> requests.Session:
    """A session for calls inside ``within``; it retries nothing."""
    session = requests.Session()
    session.trust_env = False  # neither its proxies nor ~/.netrc
    for scheme in ("https://", "http://"):
        session.mount(scheme, connections)
    return session


def _wired(sock: Any) -> socket.socket:
    return cast("socket.socket", Wire(sock))


class _Plain(HTTPConnection):
    used_at = 0.0  #: ``time.monotonic()`` at the end of its last use

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SENDS_NO_MORE)
        return _wired(sock)  # also limits the wait for a proxy's response


class _Secure(_Plain, HTTPSConnection):
    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> Any:
        return _wired(super()._connect_tls_proxy(hostname, sock))

    def connect(self) -> None:
        super().connect()
        self.sock = _wired(self.sock)  # TLS replaced the socket


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)  # closes one that the server closed
        if connection.is_connected and monotonic() - connection.used_at > KEPT_S:
            connection.close()  # it connects again when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.used_at = monotonic()
        super()._put_conn(conn)


class _SecurePool(_PlainPool, HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}


class Connections(HTTPAdapter):
    """Connections to servers, shared by the sessions of all threads.

    One is kept for ``KEPT_S``, and looked at for its other end right before it is used.
    """

    def __init__(self, proxies: Proxies = DIRECT) -> None:
        self._proxies = proxies
        super().__init__(max_retries=0, pool_maxsize=MAX_KEPT)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send by the proxy for the address, if there is one."""
        proxy = self._proxies.to(request.url or "")
        chosen = {"http": proxy.url, "https": proxy.url} if proxy else {}
        return super().send(request, *args, **{**kwargs, "proxies": chosen})

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """The address and what TLS needs: one context, or each connection loads all authorities."""
        host, _ = super().build_connection_pool_key_attributes(request, *args, **kwargs)
        return host, {"ssl_context": tls_context()} if host["scheme"] == "https" else {}

    def cert_verify(self, *_: Any) -> None:
        """The context verifies."""

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """A proxy's login."""
        return Proxy(proxy, "").headers

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools for connections through a proxy."""
        if proxy.lower().startswith("https:"):
            kwargs["proxy_ssl_context"] = tls_context()
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
