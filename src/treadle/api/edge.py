"""What happens to every request before and after its route: one pure ASGI middleware.

1. It gets an id: the caller's, if it is one we would print, else our own.
2. Who calls from where, and how its body may be read, is put into the scope.
3. The head of the answer gets the id and the headers that keep browsers careful.
4. An error that nobody handled becomes a 500 that tells nothing; the log has the rest.
5. One log line and the metrics, by the route's pattern and never by the path.
6. Logins and token requests are counted by address, and refused when there are too many.
7. A refusal is noted for the audit log, whoever refused.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import Any, Final, cast

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from treadle.api.addresses import Networks, client_address, is_trusted, parse_address
from treadle.api.bodies import limit_body
from treadle.api.errors import bug, note_refusal, problem_of, render
from treadle.api.origins import refusal_of
from treadle.core.clock import Clock
from treadle.core.errors import BadInput
from treadle.core.ids import new_id
from treadle.identity.lockout import place_of
from treadle.identity.rate_limit import RateLimit
from treadle.identity.refusals import Refusals
from treadle.metrics import Metrics

log = structlog.get_logger()

NO_ROUTE: Final = "(none)"
"""The route of a request whose path is nobody's, in metrics and log."""

COUNTED_PATHS: Final = frozenset(
    {
        "/api/login",
        "/api/login/refresh",
        "/connect/token",
        "/v1/invitations/read",
        "/v1/invitations/accept",
    }
)
"""Where credentials are given out or tried: every request is counted, for its address."""

_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_GONE: Final = 499
"""In log and metrics only: the caller hung up, nothing was answered."""
_QUIET_ROUTES: Final = frozenset({"/health/live", "/health/ready", "/metrics"})

# A route that sets one of these itself (the console's pages, files) keeps its own.
_DEFAULT_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


class Edge:
    """The middleware. `max_body_bytes` holds for all but uploads (see `treadle.api.bodies`)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        refusals: Refusals,
        anonymous: RateLimit,
        clock: Clock,
        trusted_proxies: Networks,
        max_body_bytes: int,
    ) -> None:
        self._app = app
        self._refusals = refusals
        self._anonymous = anonymous
        self._clock = clock
        self._metrics = metrics
        self._trusted = trusted_proxies
        self._max_body = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        state = scope.setdefault("state", {})
        state["request_id"] = exchange.request_id
        state["client_address"] = _client(scope, self._trusted)
        state["from_proxy"] = bool(self._trusted) and _from_proxy(scope, self._trusted)
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            await self._answer(scope, receive, exchange)
        finally:
            self._record(scope, exchange)
            structlog.contextvars.unbind_contextvars("request_id", "principal")

    async def _answer(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                raise BadInput("the address has a NUL character (%00)", field="path")
            if scope["path"] in COUNTED_PATHS:
                place = place_of(scope["state"]["client_address"])
                self._anonymous.take(place, now=self._clock().timestamp())
            bounded = limit_body(
                scope,
                receive,
                limit=self._max_body,
                declared=_content_length(scope),
            )
            await self._app(scope, bounded, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or _CLIENT_GONE
        except Exception as error:
            await self._fail(scope, receive, exchange, error)

    async def _fail(
        self, scope: Scope, receive: Receive, exchange: _Exchange, error: Exception
    ) -> None:
        problem = problem_of(error)
        if problem is None:
            log.exception("request_bug", method=scope["method"], route=_route(scope))
            problem = bug(exchange.request_id)
        note_refusal(scope, error)
        if exchange.status is None:
            response: Response = render(scope["path"], problem)
            await response(scope, receive, exchange.send)
        # Else the head is out with another status. The server, seeing no end of the answer,
        # closes the connection, and the caller sees that the answer is cut.

    def _record(self, scope: Scope, exchange: _Exchange) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = _route(scope)
        status = exchange.status or _CLIENT_GONE
        seconds = (exchange.answered_at or perf_counter()) - exchange.started_at
        self._metrics.http_requests.labels(method, route, str(status)).inc()
        self._metrics.http_request_seconds.labels(method, route).observe(seconds)
        refusal = refusal_of(scope, route=route)
        if refusal is not None:
            self._refusals.note(refusal, now=self._clock())
        write = log.debug if route in _QUIET_ROUTES else log.info
        write(
            "request",
            method=method,
            route=route,
            path=scope["path"][:200],
            status=status,
            ms=round(seconds * 1000, 2),
            client=scope["state"]["client_address"],
        )


class _Exchange:
    """One request and what has been answered to it so far."""

    __slots__ = ("_send", "answered_at", "request_id", "started_at", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.started_at = perf_counter()
        self.answered_at: float | None = None
        self.status: int | None = None
        self.request_id = _request_id(scope)
        self._send = send

    async def send(self, message: Message) -> None:
        """Passes the answer on, its head with our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered_at = perf_counter()
            message["headers"] = self._with_ours(message.get("headers", ()))
        await self._send(message)

    def _with_ours(self, headers: Any) -> list[tuple[bytes, bytes]]:
        # A new list: a response that is answered more than once owns the one it came with.
        answered = list(cast("list[tuple[bytes, bytes]]", headers))
        names = {name for name, _ in answered}
        answered.extend(header for header in _DEFAULT_HEADERS if header[0] not in names)
        answered.append((b"x-request-id", self.request_id.encode()))
        return answered


def _request_id(scope: Scope) -> str:
    given = _header(scope, b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return str(new_id())


def _client(scope: Scope, trusted: Networks) -> str:
    peer = scope["client"]
    forwarded = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
    ]
    return client_address(peer=peer[0] if peer else None, forwarded_for=forwarded, trusted=trusted)


def _from_proxy(scope: Scope, trusted: Networks) -> bool:
    peer = scope["client"]
    return peer is not None and is_trusted(parse_address(peer[0]), trusted)


def _content_length(scope: Scope) -> int | None:
    """What the request says of its length. The server refuses what is no number."""
    text = _header(scope, b"content-length")
    return int(text) if text is not None and text.isdigit() else None


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return cast("bytes", value)
    return None


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return NO_ROUTE if route is None else cast("str", route.path)
