"""From a host's name to addresses that a connection may be made to.

A name is resolved once per connection, and the connection is made to the address that was checked,
never to the name again: a name server that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final, TypeAlias

from treadle.integrations.addresses import Address, Allowed, canonical_address, parse_literal
from treadle.integrations.errors import ConnectFailed, OutboundRefused

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Host and port to addresses, best first. Raises OSError where there are none."""

CONNECT_SECONDS: Final = 5.0
"""How long one of several addresses may take before the next is tried."""
_MAX_ADDRESSES: Final = 4
_RESOLVER_THREADS: Final = 16


class SystemResolver:
    """The system's own resolver, in threads of its own: names that somebody else's name server
    answers slowly must not take the threads in which this process hashes passwords and reads files.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Raises OSError where the name has no address."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _lookup, host, port)

    def close(self) -> None:
        """Takes no more names. What is being looked up ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _lookup(host: str, port: int) -> Sequence[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(sockaddr[0])) for *_, sockaddr in found]


class AddressGuard:
    """Says which addresses a connection to a host may be made to."""

    def __init__(self, allowed: Allowed, *, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Addresses of the host to try in this order, at least one, all of them checked.

        Raises OutboundRefused, and ConnectFailed for a name that does not resolve.
        """
        literal = parse_literal(host)
        found = [literal] if literal is not None else await self._resolved(host, port)
        if not self._allowed.allows_host(host):
            found = [address for address in found if self._allowed.allows(address)]
        if not found:
            raise OutboundRefused(
                f"{host} leads to an address that calls may not go to: private, loopback,"
                " link-local, metadata and reserved addresses are refused unless the operator of"
                " this installation lists them in TREADLE_OUTBOUND_ALLOWED"
            )
        return found[:_MAX_ADDRESSES]

    async def _resolved(self, host: str, port: int) -> list[Address]:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):  # UnicodeError: a label that is too long or empty
            found = ()
        if not found:
            raise ConnectFailed(f"{host} has no address: check the name, or try again later")
        return list(dict.fromkeys(canonical_address(address) for address in found))
