"""What the tests of scheduled actions share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from api.scheduled_actions.desk import Desk, open_desk
from treadle.db.database import Database


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncGenerator[Desk]:
    """The people of `desk.py`, over a running server."""
    async with open_desk(database, tmp_path) as people:
        yield people
