"""Who is calling from where, and what we are called: pure rules over what the wire says.

A header that anybody can write is believed only from a proxy that the operator named. The chain of
`X-Forwarded-For` is read from the right, because each hop appends the peer it saw: the first
address from the right that is not a trusted proxy is the caller, and what stands left of it is what
that caller claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]

UNKNOWN = "unknown"
"""The address of a caller whose connection has none, such as a Unix socket's."""

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def parse_networks(texts: Iterable[str]) -> Networks:
    """Addresses and CIDR ranges. Raises ValueError that names the text it cannot read."""
    networks: list[IPv4Network | IPv6Network] = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise ValueError(f"{text!r} is neither an address nor a CIDR range") from None
    return tuple(networks)


def parse_address(text: str) -> Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`, or None.

    An IPv4 address that is written as IPv6 (`::ffff:1.2.3.4`) is the IPv4 address, so that no
    firewall rule can be walked around by the other spelling.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_trusted(address: Address | None, trusted: Networks) -> bool:
    """Whether the operator named this address as a proxy."""
    return address is not None and any(address in network for network in trusted)


def client_address(*, peer: str | None, forwarded_for: Sequence[str], trusted: Networks) -> str:
    """The caller's address in its shortest spelling, or `UNKNOWN`.

    `peer` is the other end of the connection, `forwarded_for` the values of all
    `X-Forwarded-For` headers in the order they came. An entry that is no address ends the walk:
    what is left of it was not written by a trusted proxy.
    """
    nearest = parse_address(peer) if peer else None
    if nearest is None:
        return UNKNOWN
    if not is_trusted(nearest, trusted):
        return str(nearest)
    for entry in reversed(",".join(forwarded_for).split(",")):
        hop = parse_address(entry)
        if hop is None:
            break
        nearest = hop
        if not is_trusted(hop, trusted):
            break
    return str(nearest)


def base_url(
    *,
    public_url: str | None,
    scheme: str,
    host: str | None,
    server: str,
    forwarded_proto: str | None,
    forwarded_host: str | None,
    from_proxy: bool,
) -> str:
    """The address that links in answers start with, without a slash at the end.

    `public_url` wins. Else the request's own scheme and `Host`, or those that a trusted proxy
    forwards (its own, rightmost value). A name that could not be a host's is replaced by `server`,
    the address that took the connection: an answer never carries a link that a caller made up of
    anything but letters, digits, dots and a port.
    """
    if public_url is not None:
        return public_url.rstrip("/")
    if from_proxy:
        proto = (forwarded_proto or "").rpartition(",")[2].strip().lower()
        scheme = proto if proto in ("http", "https") else scheme
        host = (forwarded_host or "").rpartition(",")[2].strip() or host
    authority = host if host is not None and _HOST.fullmatch(host) else server
    return f"{scheme}://{authority}"
