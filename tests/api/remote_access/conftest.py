"""Alice administers a tenant, Mallory another one; Bob has no role of note."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest

from factories import make_tenant, make_user
from fixtures.server import Server
from treadle.identity.installation import NewTenant


@dataclass(frozen=True)
class People:
    """Who is there, each with a session."""

    server: Server
    tenant: NewTenant
    alice: httpx.AsyncClient
    bob: httpx.AsyncClient
    bob_id: str
    mallory: httpx.AsyncClient

    async def with_key(self, api_key: str) -> httpx.AsyncClient:
        """A client that sends this API key."""
        return await self.server.client(headers={"X-Api-Key": api_key})


@pytest.fixture
async def people(server: Server) -> People:
    """The cast."""
    database = server.context.database
    tenant = await make_tenant(database, admin_username="alice")
    bob = await make_user(database, tenant, username="bob")
    await make_tenant(database, admin_username="mallory")
    return People(
        server=server,
        tenant=tenant,
        alice=await server.log_in("alice"),
        bob=await server.log_in("bob"),
        bob_id=str(bob.id),
        mallory=await server.log_in("mallory"),
    )
