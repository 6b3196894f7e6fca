from __future__ import annotations

from factories import make_key, make_tenant, make_user
from treadle.db.database import Database
from treadle.identity.model import Actor
from treadle.identity.names import names_of


async def test_references_get_names_and_the_unknown_their_id(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    bob = await make_user(database, tenant, username="Bob", active=False)
    key = (await make_key(database, tenant, description="Nightly import")).key
    theirs = (await make_key(database, foreign, description="Not yours")).key
    refs = [
        bob.ref,
        bob.ref,
        f"user:{foreign.administrator_id}",
        "user:999999999999",
        f"user:0{bob.id}",
        "user:x",
        key.ref,
        theirs.ref,
        "api_key:tdl_c_1",
        "schedule:a:b",
        "odd",
    ]

    async with database.tenant(tenant.tenant.id) as tx:
        names = await names_of(tx, refs)
        assert await names_of(tx, []) == {}

    assert names == {
        bob.ref: Actor("user", str(bob.id), "Bob"),
        f"user:{foreign.administrator_id}": Actor(
            "user", str(foreign.administrator_id), str(foreign.administrator_id)
        ),
        "user:999999999999": Actor("user", "999999999999", "999999999999"),
        f"user:0{bob.id}": Actor("user", f"0{bob.id}", f"0{bob.id}"),
        "user:x": Actor("user", "x", "x"),
        key.ref: Actor("api_key", str(key.client_id), "Nightly import"),
        theirs.ref: Actor("api_key", str(theirs.client_id), str(theirs.client_id)),
        "api_key:tdl_c_1": Actor("api_key", "tdl_c_1", "tdl_c_1"),
        "schedule:a:b": Actor("schedule", "a:b", "a:b"),
        "odd": Actor("odd", "", "odd"),
    }
