"""SHELL. The end of a whole call to a provider, whatever trickles in.

The libraries' timeouts are for one wait each: a head, a chunk's length or a proxy's answer that
comes byte by byte begins a new one with every byte. So a clock beside the call shuts its connection
down, and the waiting ends at once, with the trouble of a connection that was lost.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """Cuts what this thread's connection does in the block, ``seconds`` after its begin.

    Only connections of a ``new_session`` are known to it.

    Raises:
        requests.ReadTimeout: It was cut, whatever seems to have come: a head or a body that ends
            with the connection looks complete.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._passed = False
        self._handle: socket.socket | None = None
        self._token: Token[Deadline | None] | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True  # a process that ends does not wait for it

    def __enter__(self) -> None:
        self._timer.start()
        self._token = _current.set(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        if self._token is not None:
            _current.reset(self._token)
        with self._lock:
            self._drop()
            passed = self._passed
        if passed and (kind is None or issubclass(kind, Exception)):
            msg = "The answer did not end in time."
            raise requests.ReadTimeout(msg) from None

    def watch(self, sock: socket.socket) -> None:
        """This is the call's connection now."""
        # A handle of our own: TLS takes the socket over, and its number may soon be another's.
        handle = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._drop()
            self._handle = handle
            if self._passed:
                self._shut()

    def _cut(self) -> None:
        with self._lock:
            self._passed = True
            self._shut()

    def _shut(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):  # it is gone already
                self._handle.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def new_session() -> requests.Session:
    """A session whose calls end with their ``Deadline``; it tries nothing twice."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(max_retries=0))
    return session


class _Plain(HTTPConnection):
    """Tells the deadline of the call about its socket, before the first byte."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _watch(sock)
        return sock

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,  # noqa: FBT001, FBT002  # the library's signature
        skip_accept_encoding: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        if self.sock is not None:  # kept open since an earlier call
            _watch(self.sock)
        super().putrequest(method, url, skip_host, skip_accept_encoding)


class _Secure(_Plain, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those need connections of their own
            manager.pool_classes_by_scheme = _POOLS
        return manager


def _watch(sock: socket.socket) -> None:
    deadline = _current.get()
    if deadline is not None:
        deadline.watch(sock)
