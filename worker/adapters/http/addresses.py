"""PURE. Which IP addresses belong to the open internet.

The blocks are IANA's, written out because the ``is_global`` of Python's releases differs:
https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry. An
address that leads to the nearest server of its kind is not public either, even if IANA calls it
globally reachable: the nearest one may be on our own network.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private use
            "100.64.0.0/10",  # shared by a provider's customers
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link local
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112, the nearest sink for questions about private names
            "192.52.193.0/24",  # AMT, the nearest relay of multicast
            "192.88.99.0/24",  # 6to4 relays, deprecated
            "192.168.0.0/16",  # private use
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
#: All that was ever assigned to the open internet: no loopback, local, site, SRv6 or multicast
#: address is among it.
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID, anycast servers
            "2001:db8::/32",  # documentation
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether the address is public; an IPv6 address may embed a private IPv4 one."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_V4)
    if address.scope_id is not None:  # a link of this machine
        return False
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_V6 and not any(address in block for block in _SPECIAL_V6)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a network translates ``address`` to."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
