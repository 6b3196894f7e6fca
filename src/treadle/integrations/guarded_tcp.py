"""Guarded TCP for what is not HTTP."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv6Address
from typing import Final

from treadle.integrations.errors import ConnectFailed
from treadle.integrations.guard import CONNECT_SECONDS, AddressGuard

_NO_DELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def open_socket(guard: AddressGuard, host: str, port: int) -> socket.socket:
    """A connected socket to a checked address of the host; the caller closes it.

    Raises OutboundRefused, ConnectFailed.
    """
    loop = asyncio.get_running_loop()
    for address in await guard.addresses(host, port):
        family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(*_NO_DELAY)
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.sock_connect(sock, (str(address), port))
        except OSError:  # TimeoutError is one
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise ConnectFailed(f"{host}:{port} takes no connection: check host and port")
