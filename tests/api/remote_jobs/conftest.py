"""The people of the integration manager's tests, over a running server."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from api.integration_manager.house import House, open_house
from fixtures.server import Server


@pytest.fixture
async def house(server: Server) -> AsyncGenerator[House]:
    """The people of `house.py`."""
    async with open_house(server) as people:
        yield people
