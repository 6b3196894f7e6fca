"""`/connect/token`: an API key's client id and secret for an access token, as RFC 6749 says."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Context, client_address_of
from treadle.api.wire import snake_case
from treadle.core.errors import BadInput
from treadle.core.ids import parse_id
from treadle.identity.client_tokens import issue_token
from treadle.identity.key_authentication import InvalidClient
from treadle.identity.refusals import KeyClaim

router: Final = APIRouter(route_class=EdgeRoute, tags=["Tokens"])

_MAX_PARAMETERS: Final = 50
_FORM: Final = "application/x-www-form-urlencoded"
_SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")
_MAX_SCOPE: Final = 1000
_NO_CLIENT: Final = "Send client_id and client_secret, in the form or as Basic authentication."


_REQUEST: Final = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                        "scope": {
                            "type": "string",
                            "description": "Anything: what a key may do follows from its roles.",
                        },
                    },
                },
                "example": {
                    "grant_type": "client_credentials",
                    "client_id": "3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f",
                    "client_secret": "tdl_cs_…",
                    "scope": "webApi",
                },
            }
        },
    }
}


class TokenBody(BaseModel):
    """An access token."""

    model_config = snake_case(
        example={
            "access_token": "tdl_ct_Kx2vqMBR0yZ0CkG0GZzQ4gJ8k1mVQw3nY2sVt5oXhZc",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
    )

    access_token: str = Field(description="For `Authorization: Bearer <access_token>`.")
    token_type: str = "Bearer"  # noqa: S105 - the kind of a token
    expires_in: int = Field(description="Seconds that the token lives, if its key does.")


class InvalidRequest(BadInput):
    """The request is not what RFC 6749 describes."""

    code = "invalid_request"


class InvalidScope(BadInput):
    """The scope has characters that no scope has."""

    code = "invalid_scope"


class UnsupportedGrantType(BadInput):
    """Only client credentials are taken."""

    code = "unsupported_grant_type"


@dataclass(frozen=True, slots=True)
class _Client:
    id: str
    secret: str


@router.post(
    "/connect/token",
    summary="Get a token for an API key",
    operation_id="getToken",
    openapi_extra=_REQUEST,
)
async def get_token(request: Request, response: Response, context: Context) -> TokenBody:
    """A token for the client credentials of an API key, as RFC 6749 says: in the form, or as Basic
    authentication, but not both. It lives an hour, and no longer than the key.

    Errors are `{"error", "error_description"}`: 400 `invalid_request`, `unsupported_grant_type`,
    `invalid_scope`; 401 `invalid_client`; 403 `access_denied` for an address that the key's
    firewall does not let in.
    """
    form = _read_form(request, await request.body())
    _check_grant(form)
    client = _client(request, form)
    now = context.clock()
    address = client_address_of(request)
    client_id = parse_id(client.id)
    if client_id is not None:
        # For the audit log, should the client be refused.
        request.state.claim = KeyClaim(client_id)
    token = await issue_token(
        context.database,
        client_id=client.id,
        client_secret=client.secret,
        address=address,
        request_id=request.state.request_id,
        now=now,
    )
    context.key_usage.note(token.client_id, address=address, now=now)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return TokenBody(access_token=token.access_token, expires_in=token.expires_in)


def _read_form(request: Request, raw: bytes) -> dict[str, str]:
    """The parameters that have a value. RFC 6749 lets none come twice."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise InvalidRequest(f"The body must be {_FORM}.")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:
        raise InvalidRequest("The form cannot be read.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A parameter must not come twice.")
    return {name: value for name, value in form.items() if value}


def _check_grant(form: dict[str, str]) -> None:
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise InvalidRequest("grant_type is required.")
    if grant_type != "client_credentials":
        raise UnsupportedGrantType("Only the grant type client_credentials is taken.")
    scope = form.get("scope")
    if scope is not None and (len(scope) > _MAX_SCOPE or not _SCOPE.fullmatch(scope)):
        raise InvalidScope("A scope is words of visible ASCII characters, separated by blanks.")


def _client(request: Request, form: dict[str, str]) -> _Client:
    """The one client that the request names, in one place."""
    given_id, given_secret = form.get("client_id"), form.get("client_secret")
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        if given_id is None or given_secret is None:
            raise InvalidClient(_NO_CLIENT)
        return _Client(given_id, given_secret)
    if given_secret is not None:
        raise InvalidRequest("Send the client's secret in one place only.")
    client = _basic(encoded)
    if given_id not in (None, client.id):
        raise InvalidRequest("The client ids differ.")
    return client


def _basic(encoded: str) -> _Client:
    """The client of Basic authentication, each part form-encoded (RFC 6749, 2.3.1)."""
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise InvalidClient("The Basic authentication cannot be read.") from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise InvalidClient("The Basic authentication cannot be read.")
    return _Client(unquote_plus(client_id), unquote_plus(secret))
