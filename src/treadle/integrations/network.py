"""The guard as httpcore's network backend: each new connection goes to a checked address."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any, cast

import anyio
import httpcore

from treadle.integrations.errors import TlsFailed
from treadle.integrations.guard import CONNECT_SECONDS, AddressGuard


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to checked addresses only.

    httpcore asks it with the host's name; it connects to the address. The name stays what TLS and
    the header `Host` say, because both are made above this.
    """

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._inner = _plain_backend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises OutboundRefused, ConnectFailed, httpcore.ConnectError, httpcore.ConnectTimeout."""
        *others, last = await self._guard.addresses(host, port)
        for address in others:
            try:
                return GuardedStream(
                    await self._inner.connect_tcp(
                        str(address), port, CONNECT_SECONDS, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return GuardedStream(
            await self._inner.connect_tcp(str(last), port, timeout, local_address, socket_options)
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a socket's path is inside by nature."""
        raise httpcore.UnsupportedProtocol("no calls to Unix sockets")

    async def sleep(self, seconds: float) -> None:
        """For httpcore's own retries."""
        await self._inner.sleep(seconds)


def _plain_backend() -> httpcore.AsyncNetworkBackend:
    # httpcore's types show the class as it is where anyio is missing, which it is not here.
    return cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())


class GuardedStream(httpcore.AsyncNetworkStream):
    """A connection that is closed, too, when TLS is given up in the middle: httpcore's own leaves
    it to the garbage collector when a deadline strikes there.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
    ) -> bytes:
        """The next bytes, none at the end."""
        return await self._inner.read(max_bytes, timeout)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
    ) -> None:
        """Sends all of it."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Ends the connection."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, under TLS. Raises TlsFailed."""
        try:
            return await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self._inner.aclose()
            if isinstance(error, httpcore.ConnectError):
                raise tls_failed(server_hostname or "the host", error.__cause__) from None
            raise

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about a connection."""
        return self._inner.get_extra_info(info)


def tls_failed(host: str, cause: BaseException | None) -> TlsFailed:
    """What the caller is told when TLS does not come about."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TlsFailed(f"the certificate of {host} is not to be trusted: {cause.verify_message}")
    return TlsFailed(f"no TLS connection to {host}: does it speak TLS at this port?")
