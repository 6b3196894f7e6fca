"""The host's end of the control socket between a sandbox and the server.

A unix socket that keeps message borders. The kernel stamps every message with its sender's pid, so
what process 1 says (hello, how the code ended) cannot be told by the code, whatever it does to
the descriptors that it finds. Its result is read as what it is: bytes from a stranger.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass
from typing import Any

from treadle.sandbox.descriptors import readable, writable
from treadle.sandbox.inside import treadle_harness as harness

_CREDENTIALS = struct.Struct("iii")  # struct ucred: pid, uid, gid
_OVERHEAD_BYTES = 64 * 1024
"""Room for the JSON around a result, or for an error's text."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What process 1 reports of the code's main process: its wait status and memory peak."""

    status: int
    max_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Reports:
    """All that came over the socket. `document` is None where the code sent no (whole) result."""

    ended: Ended | None
    document: bytes | None
    too_large: bool


class ControlSocket:
    """The host's end; `inner` is the end to pass to the sandbox and to close here then."""

    def __init__(self) -> None:
        self._socket, self.inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def close(self) -> None:
        """Closes what is still open of both ends."""
        self._socket.close()
        self.inner.close()

    def send_code(self, code: bytes) -> None:
        """Puts the compiled harness in first, for its boot line to read."""
        self._socket.send(code)

    async def hello(self, *, or_done: asyncio.Future[Any]) -> int | None:
        """The pid (in our namespace) of process 1, once it is ready; None if it never will be."""
        while True:
            try:
                message, pid = self._receive()
            except BlockingIOError:
                if or_done.done():
                    return None
                await readable(self._socket.fileno(), or_done=or_done)
                continue
            return pid if message == harness.HELLO else None

    async def send_orders(self, orders: bytes) -> None:
        """Hands the orders over. A sandbox that died meanwhile shows as its end, not here."""
        data = len(orders).to_bytes(8, "little") + orders
        for start in range(0, len(data), harness.MESSAGE_BYTES):
            part = data[start : start + harness.MESSAGE_BYTES]
            while True:
                try:
                    self._socket.send(part)
                except BlockingIOError:
                    await writable(self._socket.fileno())
                except (BrokenPipeError, ConnectionResetError):
                    return
                else:
                    break

    async def reports(
        self, *, process_1: int, result_bytes: int, or_done: asyncio.Future[Any]
    ) -> Reports:
        """What came until process 1 reports the end, or until `or_done` and the rest is read.

        The first whole document counts. Returns early, `too_large`, when more comes than a result
        within `result_bytes` can need: the sandbox is to be stopped then, before its flood of
        messages keeps the server busy.
        """
        bound = result_bytes + _OVERHEAD_BYTES
        messages = bound // harness.MESSAGE_BYTES + 16
        document: bytes | None = None
        parts = bytearray()
        while True:
            try:
                message, pid = self._receive()
            except BlockingIOError:
                if or_done.done():
                    return Reports(ended=None, document=document, too_large=False)
                await readable(self._socket.fileno(), or_done=or_done)
                continue
            if pid == 0 or (pid == process_1 and message.startswith(harness.ENDED)):
                return Reports(ended=_parse_ended(message), document=document, too_large=False)
            parts += message[1:]
            messages -= 1
            if len(parts) > bound or messages == 0:
                return Reports(ended=None, document=None, too_large=True)
            if document is None and message.startswith(harness.RESULT_END):
                document = bytes(parts)

    def _receive(self) -> tuple[bytes, int]:
        """One message and its sender's pid, which is 0 when nobody is left to send any."""
        try:
            message, ancillary, _, _ = self._socket.recvmsg(
                harness.MESSAGE_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size)
            )
        except ConnectionResetError:
            return b"", 0
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                return message, _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
        return b"", 0


def _parse_ended(message: bytes) -> Ended | None:
    """None for nonsense: where the server is no root, the code can take process 1 over."""
    found = re.fullmatch(harness.ENDED + rb"(\d{1,9}) (\d{1,18})", message)
    return Ended(int(found[1]), int(found[2])) if found else None
