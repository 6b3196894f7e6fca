"""Letters about API keys that are about to expire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from treadle.db.transaction import Transaction
from treadle.identity import user_store
from treadle.identity.expiring_keys import Announce
from treadle.identity.model import ApiKey
from treadle.mail.outbox import Mail, put_letter


def announce_by_mail(mail: Mail, *, now: datetime) -> Announce:
    """Writes a letter for each key to whoever made it and to the active Administrators of its
    tenant, as far as they have an address.
    """

    async def announce(tx: Transaction, keys: Sequence[ApiKey]) -> None:
        for key in keys:
            addresses = await user_store.addresses_for_key(
                tx, tenant_id=key.tenant_id, created_by=key.created_by
            )
            for address in addresses:
                await put_letter(
                    tx,
                    mail,
                    tenant_id=key.tenant_id,
                    to=address,
                    subject="An API key of Treadle expires soon",
                    text=_text(mail.public_url, key),
                    now=now,
                )

    return announce


def _text(public_url: str, key: ApiKey) -> str:
    return f"""The API key "{key.description}" expires at {key.expires_at:%Y-%m-%d %H:%M} UTC.

From then on everything that comes in with it is refused.

Client id:    {key.client_id}
Last used at: {f"{key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never"}

An Administrator gives it more time with PUT {public_url}/v1/api-keys/{key.client_id}
"""
