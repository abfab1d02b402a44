"""Which addresses the relay may connect to when a client names them: those of the public internet, and no others.

https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec

_NOT_PUBLIC: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind carriers' address translation
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their machines' secrets
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL: Final = IPv6Network("2000::/3")
"""All that is given out. Outside are loopback, link-local, unique local, multicast, IPv4-mapped and NAT64 addresses."""
_NOT_GLOBAL: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols' own, Teredo among them, which holds IPv4 addresses
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds IPv4 addresses
        "3fff::/20",
    )
)


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The public internet, and what the operator adds to it."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    def lets(self, host: str, address: str) -> bool:
        """Say whether a connection may be made to `address`, which is what the name `host` led to."""
        if host.rstrip(".").lower() in self.hosts:
            return True
        try:
            # What follows % names a network card; where the address leads is decided by the rest.
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if any(parsed in network for network in self.networks):
            return True
        if isinstance(parsed, IPv4Address):
            return not any(parsed in network for network in _NOT_PUBLIC)
        return parsed in _GLOBAL and not any(parsed in network for network in _NOT_GLOBAL)


def fence_of(allowed: Sequence[str]) -> Fence:
    """Return the fence that lets `allowed` through, too: names of hosts, addresses, networks such as 10.1.0.0/16."""
    networks: list[IPv4Network | IPv6Network] = []
    hosts = set()
    for entry in allowed:
        try:
            networks.append(ip_network(entry))
        except ValueError:
            hosts.add(entry.lower())
    return Fence(networks=tuple(networks), hosts=frozenset(hosts))
