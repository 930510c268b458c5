"""IANA's tables of special-purpose addresses, as of 2025, row by row.

https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

import ipaddress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.http.addresses import is_public
from worker.adapters.storage.fetching import check_url
from worker.domain.errors import PictureError

#: Every block that is not reachable from everywhere, and what it is for.
NOT_PUBLIC = [
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private use"),
    ("100.64.0.0/10", "shared address space"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link local; metadata of cloud machines"),
    ("172.16.0.0/12", "private use"),
    ("192.0.0.0/24", "protocol assignments, with the nearest PCP and TURN server"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "the nearest AS112 server"),
    ("192.52.193.0/24", "the nearest AMT relay"),
    ("192.88.99.0/24", "6to4 relay anycast, deprecated"),
    ("192.168.0.0/16", "private use"),
    ("192.175.48.0/24", "the nearest AS112 server"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, and broadcast"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::/96", "IPv4-compatible, deprecated"),
    ("64:ff9b:1::/48", "NAT64 of local use"),
    ("100::/64", "discard only"),
    ("100:0:0:1::/64", "dummy prefix"),
    ("2001::/32", "Teredo"),
    ("2001:1::/32", "the nearest PCP, TURN and DNS-SD server"),
    ("2001:2::/48", "benchmarking"),
    ("2001:3::/32", "the nearest AMT relay"),
    ("2001:4:112::/48", "AS112"),
    ("2001:10::/28", "ORCHID, deprecated"),
    ("2001:20::/28", "ORCHIDv2: no locations"),
    ("2001:30::/28", "identifiers of drones: no locations"),
    ("2001::/23", "protocol assignments"),
    ("2001:db8::/32", "documentation"),
    ("2620:4f:8000::/48", "the nearest AS112 server"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "unique local"),
    ("fe80::/10", "link local"),
    ("fec0::/10", "site local, deprecated"),
    ("ff00::/8", "multicast"),
    ("4000::/3", "not assigned"),
    ("6000::/3", "not assigned"),
    ("8000::/1", "not assigned, and the above"),
]

#: The blocks' neighbours, and blocks of the tables that are reachable from everywhere.
PUBLIC = [
    "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
    "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.31.195.255", "192.31.197.0",
    "192.52.192.255", "192.52.194.0", "192.175.47.255", "192.175.49.0",
    "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255",
    "203.0.114.0", "223.255.255.255",
    "2000::", "2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::", "2001:db9::", "2003::",
    "2606:4700::1111", "2620:4f:7fff:ffff::", "2620:4f:8001::", "2a00::1", "3ffe:ffff::",
    "3fff:1000::",
]  # fmt: skip

_V4 = [ipaddress.IPv4Network(block) for block, _ in NOT_PUBLIC if ":" not in block]


def embedding(inner: IPv4Address) -> list[str]:
    """The IPv6 addresses behind which a network may reach ``inner``."""
    number = int(inner)
    return [
        f"::ffff:{inner}",
        f"64:ff9b::{inner}",
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)),
    ]


@pytest.mark.parametrize(("block", "purpose"), NOT_PUBLIC)
def test_no_address_of_a_special_block_is_public(block: str, purpose: str) -> None:
    network = ipaddress.ip_network(block)
    middle = network[network.num_addresses // 2]
    for address in (network[0], middle, network[-1]):
        assert not is_public(address), purpose


@pytest.mark.parametrize("address", PUBLIC)
def test_the_neighbours_of_the_special_blocks_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.sampled_from(_V4).flatmap(lambda block: st.ip_addresses(network=block)))
def test_a_private_ipv4_address_inside_an_ipv6_one_is_not_public(inner: IPv4Address) -> None:
    assert not any(is_public(ipaddress.ip_address(outer)) for outer in embedding(inner))


def test_a_public_ipv4_address_inside_an_ipv6_one_is_public() -> None:
    for outer in embedding(IPv4Address("8.8.8.8")):
        assert is_public(ipaddress.ip_address(outer))
    # Teredo hides the server and the client behind it: neither is looked at.
    assert not is_public(ipaddress.ip_address("2001:0:808:808::f7f7:f7f7"))
    assert not is_public(ipaddress.ip_address("::8.8.8.8"))


@pytest.mark.parametrize("address", ["fe80::1%eth0", "2606:4700::1111%lo", "ff02::1%1"])
def test_an_address_with_a_zone_is_of_this_machine_s_links(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [*(str(ipaddress.ip_network(block)[1]) for block, _ in NOT_PUBLIC if "/128" not in block),
     "::1", "::", "fe80::1%25eth0", "2606:4700::1111%25lo"],
)  # fmt: skip
def test_a_url_with_such_an_address_is_refused_unasked(host: str) -> None:
    with pytest.raises(PictureError, match="not a public address"):
        check_url(f"https://[{host}]/" if ":" in host else f"https://{host}/", allowed_hosts=())
