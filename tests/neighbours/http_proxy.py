"""A real HTTP proxy: it forwards plain http and opens tunnels, to the places of a table."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE = 64 * 1024


@dataclass
class HttpProxy:
    """``places``: where names and addresses lead, as an authority -> a local port."""

    places: Mapping[str, int]
    login: str | None = None  #: the expected Proxy-Authorization
    refused: Mapping[str, int] = field(default_factory=dict)  #: statuses by authority
    tls: ssl.SSLContext | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)  #: the request lines

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def serve(self, caller: socket.socket) -> None:
        with suppress(OSError), caller:
            wire = self.tls.wrap_socket(caller, server_side=True) if self.tls else caller
            with wire:
                self._answer(wire)

    def _answer(self, caller: socket.socket) -> None:
        head, rest = _head(caller)
        if not head:
            return None
        line, *headers = head.split("\r\n")
        self.asked.append(line)
        method, target, _ = line.split()
        if self.login and f"Proxy-Authorization: {self.login}" not in headers:
            return _refuse(caller, 407)
        place = target if method == "CONNECT" else urlsplit(target).netloc
        if place in self.refused:
            return _refuse(caller, self.refused[place])
        if place not in self.places:
            return _refuse(caller, 502)
        with socket.create_connection(("127.0.0.1", self.places[place])) as upstream:
            if method == "CONNECT":
                caller.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
            else:
                path = target.removeprefix(f"http://{place}") or "/"
                kept = [h for h in headers if not h.lower().startswith("proxy-")]
                kept += ["Connection: close"]
                first = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "", ""])
                upstream.sendall(first.encode() + rest)
            _join(caller, upstream)
        return None


@contextmanager
def http_proxy(proxy: HttpProxy) -> Iterator[HttpProxy]:
    """Serve on a free port until the end of the context."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    threading.Thread(target=proxy.serve, args=(caller,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield proxy
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _head(caller: socket.socket) -> tuple[str, bytes]:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = caller.recv(_PIECE)
        if not piece:
            return "", b""
        read += piece
    head, _, rest = read.partition(b"\r\n\r\n")
    return head.decode(), rest


def _refuse(caller: socket.socket, status: int) -> None:
    caller.sendall(
        f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno".encode()
    )


def _join(caller: socket.socket, upstream: socket.socket) -> None:
    """Copy both ways until one side ends."""
    back = threading.Thread(target=_copy, args=(upstream, caller), daemon=True)
    back.start()
    _copy(caller, upstream)
    back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
