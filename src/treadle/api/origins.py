"""Where a request comes from and with what, in words that give no secret away."""

from __future__ import annotations

from typing import Any, Final, cast

from starlette.datastructures import Headers
from starlette.types import Scope

from treadle.core.errors import NotFound
from treadle.core.ids import secret_hash
from treadle.identity.key_texts import read_api_key
from treadle.identity.model import Origin, Principal
from treadle.identity.refusals import (
    ANONYMOUS,
    UNKNOWN_CREDENTIAL,
    Claim,
    KeyClaim,
    Refusal,
    TokenClaim,
)

_FINGERPRINT: Final = 12
"""Hexadecimal digits of a token's SHA-256: enough to tell tokens apart, of no use to log in."""


def origin_of(scope: Scope) -> Origin:
    """The origin of a request that the edge has taken in."""
    return _presented(scope)[0]


def refusal_of(scope: Scope, *, route: str) -> Refusal | None:
    """The refusal that `note_refusal` left, with all that is known of the caller; else None."""
    state: dict[str, Any] = scope["state"]
    refused = state.get("refused")
    if refused is None:
        return None
    status, reason = refused
    principal: Principal | None = state.get("principal")
    if status == NotFound.status and principal is None:
        return None
    origin, claim = _presented(scope)
    return Refusal(
        action=f"{scope['method'][:20]} {route}",
        target=scope["path"],
        status=status,
        reason=reason,
        origin=origin,
        actor=ANONYMOUS if principal is None else principal.ref,
        tenant_id=None if principal is None else principal.tenant_id,
        claim=None if principal is not None else state.get("claim", claim),
    )


def _presented(scope: Scope) -> tuple[Origin, Claim | None]:
    """The same choice of a credential as `treadle.api.dependencies` makes."""
    headers, state = Headers(scope=scope), cast("dict[str, Any]", scope["state"])
    name, claim = "", None
    scheme, _, token = headers.get("authorization", "").partition(" ")
    api_key = headers.get("x-api-key")
    if scheme.lower() == "bearer" and token.strip():
        digest = secret_hash(token.strip())
        name, claim = f"bearer:{digest.hex()[:_FINGERPRINT]}", TokenClaim(digest)
    elif api_key is not None:
        read = read_api_key(api_key)
        name = UNKNOWN_CREDENTIAL if read is None else f"api_key:{read[0]}"
        claim = None if read is None else KeyClaim(read[0])
    return Origin(state["client_address"], name, state["request_id"]), claim
