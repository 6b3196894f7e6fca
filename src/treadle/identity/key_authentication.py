"""Who a program is: the API key behind the text of a key, a client secret or a client token.

Everything is looked up at every request, key and all, so that a key that was deleted, rotated,
shortened or fenced in is so in every process at once.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

import structlog

from treadle.core.errors import Forbidden, Unauthenticated
from treadle.core.ids import parse_id, secret_hash
from treadle.db.database import Database
from treadle.identity import client_store as store
from treadle.identity.firewall import admits
from treadle.identity.key_texts import read_api_key, read_client_secret
from treadle.identity.lookups import Lookups
from treadle.identity.model import Principal
from treadle.identity.principals import Held, principal_with
from treadle.identity.sessions import TOKEN_REFUSED

CLIENT_TOKEN_PREFIX: Final = "tdl_ct_"  # noqa: S105 - how all of them begin
KEY_REFUSED: Final = "The API key is wrong, expired or deleted."
CLIENT_REFUSED: Final = "The client id or secret is wrong, or the key is expired or deleted."

_CLIENT_TOKEN: Final = re.compile(r"tdl_ct_[A-Za-z0-9_-]{43}")
_NO_HASH: Final = bytes(32)
"""The SHA-256 of nothing that anybody knows."""

log = structlog.get_logger()


class InvalidClient(Unauthenticated):
    """No key has this client id and secret (RFC 6749, `invalid_client`)."""

    code = "invalid_client"


class AddressRefused(Forbidden):
    """The key is right, and its firewall does not let the caller's address in."""

    code = "access_denied"


async def authenticate_key(
    lookups: Lookups, *, api_key: str, address: str, now: datetime
) -> Principal:
    """The key as a caller, with the roles of this moment, for what `X-Api-Key` says.

    Raises Unauthenticated, and AddressRefused for a right key in the wrong place.
    """
    read = read_api_key(api_key)
    if read is None:
        raise Unauthenticated(KEY_REFUSED)
    client_id, secret = read
    found = await lookups.keys.find(client_id)
    if found is None or live_secret(found, secret, now=now) is None:
        raise Unauthenticated(KEY_REFUSED)
    require_address(found, address)
    return _principal(found)


async def authenticate_client_token(
    lookups: Lookups, *, access_token: str, address: str, now: datetime
) -> Principal:
    """The key that the token was given to, with the roles of this moment; else as above."""
    if _CLIENT_TOKEN.fullmatch(access_token) is None:
        raise Unauthenticated(TOKEN_REFUSED)
    found = await lookups.client_tokens.find(secret_hash(access_token))
    if found is None or not is_live(found, now=now):
        raise Unauthenticated(TOKEN_REFUSED)
    require_address(found, address)
    return _principal(found)


async def authenticate_client(
    db: Database, *, client_id: str, client_secret: str, address: str, now: datetime
) -> tuple[store.KeyCaller, int]:
    """The key with this client id, and the number of its secret that this one is.

    Raises InvalidClient, AddressRefused.
    """
    number, secret = parse_id(client_id), read_client_secret(client_secret)
    # A UUID can be spelled in many ways; a client id in one.
    if number is None or str(number) != client_id or secret is None:
        raise InvalidClient(CLIENT_REFUSED)
    found = (await store.find_callers_by_key(db, [number])).get(number)
    secret_number = None if found is None else live_secret(found, secret, now=now)
    if found is None or secret_number is None:
        raise InvalidClient(CLIENT_REFUSED)
    require_address(found, address)
    return found, secret_number


def live_secret(key: store.KeyCaller, secret: str, *, now: datetime) -> int | None:
    """The number of the key's live secret that this is; None for any other."""
    digest = secret_hash(secret)
    is_current = hmac.compare_digest(digest, key.secret_hash)
    is_old = hmac.compare_digest(digest, key.old_secret_hash or _NO_HASH)
    if not (is_current or is_old):
        return None
    number = key.secret_number if is_current else key.secret_number - 1
    return number if _lives(key, number, now=now) else None


def is_live(token: store.TokenCaller, *, now: datetime) -> bool:
    """Whether the token, the secret that it was asked for with, and the key are alive."""
    return token.token_expires_at > now and _lives(token, token.token_secret_number, now=now)


def _lives(key: store.Caller, secret_number: int, *, now: datetime) -> bool:
    """Whether the key's secret of this number is taken now: the last one, or the one before it
    while an overlap lasts.
    """
    if key.expires_at <= now:
        return False
    if secret_number == key.secret_number:
        return True
    until = key.old_secret_until
    return secret_number == key.secret_number - 1 and until is not None and until > now


def require_address(key: store.Caller, address: str) -> None:
    """Raises AddressRefused for an address that the key's firewall does not let in."""
    if not admits(key.ranges or (), address):
        log.info("address_refused", client_id=str(key.client_id), address=address)
        raise AddressRefused(f"The firewall of this API key does not let {address} in.")


def _principal(found: store.Caller) -> Principal:
    return principal_with(
        Held(found.project_ids, found.roles),
        kind="api_key",
        id=str(found.client_id),
        name=found.description,
        tenant_id=found.tenant_id,
    )
