"""PURE. The names by which the web process may be called: the ``Host`` of a request.

A page that a user opens can have its name resolve to this machine (DNS rebinding) and then read our
answers as its own. It is called by that name, and never by an address.
"""

import ipaddress
from collections.abc import Iterable

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Addresses to listen on that mean every address of the machine.
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not listened on


class Hosts:
    """``bind``: the address that is listened on; ``names``: what else is accepted."""

    def __init__(self, bind: str, names: Iterable[str]) -> None:
        self._any_address = bind in _ANY
        self._names = _LOOPBACK | {_plain(name) for name in (bind, *names) if name}

    def accepts(self, host: str) -> bool:
        """Whether a request with this ``Host`` is for us; HTTP/1.0 has none."""
        name = name_of(host)
        return not host or name in self._names or (self._any_address and _is_address(name))


def name_of(host: str) -> str:
    """A ``Host`` without its port, as names are compared."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return _plain(host.partition(":")[0])


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
