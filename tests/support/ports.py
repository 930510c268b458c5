"""Ports for what a test starts itself."""

from worker.adapters.local.listening import listen, port_of


def free_port() -> int:
    """One on which nobody listens now."""
    with listen("127.0.0.1", 0) as listener:
        return port_of(listener)
