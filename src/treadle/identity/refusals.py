"""Refusals on their way to the audit log: noted in memory, written in batches.

A refused request's own transaction is rolled back, and a flood of refusals must not become a flood
of commits that wait for each other. So a request only leaves a note; alike notes are counted, and
once a second they become one transaction. The notes are bounded: what is too much is counted as
well, and the count is written. A process that is killed loses at most its last second of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import audit_store as store
from treadle.identity.audit import make_entry
from treadle.identity.audit_chain import INSTALLATION, AuditEntry
from treadle.identity.audit_store import Claimed
from treadle.identity.model import Origin

ANONYMOUS: Final = "anonymous"
UNKNOWN_CREDENTIAL: Final = "unknown"
MAX_NOTES: Final = 1000
"""Different refusals between two rounds of writing."""


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """Somebody named this client id; whether with the right secret is another question."""

    client_id: UUID


@dataclass(frozen=True, slots=True)
class TokenClaim:
    """Somebody sent a token with this hash."""

    token_hash: bytes


@dataclass(frozen=True, slots=True)
class NameClaim:
    """Somebody tried to log in under this folded user name."""

    folded: str


Claim: TypeAlias = KeyClaim | TokenClaim | NameClaim


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused. The actor is known, or there is a claim of whom it might be."""

    action: str
    """Method and pattern of the route: `POST /api/users`."""
    target: str
    """The path."""
    status: Literal[401, 403, 404, 429]
    reason: str
    origin: Origin
    actor: str = ANONYMOUS
    tenant_id: UUID | None = None
    claim: Claim | None = None
    claimed: str | None = None
    """Whose the credential or name is that was tried; who tried it is not proven."""


@dataclass(frozen=True, slots=True)
class Note:
    """A refusal, when it was first, and how often since."""

    refusal: Refusal
    at: datetime
    times: int = 1


_Key: TypeAlias = tuple[object, ...]


class Refusals:
    """The notes of one process."""

    def __init__(self, *, most: int = MAX_NOTES) -> None:
        self._most = most
        self._notes: dict[_Key, Note] = {}
        self._dropped = 0

    def note(self, refusal: Refusal, *, now: datetime) -> None:
        """Remembers the refusal; of alike ones the first with their number."""
        key = _key(refusal)
        known = self._notes.get(key)
        if known is not None:
            self._notes[key] = replace(known, times=known.times + 1)
        elif len(self._notes) < self._most:
            self._notes[key] = Note(refusal, now)
        else:
            self._dropped += 1

    async def write(self, db: Database, *, now: datetime) -> int:
        """Stores what was noted since the last time; the number of entries. What cannot be stored
        stays noted.
        """
        notes, self._notes = self._notes, {}
        dropped, self._dropped = self._dropped, 0
        if not notes:
            return 0
        try:
            async with db.system() as tx:
                entries = await _entries(tx, list(notes.values()))
                if dropped:
                    entries.append(_overflow(dropped, now=now))
                # In one order everywhere: two processes that lock the heads of two tenants do not
                # wait for each other.
                entries.sort(key=lambda entry: entry.tenant_id)
                await store.insert_entries(tx, entries)
        except BaseException:
            self._notes = {**notes, **self._notes}
            self._dropped += dropped
            raise
        return len(entries)


def _key(refusal: Refusal) -> _Key:
    origin = refusal.origin
    return (
        refusal.tenant_id,
        refusal.actor,
        refusal.claim,
        refusal.action,
        refusal.status,
        refusal.reason,
        origin.address,
        origin.credential,
    )


async def _entries(tx: Transaction, notes: list[Note]) -> list[AuditEntry]:
    owners = await _owners(tx, [note.refusal.claim for note in notes])
    settled: dict[_Key, Note] = {}
    for note in notes:
        refusal = _settled(note.refusal, owners)
        known = settled.get(_key(refusal))
        settled[_key(refusal)] = (
            Note(refusal, note.at, note.times)
            if known is None
            else replace(known, times=known.times + note.times)
        )
    return [_entry(note) for note in settled.values()]


def _settled(refusal: Refusal, owners: Mapping[Claim, Claimed]) -> Refusal:
    """The refusal in the tenant that it concerns. Credentials that are nobody's are all alike."""
    if refusal.tenant_id is not None or refusal.claim is None:
        return refusal
    owner = owners.get(refusal.claim)
    if owner is None:
        origin = replace(refusal.origin, credential=UNKNOWN_CREDENTIAL)
        return replace(refusal, origin=origin, claim=None)
    return replace(refusal, tenant_id=owner.tenant_id, claimed=owner.ref)


async def _owners(tx: Transaction, claims: Iterable[Claim | None]) -> dict[Claim, Claimed]:
    asked = set(claims)
    keys = [claim.client_id for claim in asked if isinstance(claim, KeyClaim)]
    tokens = [claim.token_hash for claim in asked if isinstance(claim, TokenClaim)]
    names = [claim.folded for claim in asked if isinstance(claim, NameClaim)]
    owners: dict[Claim, Claimed] = {}
    if keys:
        owners |= {KeyClaim(k): v for k, v in (await store.owners_of_keys(tx, keys)).items()}
    if tokens:
        owners |= {TokenClaim(k): v for k, v in (await store.owners_of_tokens(tx, tokens)).items()}
    if names:
        found = await store.owners_of_usernames(tx, names)
        owners |= {NameClaim(k): v for k, v in found.items()}
    return owners


def _entry(note: Note) -> AuditEntry:
    refusal = note.refusal
    return make_entry(
        refusal.actor,
        tenant_id=refusal.tenant_id or INSTALLATION,
        action=refusal.action,
        target=refusal.target,
        after={"status": refusal.status, "reason": refusal.reason, "claimed": refusal.claimed},
        outcome="refused",
        origin=refusal.origin,
        times=note.times,
        now=note.at,
    )


def _overflow(dropped: int, *, now: datetime) -> AuditEntry:
    return make_entry(
        ANONYMOUS,
        tenant_id=INSTALLATION,
        action="audit.overflow",
        target="refusals",
        after={"reason": "more different refusals at once than are kept apart"},
        outcome="refused",
        origin=None,
        times=dropped,
        now=now,
    )
