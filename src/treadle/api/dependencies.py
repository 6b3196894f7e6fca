"""What a route's signature asks for: the caller, the right it takes, the transaction.

    async def create_user(
        body: NewUser, caller: Annotated[Principal, needs(Right.USERS_WRITE)], tx: Tx
    ) -> UserBody:

Every route names its caller (`Caller`, `needs`, `needs_somewhere`, …) or stands in PUBLIC; a test
holds us to it. The caller stands before the transaction, so that a stranger costs no connection.

One header is enough. `Authorization: Bearer` is looked at first; where it is there, `X-Api-Key` is
not looked at, be the token good or bad.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, cast
from uuid import UUID

import structlog
from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from treadle.api.addresses import base_url
from treadle.api.context import AppContext, context_of
from treadle.api.origins import origin_of
from treadle.core.errors import Forbidden, Unauthenticated
from treadle.db.transaction import Transaction
from treadle.identity.client_tokens import is_client_token
from treadle.identity.key_authentication import authenticate_client_token, authenticate_key
from treadle.identity.lockout import place_of
from treadle.identity.model import Principal
from treadle.identity.rights import Right, require, require_a_role, require_somewhere
from treadle.identity.sessions import authenticate

PUBLIC: Final = frozenset(
    {
        ("POST", "/api/login"),
        ("POST", "/api/login/refresh"),
        ("POST", "/connect/token"),
        ("POST", "/v1/invitations/read"),
        ("POST", "/v1/invitations/accept"),
        ("GET", "/v1/workflows/answers/{token}"),
        ("POST", "/v1/workflows/answers/{token}"),
        ("GET", "/api/product/info"),
        ("GET", "/postman/collection.json"),
        ("GET", "/postman/environment.json"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
    }
)
"""The routes that anybody may call; all others know their caller."""

NO_CREDENTIAL: Final = "A credential is needed: Authorization: Bearer <access token>, or X-Api-Key."


async def context(request: Request) -> AppContext:
    """The parts of the application."""
    return context_of(request)


async def caller(request: Request) -> Principal:
    """Who calls, with the roles of this moment; asked of the database once a request.

    Raises Unauthenticated, TooManyRequests, and Forbidden for an API key that is used in the wrong
    place or has no role at all.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = replace(await _known(request), origin=origin_of(request.scope))
        request.state.principal = known
        structlog.contextvars.bind_contextvars(principal=known.ref)
        parts = context_of(request)
        parts.limits.principals.take(known.ref, now=parts.clock().timestamp())
    return known


def access_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer <token>`, or None where that header says nothing such."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


async def _known(request: Request) -> Principal:
    """As `_authenticated`; failures are counted by address. A good credential is never refused for
    the failures of others at its address.
    """
    try:
        return await _authenticated(request)
    except Unauthenticated:
        parts, place = context_of(request), place_of(client_address_of(request))
        parts.limits.addresses.take(place, now=parts.clock().timestamp())
        raise


async def _authenticated(request: Request) -> Principal:
    parts = context_of(request)
    token, api_key = access_token(request), request.headers.get("x-api-key")
    if token is not None and not is_client_token(token):
        return await authenticate(parts.lookups, access_token=token, now=parts.clock())
    if token is None and api_key is None:
        raise Unauthenticated(NO_CREDENTIAL)
    return await _authenticated_key(request, parts, token, api_key or "")


async def _authenticated_key(
    request: Request, parts: AppContext, token: str | None, api_key: str
) -> Principal:
    address, now = client_address_of(request), parts.clock()
    if token is not None:
        key = await authenticate_client_token(
            parts.lookups, access_token=token, address=address, now=now
        )
    else:
        key = await authenticate_key(parts.lookups, api_key=api_key, address=address, now=now)
    parts.key_usage.note(UUID(key.id), address=address, now=now)
    # People without a role still have an account of their own; a key has nothing.
    require_a_role(key)
    return key


@dataclass(frozen=True, slots=True)
class Needs:
    """The dependency that the functions below make. The documentation reads `right`."""

    right: Right
    place: Literal["the tenant", "somewhere", "a project"]

    async def __call__(self, request: Request) -> Principal:
        """The caller, who has the right. Raises Unauthenticated, Forbidden."""
        principal = await caller(request)
        if self.place == "the tenant":
            require(principal, self.right)
        elif not require_somewhere(principal, self.right) and self.place == "a project":
            raise Forbidden("You are not a member of any project.")
        return principal


def needs(right: Right) -> Any:
    """The caller, who must have this right in the tenant."""
    return Depends(Needs(right, "the tenant"))


def needs_in_a_project(right: Right) -> Any:
    """The caller, who must have this right in one project at least: for what belongs to no project
    and is read by those who work in one.
    """
    return Depends(Needs(right, "a project"))


def needs_somewhere(right: Right) -> Any:
    """The caller, who must have this right in one project at least (or see none at all: then
    whatever is asked for is not found). In which one is the service's question.
    """
    return Depends(Needs(right, "somewhere"))


async def transaction(request: Request) -> AsyncIterator[Transaction]:
    """A transaction of the caller's tenant: committed before the answer leaves, rolled back if the
    route raises. Raises Unauthenticated, DatabaseUnavailable.
    """
    principal = await caller(request)
    async with context_of(request).database.tenant(principal.tenant_id) as tx:
        yield tx


async def base(request: Request) -> str:
    """What absolute links in the answer begin with: `https://treadle.example`."""
    host, port = request.scope["server"] or ("localhost", None)
    return base_url(
        public_url=context_of(request).settings.public_url,
        scheme=request.scope["scheme"],
        host=request.headers.get("host"),
        server=host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        forwarded_proto=request.headers.get("x-forwarded-proto"),
        forwarded_host=request.headers.get("x-forwarded-host"),
        from_proxy=request.state.from_proxy,
    )


def client_address_of(request: Request) -> str:
    """The caller's address, or `unknown` (see `treadle.api.addresses`)."""
    return cast("str", request.state.client_address)


Context = Annotated[AppContext, Depends(context)]
Caller = Annotated[Principal, Depends(caller)]
"""Anybody who is known here, whatever the role: for what is the caller's own."""
# Without this scope FastAPI answers before the commit, and says 200 when the commit fails.
Tx = Annotated[Transaction, Depends(transaction, scope="function")]
Base = Annotated[str, Depends(base)]


def dependencies_of(route: APIRoute) -> Iterator[Any]:
    """Everything that the route depends on, at any depth."""
    waiting: list[Dependant] = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        for inner in dependant.dependencies:
            yield inner.call
            waiting.append(inner)


def names_caller(route: APIRoute) -> bool:
    """Whether the route knows who calls."""
    return any(call is caller or isinstance(call, Needs) for call in dependencies_of(route))


def right_of(route: APIRoute) -> Right | None:
    """The right that the route takes by its signature."""
    rights = (call.right for call in dependencies_of(route) if isinstance(call, Needs))
    return next(rights, None)
