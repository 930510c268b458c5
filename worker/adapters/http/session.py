"""SHELL. Sessions of ``requests`` whose calls respect their deadline."""

import socket
from collections.abc import Mapping
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from worker.adapters.http.deadline import Wire


def new_session() -> requests.Session:
    """A session for calls inside ``within``; it retries nothing."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(max_retries=0))
    return session


def _wired(sock: Any) -> socket.socket:
    return cast("socket.socket", Wire(sock))


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _wired(super()._new_conn())  # also limits the wait for a proxy's response


class _Secure(_Plain, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _wired(self.sock)  # TLS replaced the socket


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
        if not proxy.lower().startswith("socks"):  # SOCKS needs its own connection classes
            manager.pool_classes_by_scheme = _POOLS
        return manager
