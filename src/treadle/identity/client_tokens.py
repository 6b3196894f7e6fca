"""Tokens of programs: an API key asks for one with its secret and calls with it for an hour.

A token lives no longer than its key and than the secret that it was asked for with. Nothing has to
be revoked for that: it is looked up together with its key.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from treadle.core.errors import Unauthenticated
from treadle.core.ids import new_secret, secret_hash
from treadle.db.database import Database
from treadle.identity import audit
from treadle.identity import client_store as store
from treadle.identity.key_authentication import (
    CLIENT_REFUSED,
    CLIENT_TOKEN_PREFIX,
    InvalidClient,
    authenticate_client,
)
from treadle.identity.model import ClientToken, Origin, Principal
from treadle.identity.sessions import TOKEN_REFUSED

TOKEN_LIFETIME: Final = timedelta(seconds=3600)


def is_client_token(token: str) -> bool:
    """Whether this is meant to be a program's token; a person's begins otherwise."""
    return token.startswith(CLIENT_TOKEN_PREFIX)


async def issue_token(
    db: Database,
    *,
    client_id: str,
    client_secret: str,
    address: str,
    request_id: str = "",
    now: datetime,
) -> ClientToken:
    """A token for the key with this client id and secret, in a transaction of its own.

    Raises InvalidClient, and AddressRefused where the key's firewall does not let the caller in.
    """
    key, secret_number = await authenticate_client(
        db, client_id=client_id, client_secret=client_secret, address=address, now=now
    )
    expires_at = min(now + TOKEN_LIFETIME, key.expires_at)
    if secret_number != key.secret_number and key.old_secret_until is not None:
        expires_at = min(expires_at, key.old_secret_until)
    token = new_secret(CLIENT_TOKEN_PREFIX)
    async with db.system() as tx:
        stored = await store.insert_token(
            tx,
            secret_hash(token),
            client_id=key.client_id,
            secret_number=secret_number,
            expires_at=expires_at,
        )
        if stored:
            ref = f"api_key:{key.client_id}"
            await audit.record(
                tx,
                ref,
                tenant_id=key.tenant_id,
                action="token.issue",
                target=ref,
                after={"expires_at": expires_at},
                origin=Origin(address, ref, request_id),
                now=now,
            )
    if not stored:  # deleted since it was looked up
        raise InvalidClient(CLIENT_REFUSED)
    return ClientToken(
        client_id=key.client_id,
        access_token=token,
        expires_in=int((expires_at - now).total_seconds()),
    )


async def revoke_token(
    db: Database, caller: Principal, *, access_token: str, now: datetime
) -> None:
    """Ends the caller's token before its time. Raises Unauthenticated if there is no such token."""
    async with db.system() as tx:
        if not await store.delete_token(tx, secret_hash(access_token)):
            raise Unauthenticated(TOKEN_REFUSED)
        await audit.record(tx, caller, action="token.end", target=caller.ref, now=now)
