"""A client id and a secret that are shown before their key exists.

Whoever fills in a form for a key copies the secret while the form is open, and saves it then. Until
it is saved nothing is stored: the id and the secret travel sealed, readable by nobody but us, bound
to the person they were made for, and good for an hour. Two keys cannot come of one reservation: a
client id is issued once.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from treadle.core.errors import BadInput
from treadle.core.sealing import CannotUnseal, Sealer
from treadle.identity.key_texts import (
    SECRET_BITS,
    api_key_text,
    client_secret_text,
    spell_secret,
)
from treadle.identity.model import Principal
from treadle.identity.rights import Right, require

LIFETIME: Final = timedelta(hours=1)
REFUSED: Final = "reservation: it is none of yours, or more than an hour old; make a new one"


@dataclass(frozen=True, slots=True)
class KeySecret:
    """What a key is called and known by."""

    client_id: UUID
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A key's id and secret before the key exists. `text` makes the key of them until `until`."""

    client_id: UUID
    client_secret: str = field(repr=False)
    api_key: str = field(repr=False)
    text: str = field(repr=False)
    until: datetime


def new_key_secret() -> KeySecret:
    """A fresh client id and secret; the id is random: it says nothing of when its key was made."""
    return KeySecret(uuid4(), spell_secret(secrets.randbits(SECRET_BITS)))


def reserve_key(sealer: Sealer, caller: Principal, *, now: datetime) -> Reservation:
    """A client id and a secret for a key that the caller is about to make. Raises Forbidden."""
    require(caller, Right.KEYS_WRITE)
    fresh, until = new_key_secret(), now + LIFETIME
    plain = f"{fresh.client_id} {fresh.secret} {until.timestamp()}".encode()
    sealed = sealer.seal(plain, context=_place(caller))
    return Reservation(
        client_id=fresh.client_id,
        client_secret=client_secret_text(fresh.secret),
        api_key=api_key_text(fresh.client_id, fresh.secret),
        text=base64.urlsafe_b64encode(sealed).decode(),
        until=until,
    )


def read_reservation(sealer: Sealer, caller: Principal, text: str, *, now: datetime) -> KeySecret:
    """What was reserved for this caller. Raises BadInput for what was not, or too long ago."""
    try:
        sealed = base64.b64decode(text, altchars=b"-_", validate=True)
        plain = sealer.unseal(sealed, context=_place(caller)).decode()
    except (binascii.Error, ValueError, CannotUnseal):
        raise BadInput(REFUSED, field="reservation") from None
    client_id, secret, until = plain.split(" ")
    if datetime.fromtimestamp(float(until), UTC) <= now:
        raise BadInput(REFUSED, field="reservation")
    return KeySecret(UUID(client_id), secret)


def _place(caller: Principal) -> str:
    return f"key-reservation:{caller.tenant_id}:{caller.ref}"
