"""Credentials that must not let anybody in any more, or anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contract.access_world import World
from factories import PASSWORD, make_key, make_rule, make_user
from treadle.db.database import Database
from treadle.identity.client_tokens import issue_token
from treadle.identity.model import IssuedKey


@dataclass(frozen=True, slots=True)
class Stranger:
    """A credential that lets nobody in, and what it is refused with."""

    name: str
    headers: dict[str, str]
    status: int


async def make_strangers(world: World) -> list[Stranger]:
    """Every credential that must not let anybody in any more, or anywhere. Each of them belongs to
    somebody who might do everything, were it not for this.
    """
    db, tenant, now = world.database, world.tenant, world.server.context.clock()

    async def key(**options: Any) -> IssuedKey:
        return await make_key(db, tenant, role="Administrator", **options)

    def both(name: str, issued: IssuedKey, token: str, status: int) -> list[Stranger]:
        return [
            Stranger(name, {"X-Api-Key": issued.api_key}, status),
            Stranger(f"token of {name}", {"Authorization": f"Bearer {token}"}, status),
        ]

    then = now - timedelta(minutes=10)
    expired = await key(expires_at=now - timedelta(minutes=1), now=then)
    expired_token = await token_of(db, expired, now=then)
    deleted, rotated = await key(), await key()
    deleted_token = await token_of(db, deleted, now=now)
    rotated_token = await token_of(db, rotated, now=now)
    fenced = await key(firewall_rules=[make_rule("192.0.2.1")])
    fenced_token = await token_of(db, fenced, address="192.0.2.1", now=now)
    bare = await make_key(db, tenant)
    assert (await world.admin.delete(f"/v1/api-keys/{deleted.key.client_id}")).is_success
    await world.post(f"/v1/api-keys/{rotated.key.client_id}/rotate")
    return [
        Stranger("nobody", {}, 401),
        Stranger("an unknown token", {"Authorization": f"Bearer tdl_at_{'x' * 43}"}, 401),
        Stranger("an unknown client token", {"Authorization": f"Bearer tdl_ct_{'x' * 43}"}, 401),
        Stranger("a basic credential", {"Authorization": "Basic YWxpY2U6eA=="}, 401),
        Stranger("a mistyped key", {"X-Api-Key": bare.api_key[:-1]}, 401),
        Stranger("a client secret", {"X-Api-Key": bare.client_secret}, 401),
        *await people_who_left(world),
        *both("an expired key", expired, expired_token, 401),
        *both("a deleted key", deleted, deleted_token, 401),
        *both("a rotated key", rotated, rotated_token, 401),
        *both("a key used elsewhere", fenced, fenced_token, 403),
        *both("a key without a role", bare, await token_of(db, bare, now=now), 403),
    ]


async def people_who_left(world: World) -> list[Stranger]:
    """Sessions of administrators that have ended in one way or another."""
    names = ("logged out", "deactivated", "deleted", "refreshing")
    tokens: dict[str, str] = {}
    for name in names:
        user = await make_user(world.database, world.tenant, username=name, role="Administrator")
        answer = await world.server.anonymous.post(
            "/api/login", json={"username": name, "password": PASSWORD}
        )
        kind = "refresh_token" if name == "refreshing" else "access_token"
        tokens[name] = f"Bearer {answer.json()[kind]}"
        if name == "logged out":
            await world.server.anonymous.post(
                "/api/logout", headers={"Authorization": tokens[name]}
            )
        elif name == "deactivated":
            left = await world.admin.patch(f"/api/users/{user.id}", json={"active": False})
            assert left.is_success
        elif name == "deleted":
            async with world.database.system() as tx:
                await tx.execute("DELETE FROM users WHERE id = $1", user.id)
    return [Stranger(f"somebody {name}", {"Authorization": tokens[name]}, 401) for name in names]


async def token_of(
    db: Database, key: IssuedKey, *, address: str = "127.0.0.1", now: datetime
) -> str:
    """A token of the key."""
    issued = await issue_token(
        db,
        client_id=str(key.key.client_id),
        client_secret=key.client_secret,
        address=address,
        now=now,
    )
    return issued.access_token
