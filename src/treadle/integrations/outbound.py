"""HTTP to the outside: the one way for it in the whole program.

    call looked at (method, URL, headers)
      → name resolved, addresses checked, connection to a checked address   every time, and again
      → request                                                             at every redirect
      → answer read within its bounds, or an OutboundError

One deadline covers all of it: names, connections, redirects, a body that trickles. No cookies are
kept, no proxy or password is taken from the environment: calls of many tenants share one pool.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import httpcore
import httpx

from treadle.integrations.addresses import Allowed
from treadle.integrations.bodies import ACCEPTED_ENCODING, BodyReader
from treadle.integrations.errors import (
    BrokenAnswer,
    ConnectFailed,
    OutboundRefused,
    TooManyRedirects,
    deadline,
)
from treadle.integrations.guard import AddressGuard, Resolve, SystemResolver
from treadle.integrations.host_turns import HostTurns
from treadle.integrations.http_connections import Connections
from treadle.integrations.http_requests import HttpCall, http_call, port_of, redirected
from treadle.integrations.network import GuardedBackend

MAX_CONNECTIONS: Final = 200
"""Of one process, to all hosts."""
MAX_CALLS_PER_HOST: Final = 20
"""Of one process, at the same time."""
USER_AGENT: Final = "Treadle"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, of whatever status. `final_url` is where redirects led."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    final_url: str = field(repr=False)


class Outbound:
    """Guarded HTTP for one process. One event loop only."""

    def __init__(
        self,
        allowed: Allowed,
        *,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
        max_connections: int = MAX_CONNECTIONS,
        max_calls_per_host: int = MAX_CALLS_PER_HOST,
    ) -> None:
        """`resolve` and `ssl_context` are the system's unless given."""
        self._resolver = SystemResolver()
        self.guard = AddressGuard(allowed, resolve=resolve or self._resolver)
        self.ssl_context = ssl_context or _system_trust()
        self._turns = HostTurns(per_host=max_calls_per_host, together=max_connections)
        self._connections = Connections(GuardedBackend(self.guard), self.ssl_context)

    async def close(self) -> None:
        """Closes what is kept open. Call it when no request is under way."""
        await self._connections.close()
        self._resolver.close()

    async def request(
        self,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        timeout_seconds: float,
        max_response_bytes: int,
        allow_redirects: bool = True,
        max_redirects: int = 5,
    ) -> Response:
        """The answer. Without `allow_redirects` a redirect is an answer like any other.

        Raises OutboundError.
        """
        call = http_call(method=method, url=url, headers=headers, content=content)
        redirects = max_redirects if allow_redirects else None
        with deadline(timeout_seconds, place=call.place):
            return await self._follow(call, redirects=redirects, max_bytes=max_response_bytes)

    async def _follow(self, call: HttpCall, *, redirects: int | None, max_bytes: int) -> Response:
        hops = 0
        while True:
            found = await self._exchange(call, follows=redirects is not None, max_bytes=max_bytes)
            if isinstance(found, Response):
                return found
            if redirects is None or hops >= redirects:
                raise TooManyRedirects(f"{call.place} redirects once more, after {hops} redirects")
            hops += 1
            call = found

    async def _exchange(
        self, call: HttpCall, *, follows: bool, max_bytes: int
    ) -> Response | HttpCall:
        """The answer, or the call that it asks for instead."""
        url = httpcore.URL(
            scheme=call.url.raw_scheme,
            host=call.url.raw_host,
            port=port_of(call.url),
            target=call.url.raw_path,
        )
        async with (
            self._turns.turn(call.url.host),
            self._connections.connection(url.origin) as connection,
        ):
            with _failures_of(call):
                async with connection.stream(
                    call.method,
                    url,
                    headers=_sent_headers(call),
                    content=_sent_content(call),
                ) as answer:
                    headers = httpx.Headers(answer.headers)
                    if follows:
                        location = headers.get("location")
                        following = redirected(call, status=answer.status, location=location)
                        if following is not None:
                            return following
                    body = await _read_body(answer, headers, max_bytes=max_bytes, place=call.place)
        return Response(answer.status, headers, body, str(call.url))


def _sent_headers(call: HttpCall) -> list[tuple[str | bytes, str | bytes]]:
    names = {name.lower() for name, _ in call.headers}
    headers: list[tuple[str | bytes, str | bytes]] = [
        ("Host", call.url.netloc),
        ("Accept-Encoding", ACCEPTED_ENCODING),
        *call.headers,
    ]
    if "user-agent" not in names:
        headers.append(("User-Agent", USER_AGENT))
    if "accept" not in names:
        headers.append(("Accept", "*/*"))
    return headers


def _sent_content(call: HttpCall) -> bytes | None:
    """A method that means a body says that it has none, which some servers insist on."""
    if call.content is None and call.method in ("POST", "PUT", "PATCH"):
        return b""
    return call.content


@cache
def _system_trust() -> ssl.SSLContext:
    """Trusts whom the system trusts. Loading all the certificates takes longer than many a call."""
    return httpx.create_ssl_context()


async def _read_body(
    answer: httpcore.Response, headers: httpx.Headers, *, max_bytes: int, place: str
) -> bytes:
    encoding = headers.get("content-encoding", "")
    reader = BodyReader(encoding=encoding, max_bytes=max_bytes, place=place)
    async for piece in answer.aiter_stream():
        reader.feed(piece)
    return reader.finish()


@contextmanager
def _failures_of(call: HttpCall) -> Generator[None]:
    """What the library raises, as what the caller is told."""
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout):
        raise ConnectFailed(f"{call.place} takes no connection: check host and port") from None
    except httpcore.LocalProtocolError:
        raise OutboundRefused(f"the request to {call.place} cannot be sent as HTTP") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError):  # ssl.SSLError is an OSError
        raise BrokenAnswer(
            f"{call.place} ended the connection early, or answered what is not HTTP"
        ) from None
