"""PURE. The names by which the web process may be called: the ``Host`` of a request.

A page that a user opens can have its name resolve to this machine (DNS rebinding) and then read our
answers as its own. It is called by that name, and never by an address.
"""

import ipaddress
import re
from collections.abc import Iterable

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Addresses to listen on that mean every address of the machine.
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not listened on
#: RFC 9110, 7.2, without what no name of a machine has.
_HOST = re.compile(r"(\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(:[0-9]*)?")


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
    """A ``Host`` without its port, as names are compared; empty if it is none."""
    found = _HOST.fullmatch(host)
    return _plain(found["name"] or found["address"]) if found else ""


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
