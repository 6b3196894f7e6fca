"""Which addresses calls may go to: a pure rule.

Refused is what is not an ordinary public unicast address by IANA's registries of special-purpose
addresses (RFC 6890 and its updates), written out here because what Python's `is_global` says has
changed from one version to the next; and the addresses behind which clouds answer with a machine's
own credentials. An IPv6 address that carries an IPv4 address (mapped, 6to4, NAT64) is as good or as
bad as what it carries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_REFUSED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is a metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # public by number, but one cloud's platform service
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a metadata service
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_V6: Final = IPv6Network("2000::/3")
"""All the unicast space that is given out. Loopback, link-local, unique local (fd00:ec2::254 is a
metadata service), multicast and everything reserved lie outside."""
_REFUSED_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_HOST_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the installation allows beyond public addresses: networks, and hosts by their name."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Allowed:
        """From addresses, CIDR ranges and host names. Raises ValueError that names the text."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for text in texts:
            try:
                networks.append(ip_network(text, strict=False))
            except ValueError:
                host = host_key(text)
                # What looks like an address is a mistake in one, not a name.
                if not _HOST_NAME.fullmatch(host) or re.fullmatch(r"[\d./]+", host):
                    raise ValueError(
                        f"{text!r} is neither an address, nor a CIDR range, nor a host name"
                    ) from None
                hosts.add(host)
        return cls(tuple(networks), frozenset(hosts))

    def allows_host(self, host: str) -> bool:
        """Whether calls to this name may go wherever it resolves to."""
        return host_key(host) in self.hosts

    def allows(self, address: Address) -> bool:
        """Whether calls may go to this address."""
        meant = _meant_by(address)
        return any(meant in network for network in self.networks) or _is_public(meant)


def host_key(host: str) -> str:
    """One spelling for one name: small letters, no dot at the end."""
    return host.strip().lower().removesuffix(".")


def is_host(text: str) -> bool:
    """Whether the text can be a host at all: an address, or a name (in ASCII, punycode and all)."""
    return parse_literal(text) is not None or _HOST_NAME.fullmatch(host_key(text)) is not None


def parse_literal(host: str) -> Address | None:
    """The address that the host is, or None for a name."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    return canonical_address(address)


def canonical_address(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 (`::ffff:1.2.3.4`) is the IPv4 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _meant_by(address: Address) -> Address:
    """Where packets to this address end up: itself, or the IPv4 address that it carries."""
    address = canonical_address(address)
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _REFUSED_V6)
