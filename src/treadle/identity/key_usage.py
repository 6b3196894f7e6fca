"""When and from where API keys were used last: noted in memory, written now and then.

A request only leaves a note. The notes of a minute become one statement, outside of any request; a
process that is killed loses at most that minute of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from treadle.db.database import Database
from treadle.identity import api_key_store as store
from treadle.identity.api_key_store import KeyUse

WRITE_EVERY: Final = timedelta(minutes=1)
"""How often `write` is to be called, and how far apart two stored uses of a key are at least."""


class KeyUsage:
    """The notes of one process."""

    def __init__(self) -> None:
        self._notes: dict[UUID, KeyUse] = {}

    def note(self, client_id: UUID, *, address: str, now: datetime) -> None:
        """Remembers the newest use of the key."""
        self._notes[client_id] = KeyUse(client_id, now, address)

    async def write(self, db: Database) -> int:
        """Stores what was noted since the last time, and says of how many keys.

        What cannot be stored stays noted, unless a newer note has come.
        """
        notes, self._notes = self._notes, {}
        if not notes:
            return 0
        try:
            async with db.system() as tx:
                return await store.write_uses(tx, list(notes.values()), apart=WRITE_EVERY)
        except BaseException:
            self._notes = {**notes, **self._notes}
            raise
