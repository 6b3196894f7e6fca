"""Request bodies: how large they may be, and how JSON is read.

Every body is counted while it is read, whether it says its length or comes in chunks. JSON is read
whatever the Content-Type says: clients that set none, or the wrong one, mean JSON all the same, and
without cookies a Content-Type guards nothing. What JSON may hold is bounded here, once, so that
nothing a caller sends can reach PostgreSQL and fail there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from treadle.core.errors import BadInput, TooDeep, TooLarge
from treadle.core.json import Json, parse

UPLOAD_OVERHEAD_BYTES: Final = 64 * 1024
"""What a multipart upload may have around its file: boundaries, headers, small fields."""

_BODY: Final = "treadle.body"


class BodyLimit:
    """How much of this request's body may still be read. One for each request, in its scope."""

    def __init__(self, *, limit: int, declared: int | None) -> None:
        self._limit = limit
        self._declared = declared
        self._seen = 0

    def admit(self, limit: int) -> None:
        """Sets another limit, before the body is read. Raises TooLarge if it says it is longer."""
        self._limit = limit
        self.refuse_declared()

    def refuse_declared(self) -> None:
        """Raises TooLarge if the request says itself that it is over the limit."""
        if self._declared is not None and self._declared > self._limit:
            raise self._too_large()

    def counting(self, receive: Receive) -> Receive:
        """`receive`, which raises TooLarge as soon as the body is over the limit."""

        async def counted() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._seen += len(message.get("body", b""))
                if self._seen > self._limit:
                    raise self._too_large()
            return message

        return counted

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The request body is over {self._limit} bytes.", field="body")


def limit_body(scope: Scope, receive: Receive, *, limit: int, declared: int | None) -> Receive:
    """Puts a BodyLimit into the scope; what it returns is to be read from."""
    bound = BodyLimit(limit=limit, declared=declared)
    scope[_BODY] = bound
    return bound.counting(receive)


def admit_upload(request: Request, *, max_bytes: int) -> None:
    """Lets this request's body be as large as a file of `max_bytes` makes it.

    Call it when the caller is known: a stranger gets no further than a small body. Raises TooLarge.
    """
    _limit_of(request).admit(max_bytes + UPLOAD_OVERHEAD_BYTES)


def _limit_of(request: Request) -> BodyLimit:
    return cast("BodyLimit", request.scope[_BODY])


def takes_upload(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Marks an endpoint that calls `admit_upload`: its body is not measured before that."""
    endpoint.__dict__[_BODY] = True
    return endpoint


def parse_json(raw: bytes) -> Json:
    """The JSON value. Raises TooLarge for what nests too deep, and BadInput for what is not JSON or
    holds a NUL character, which PostgreSQL's text cannot.
    """
    try:
        value = parse(raw)
    except TooDeep as error:
        raise TooLarge(error.message) from None
    if b"\\u0000" in raw and _holds_nul(value):
        raise BadInput("the body has a NUL character (\\u0000) in a text", field="body")
    return value


def _holds_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(_holds_nul(inner) for inner in value)
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(inner) for key, inner in value.items())
    return False


class _ReadRequest(Request):
    """A request whose body is read and parsed already."""

    def __init__(self, request: Request, raw: bytes, value: Json) -> None:
        # FastAPI looks at the Content-Type before it asks for JSON; without one it just asks.
        headers = [header for header in request.scope["headers"] if header[0] != b"content-type"]
        super().__init__({**request.scope, "headers": headers}, request.receive)
        self._raw = raw
        self._value = value

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._value


class EdgeRoute(APIRoute):
    """The route class of every router: refuses oversized bodies first, reads JSON our way.

    An empty body is no body: whether one is needed is what the endpoint's signature says.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["strict_content_type"] = False
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the reading of the body."""
        handle = super().get_route_handler()
        if _BODY in self.endpoint.__dict__:
            return handle
        if self.body_field is None or isinstance(self.body_field.field_info, Form):

            async def handle_measured(request: Request) -> Response:
                _limit_of(request).refuse_declared()
                return await handle(request)

            return handle_measured

        async def handle_json(request: Request) -> Response:
            _limit_of(request).refuse_declared()
            raw = await request.body()
            return await handle(_ReadRequest(request, raw, parse_json(raw) if raw else None))

        return handle_json
