"""SHELL. Sessions of ``requests`` whose calls respect their deadline."""

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from config.proxies import DIRECT, Proxies, Proxy
from worker.adapters.http.authorities import tls_context
from worker.adapters.http.deadline import Wire

#: A connection to any server is used again after so many idle seconds: less than any was seen to
#: wait before it closes one, with room for the request's way there.
KEPT_S = 0.7
#: However long a server waits: a router on the way may forget an idle connection without a word.
MOST_KEPT_S = 15.0
#: Of the idle time that a server was seen to bear, with the same room.
_SAFE_SHARE = 0.7
#: What was seen is forgotten so many seconds after the earliest close: a server that was only
#: restarted would never be trusted again.
_BELIEVED_S = 3600.0
#: Idle connections to one server: as many as threads of a worker submit at once.
MAX_KEPT = 64
#: SO_LINGER for no time: what is closed sends nothing more. Otherwise the kernel of a machine that
#: was cut off keeps sending a request for minutes after we gave it up, so that a provider accepts
#: it after its absence from the task list was taken for evidence.
_SENDS_NO_MORE = struct.pack("ii", 1, 0)
#: Goes on while the machine is suspended, when no word of a server's close arrives.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def new_session(connections: "Connections") -> requests.Session:
    """A session for calls inside ``within``; it retries nothing."""
    session = requests.Session()
    session.trust_env = False  # neither its proxies nor ~/.netrc
    for scheme in ("https://", "http://"):
        session.mount(scheme, connections)
    return session


def _now() -> float:
    return time.clock_gettime(_CLOCK)


def _wired(sock: Any) -> socket.socket:
    return cast("socket.socket", Wire(sock))


class _Plain(HTTPConnection):
    #: ``_now()`` at the end of its last use; None: that use, or none yet, left it closed
    used_at: float | None = None

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


@dataclass(slots=True)
class _Patience:
    """For how many seconds a server was seen to leave an idle connection open."""

    open_s: float = 0.0
    closed_s: float = inf
    closed_at: float = 0.0

    def saw(self, idle_s: float, now: float, *, still_open: bool) -> None:
        """One that had been idle for so long was looked at."""
        if still_open:
            self.open_s = max(self.open_s, idle_s)
        elif idle_s < self.closed_s:
            self.closed_s, self.closed_at = idle_s, now

    def safe_s(self, now: float) -> float:
        """After so many idle seconds a connection may be used again."""
        if self.closed_s < inf and now - self.closed_at > _BELIEVED_S:
            self.open_s, self.closed_s = 0.0, inf
        seen_s = _SAFE_SHARE * min(self.open_s, self.closed_s)
        return min(MOST_KEPT_S, max(KEPT_S, seen_s))


class _PlainPool(HTTPConnectionPool):
    """Connections to one server, which learn from it how long they may stay unused.

    The last one used is the next one used, so the first in the queue stays idle: it is the witness
    of what the server does to such.
    """

    ConnectionCls = _Plain

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience = _Patience()

    def _get_conn(self, timeout: float | None = None) -> Any:
        now = _now()
        witness = self._witness(now)
        connection: Any = super()._get_conn(timeout)  # closes one that the server closed
        if connection.used_at is None:
            return connection
        idle_s, still_open = now - connection.used_at, connection.is_connected
        self._patience.saw(idle_s, now, still_open=still_open)
        if not still_open or idle_s <= self._patience.safe_s(now):
            return connection
        if connection is witness and self._stays_idle(connection):
            return self._new_conn()
        connection.close()  # it connects again when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.used_at = None if conn.sock is None else _now()
        super()._put_conn(conn)

    def _witness(self, now: float) -> Any:
        """The connection that is idle for longest, if any; looked at and learnt from.

        Under the queue's lock: of a connection that another thread uses, nothing could be told.
        """
        if self.pool is None:  # closed
            return None
        with self.pool.mutex:
            for connection in self.pool.queue:
                if connection is None or connection.used_at is None:
                    continue
                still_open = connection.is_connected
                self._patience.saw(now - connection.used_at, now, still_open=still_open)
                if still_open:
                    return connection
                connection.close()
                connection.used_at = None
        return None

    def _stays_idle(self, witness: Any) -> bool:
        """Put it back as the first, if no other took that place."""
        if self.pool is None:
            return False
        with self.pool.mutex:
            free = bool(self.pool.queue) and self.pool.queue[0] is None
            if free:
                self.pool.queue[0] = witness
        return free


class _SecurePool(_PlainPool, HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}


class Connections(HTTPAdapter):
    """Connections to servers, shared by the sessions of all threads.

    One is used again only while its server surely keeps it open, and looked at for its other end
    right before.
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
