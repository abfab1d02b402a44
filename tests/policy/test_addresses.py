"""Only the public internet is let through, however an address is written; the operator may add to it."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.policy.addresses import Fence, fence_of

CLOSED = Fence()
_V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
_V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)


PUBLIC = ("1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.1.1.1")
PUBLIC6 = ("2606:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "2620:fe::fe")


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC6])
def test_the_public_internet_is_let_through(address: str) -> None:
    assert CLOSED.lets("example.org", address)


PRIVATE = ("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254")
SPECIAL = ("172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1")
BEYOND = ("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255")
IPV6 = (
    "::",
    "::1",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "100::1",
)
HOLDING_IPV4 = ("::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1")
TUNNELS = ("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1", "5f00::1")


@pytest.mark.parametrize("address", [*PRIVATE, *SPECIAL, *BEYOND, *IPV6, *HOLDING_IPV4, *TUNNELS])
def test_nothing_else_is(address: str) -> None:
    assert not CLOSED.lets("example.org", address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "2130706433", "0x7f.1", "1.1.1.1/32", "[::1]", "1.1.1.1 "])
def test_what_is_no_address_is_not_let_through(text: str) -> None:
    assert not CLOSED.lets("example.org", text)


@given(_V4 | _V6)
def test_what_the_standard_library_holds_for_private_is_never_let_through(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_link_local:
        assert not CLOSED.lets("example.org", str(address))


@given(_V4)
def test_an_ipv4_address_inside_an_ipv6_one_is_never_let_through(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    for prefix, shift in (("::ffff:0:0", 0), ("::", 0), ("64:ff9b::", 0), ("2002::", 80), ("2001::", 0)):
        whole = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + (number << shift))
        assert not CLOSED.lets("example.org", str(whole))
        assert not CLOSED.lets("example.org", whole.exploded)


@given(_V4, st.integers(0, 32))
def test_what_is_allowed_is_let_through_and_no_more(address: ipaddress.IPv4Address, bits: int) -> None:
    network = ipaddress.ip_network((address, bits), strict=False)
    fence = fence_of([str(network)])
    assert fence.lets("a", str(address))
    outside = ipaddress.IPv4Address(int(address) ^ (1 << (32 - bits) if bits else 0))
    if outside not in network:
        assert fence.lets("a", str(outside)) == CLOSED.lets("a", str(outside))


def test_an_allowed_host_may_be_anywhere() -> None:
    fence = fence_of(["images.lab.example", "10.1.2.3", "fd00::/8"])
    assert fence.lets("Images.Lab.example.", "10.9.9.9")
    assert not fence.lets("x.images.lab.example", "10.9.9.9")
    assert fence.lets("anything", "10.1.2.3")
    assert not fence.lets("anything", "10.1.2.4")
    assert not fence.lets("anything", "::ffff:10.1.2.3")
    assert fence.lets("anything", "fd12::1")
