"""Ports for what a test starts itself."""

import secrets

from worker.adapters.local.listening import listen
from worker.domain.errors import ServiceUnavailable

#: Below Linux's ephemeral ports. A server that takes seconds to start, or starts again, may find an
#: ephemeral port taken by another test.
_PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A port on which nothing listens, outside the range of ephemeral ports."""
    while True:
        port = secrets.choice(_PORTS)
        try:
            listen("127.0.0.1", port).close()
        except ServiceUnavailable:
            continue
        return port
