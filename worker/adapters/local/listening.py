"""SHELL. Listening sockets, opened before their port is published."""

import errno
import socket

from worker.domain.errors import ServiceUnavailable

#: Connections that may wait to be accepted.
BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Listen exclusively on ``host`` (name or address) and ``port`` (0: a free one).

    Raises ``ServiceUnavailable``.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # "::" means every address of this machine, IPv4 included.
        both = host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both
        )
        # Accepted connections inherit it: small responses do not wait for an ACK (Nagle).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: f"port {port} is taken: free it, or choose another "
            "(--port, HOOKLINE_PORT)",
            errno.EACCES: f"port {port} needs more rights: choose one above 1023 "
            "(--port, HOOKLINE_PORT)",
        }
        reason = reasons.get(error.errno or 0, f"HOOKLINE_HOST {host}: {error.strerror}")
        raise ServiceUnavailable(f"Cannot listen: {reason}.") from error


def port_of(listener: socket.socket) -> int:
    """The port of ``listener``."""
    port: int = listener.getsockname()[1]
    return port
