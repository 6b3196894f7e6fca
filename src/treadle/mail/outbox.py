"""The outbox: letters that are written with what they tell of, and sent afterwards.

A letter stands in the same transaction as its reason: both are there or neither. Any process may
send it. Before it does it moves the letter's next due time, so that no other takes it meanwhile; if
it dies, the letter is due again then. So a letter may come twice, and is not lost. Its text may
hold a link that lets somebody in: it is sealed, and gone when it was sent.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

import structlog

from treadle.core.ids import new_id
from treadle.core.sealing import CannotUnseal, Sealer
from treadle.db.database import Database
from treadle.db.resealing import SealedKind, SealedValue
from treadle.db.transaction import Transaction
from treadle.mail import outbox_store as store
from treadle.mail.smtp import Letter, MailRefused, SmtpServer, send

MAX_ATTEMPTS: Final = 20
"""Over about three days."""
FIRST_DELAY: Final = timedelta(minutes=1)
"""Until the second attempt; longer than sending one letter may take."""
LONGEST_DELAY: Final = timedelta(hours=6)

MailState: TypeAlias = Literal["waiting", "sent", "failed"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mail:
    """What letters are written and sent with. `public_url` begins the links in them."""

    server: SmtpServer
    public_url: str
    sealer: Sealer = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the letters that were due."""

    sent: int = 0
    put_off: int = 0
    failed: int = 0


def delay_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, up to a bound."""
    return min(FIRST_DELAY * 2 ** min(attempts - 1, 30), LONGEST_DELAY)


async def put_letter(
    tx: Transaction,
    mail: Mail,
    *,
    tenant_id: UUID,
    to: str,
    subject: str,
    text: str,
    now: datetime,
) -> UUID:
    """Writes a letter, to be sent after the commit; its id."""
    letter_id = new_id()
    await store.insert_letter(
        tx,
        letter_id,
        tenant_id=tenant_id,
        to=to,
        subject=subject,
        sealed=mail.sealer.seal(text.encode(), context=_context(tenant_id, letter_id)),
        now=now,
    )
    return letter_id


async def drop_letter(tx: Transaction, letter_id: UUID) -> None:
    """The letter is not sent any more, if it was not yet."""
    await store.delete_letter(tx, letter_id)


async def states_of(tx: Transaction, letter_ids: Collection[UUID]) -> dict[UUID, MailState]:
    """What became of each of these letters."""
    failed = await store.kept_letters(tx, list(letter_ids))
    return {
        letter_id: "sent"
        if letter_id not in failed
        else "failed"
        if failed[letter_id]
        else "waiting"
        for letter_id in letter_ids
    }


async def deliver(db: Database, mail: Mail, *, now: datetime) -> Delivered:
    """Sends the letters that are due, one after the other, until none is.

    A letter that cannot be sent is tried again later; after MAX_ATTEMPTS it stays, as failed.
    """
    sent = put_off = failed = 0
    while True:
        async with db.system() as tx:
            due = await store.claim_letter(tx, now=now)
            if due is not None:
                await store.put_due(tx, due.id, at=now + delay_after(due.attempts))
        if due is None:
            return Delivered(sent, put_off, failed)
        fault = await _fault(mail, due)
        gives_up = fault is not None and due.attempts >= MAX_ATTEMPTS
        async with db.system() as tx:
            if fault is None:
                await store.delete_letter(tx, due.id)
            else:
                await store.put_fault(tx, due.id, fault, failed_at=now if gives_up else None)
        if fault is not None:
            report = log.error if gives_up else log.warning
            report("letter_not_sent", letter=str(due.id), attempts=due.attempts, error=fault)
        sent += fault is None
        put_off += fault is not None and not gives_up
        failed += gives_up


async def _fault(mail: Mail, due: store.DueLetter) -> str | None:
    """Why the letter could not be sent; None if it was."""
    try:
        text = mail.sealer.unseal(due.sealed, context=_context(due.tenant_id, due.id)).decode()
        await send(mail.server, Letter(str(due.id), due.to_address, due.subject, text))
    except (CannotUnseal, MailRefused) as error:
        return str(error)
    return None


def _context(tenant_id: UUID, letter_id: UUID) -> str:
    return f"letter:{tenant_id}:{letter_id}"


async def _old(tx: Transaction, *, newest: bytes, after: UUID, limit: int) -> list[SealedValue]:
    found = await store.old_letters(tx, newest=newest, after=after, limit=limit)
    return [SealedValue(one.id, one.sealed, _context(one.tenant_id, one.id)) for one in found]


SEALED: Final = SealedKind("letters", "letters.sealed", _old, store.put_letter_seals)
"""For `treadle secrets rotate`."""
