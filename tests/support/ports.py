"""Ports for what a test starts itself."""

import secrets

from worker.adapters.local.listening import listen
from worker.domain.errors import ServiceUnavailable

#: Below those that Linux gives to who asks for any port: a server that takes seconds to start, or
#: starts again, would find one of these taken by a test that runs beside it.
_KEPT = range(20_000, 32_768)


def free_port() -> int:
    """One on which nobody listens now, and which nobody gets by asking for any."""
    while True:
        port = secrets.choice(_KEPT)
        try:
            listen("127.0.0.1", port).close()
        except ServiceUnavailable:
            continue
        return port
