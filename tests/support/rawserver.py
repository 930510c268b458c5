"""A server on the loopback that says exactly what a test wants, byte by byte.

Not the sandbox: what drips, lies about its length or breaks TLS is no HTTP that Flask can write.
"""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

#: Gets the connection and what the client asked for.
Script = Callable[[socket.socket, bytes], None]


def says(reply: bytes) -> Script:
    """A server with one answer.

    It reads what is still coming before it closes, because closing earlier resets the connection.
    """

    def script(sock: socket.socket, _request: bytes) -> None:
        sock.sendall(reply)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass

    return script


def http(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP reply; header names with ``_`` for ``-``; no Content-Length of its own."""
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def read_request(sock: socket.socket) -> bytes:
    """One whole request: clients send head and body apart, so one read may end between them."""
    request = b""
    while (head_ends := request.find(b"\r\n\r\n")) < 0:
        if not (more := sock.recv(65536)):
            return request
        request += more
    declared = re.search(rb"(?i)\r\ncontent-length: *(\d+)", request[:head_ends])
    whole = head_ends + 4 + (int(declared[1]) if declared else 0)
    while len(request) < whole and (more := sock.recv(65536)):
        request += more
    return request


@contextlib.contextmanager
def serving(
    *scripts: Script, tls: ssl.SSLContext | None = None, whole: bool = True
) -> Iterator[tuple[int, list[bytes]]]:
    """Serve one connection per script, the last one forever: the port, and what was asked.

    A script starts when its request has come as a whole, or at its first bytes.
    """
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def one(sock: socket.socket, script: Script) -> None:
        with contextlib.suppress(OSError), sock:
            wire = tls.wrap_socket(sock, server_side=True) if tls else sock
            with wire:
                asked.append(read_request(wire) if whole else wire.recv(65536))
                script(wire, asked[-1])

    def serve() -> None:
        left = list(scripts)
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                script = left.pop(0) if len(left) > 1 else left[0]
                threading.Thread(target=one, args=(sock, script), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], asked
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
