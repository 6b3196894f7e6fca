"""What the jobs domain needs to be there before the first request."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from treadle.db.database import Database
from treadle.jobs import definition_store

DEFAULT_DESTINATION: Final = "default"


async def ensure_default_destination(database: Database, *, now: datetime) -> None:
    """There is a destination that jobs go to which name none. Any number of processes may ask."""
    async with database.system() as tx:
        if await definition_store.first_destination(tx) is None:
            await definition_store.ensure_destination(tx, DEFAULT_DESTINATION, now=now)
