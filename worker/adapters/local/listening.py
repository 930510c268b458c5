"""SHELL. A port is claimed by listening on it, once, before anything is told of it."""

import errno
import socket

from worker.domain.errors import ServiceUnavailable

#: Connections that wait until somebody accepts them.
BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Listen on ``host`` (a name or a number) at ``port`` (0: a free one), and nobody else beside.

    Raises ``ServiceUnavailable``.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # "::" stands for every address of this machine, the old ones as well.
        both = host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both
        )
        # What it accepts takes after it: small answers wait for no acknowledgement.
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
    """The port that it listens on."""
    port: int = listener.getsockname()[1]
    return port
