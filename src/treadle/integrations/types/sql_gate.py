"""A gate between asyncpg and a PostgreSQL somewhere else.

asyncpg takes no connected socket, checks a certificate against the address that it is given, and
reads whatever it is sent. So it talks to a Unix socket of ours, for this one connection, behind
which stand the checked address, TLS under the host's name, and a bound on what comes back.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from treadle.integrations.errors import BrokenAnswer, TlsFailed
from treadle.integrations.guard import AddressGuard
from treadle.integrations.guarded_tcp import open_socket

PORT: Final = 5432
"""Of the Unix socket: part of its name."""
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
_PIECE: Final = 65_536


class Gate:
    """The way to one server, for one connection. `folder` is what asyncpg takes for a host."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder = folder
        self.overflowed = False
        self._room = max_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken = False

    async def join(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Carries bytes both ways until one side ends. A second caller is turned away."""
        if self._taken:
            near[1].close()
            return
        self._taken = True
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            out = asyncio.create_task(_carry(near[0], far[1]))
            back = asyncio.create_task(self._carry_back(far[0], near[1]))
            self._tasks |= {out, back}
            await asyncio.wait({out, back}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            return  # asyncio's server would report it as a fault
        finally:
            near[1].close()

    async def end(self) -> None:
        """Nothing is carried any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry_back(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(_PIECE):
                self._room -= len(piece)
                if self._room < 0:
                    self.overflowed = True
                    return
                target.write(piece)
                await target.drain()


@asynccontextmanager
async def open_gate(
    guard: AddressGuard, *, host: str, port: int, tls: ssl.SSLContext | None, max_bytes: int
) -> AsyncGenerator[Gate]:
    """Connected, under TLS if wanted, until the block ends.

    Raises OutboundRefused, ConnectFailed, TlsFailed, BrokenAnswer.
    """
    far = await _connect(guard, host=host, port=port, tls=tls)
    try:
        with tempfile.TemporaryDirectory(prefix="treadle-") as folder:
            gate = Gate(Path(folder), max_bytes=max_bytes)
            server = await asyncio.start_unix_server(
                lambda reader, writer: gate.join((reader, writer), far),
                Path(folder) / f".s.PGSQL.{PORT}",
            )
            try:
                yield gate
            finally:
                server.close()
                await gate.end()
                await server.wait_closed()
    finally:
        far[1].transport.abort()


async def _connect(
    guard: AddressGuard, *, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    sock = await open_socket(guard, host, port)
    try:
        if tls is None:
            return await asyncio.open_connection(sock=sock)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, _SSL_REQUEST)
        # Just this byte: what came behind it in the clear must not pass for something under TLS.
        if await loop.sock_recv(sock, 1) != b"S":
            raise TlsFailed(f"{host} offers no TLS")
        return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise TlsFailed(
            f"the certificate of {host} is not to be trusted: {error.verify_message}"
        ) from None
    except ssl.SSLError:
        sock.close()
        raise TlsFailed(f"no TLS connection to {host}") from None
    except OSError:
        sock.close()
        raise BrokenAnswer(f"{host} ended the connection early") from None
    except BaseException:
        sock.close()
        raise


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
