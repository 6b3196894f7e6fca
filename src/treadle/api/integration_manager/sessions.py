"""Logging in and out (contract §2)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Caller, Context, access_token, client_address_of
from treadle.api.origins import origin_of
from treadle.api.wire import snake_case
from treadle.core.errors import BadInput
from treadle.core.ids import secret_hash
from treadle.identity import sessions
from treadle.identity.client_tokens import is_client_token, revoke_token
from treadle.identity.model import Tokens
from treadle.identity.refusals import NameClaim, TokenClaim
from treadle.identity.usernames import fold_username

router: Final = APIRouter(route_class=EdgeRoute, tags=["Login"])


class Login(BaseModel):
    """Who wants to log in."""

    model_config = snake_case(example={"username": "admin", "password": "correct horse battery"})

    username: str
    password: str


class Refresh(BaseModel):
    """The refresh token of the last login or refresh; it is used up by this."""

    model_config = snake_case(
        example={"refresh_token": "tdl_rt_fVbEDUKDqNGmXkHZUFmVrXWgNpBe2hnOMUPPmHuGGXg"}
    )

    refresh_token: str


class TokensBody(BaseModel):
    """The credentials of a session."""

    model_config = snake_case(
        example={
            "access_token": "tdl_at_Kx2vqMBR0yZ0CkG0GZzQ4gJ8k1mVQw3nY2sVt5oXhZc",
            "token_type": "bearer",
            "refresh_token": "tdl_rt_fVbEDUKDqNGmXkHZUFmVrXWgNpBe2hnOMUPPmHuGGXg",
            "expires_in": 36000,
        }
    )

    access_token: str = Field(description="For `Authorization: Bearer <access_token>`.")
    token_type: str = "bearer"  # noqa: S105 - the kind of a token
    refresh_token: str = Field(description="For one call of `/api/login/refresh`.")
    expires_in: int = Field(description="Seconds that the access token lives.")


def _tokens_body(tokens: Tokens, response: Response) -> TokensBody:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return TokensBody(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_in=tokens.expires_in,
    )


@router.post("/api/login", summary="Log in", operation_id="login")
async def log_in(
    *, body: Login, request: Request, response: Response, context: Context
) -> TokensBody:
    """Opens a session for a person. A wrong name, a wrong password, an inactive user and a lock-out
    (5 failures within 15 minutes for a user name and address) are all the same 401.
    """
    # For the audit log, should the login be refused.
    request.state.claim = NameClaim(fold_username(body.username))
    tokens = await sessions.log_in(
        context.database,
        username=body.username,
        password=body.password,
        address=client_address_of(request),
        origin=origin_of(request.scope),
        passwords=context.passwords,
        lockout=context.lockout,
        now=context.clock(),
    )
    return _tokens_body(tokens, response)


@router.post("/api/login/refresh", summary="Get new tokens", operation_id="refreshLogin")
async def refresh(
    *, body: Refresh, request: Request, response: Response, context: Context
) -> TokensBody:
    """Gives new tokens for a refresh token, which works once: used a second time, it ends the whole
    session, because then somebody has a copy.
    """
    # For the audit log, should the token be refused.
    request.state.claim = TokenClaim(secret_hash(body.refresh_token))
    tokens = await sessions.refresh(
        context.database,
        refresh_token=body.refresh_token,
        origin=origin_of(request.scope),
        now=context.clock(),
    )
    return _tokens_body(tokens, response)


@router.post("/api/logout", summary="Log out", operation_id="logout", status_code=204)
async def log_out(*, request: Request, caller: Caller, context: Context) -> None:
    """Ends the session that the access token belongs to, at once and everywhere. Of an API key's
    token only this one ends; the key itself has nothing to end: 400.
    """
    token = access_token(request)
    if token is None:
        raise BadInput("An API key has no session: rotate or delete it.", field="X-Api-Key")
    if is_client_token(token):
        await revoke_token(context.database, caller, access_token=token, now=context.clock())
    else:
        await sessions.log_out(
            context.database, token=token, origin=caller.origin, now=context.clock()
        )
