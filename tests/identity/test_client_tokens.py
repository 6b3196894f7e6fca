"""Tokens of programs: they live an hour, and no longer than what they came from."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from factories import (
    ADDRESS,
    FAR,
    NOW,
    administrator_of,
    log_in,
    make_key,
    make_rule,
    make_tenant,
    until_somebody_waits,
)
from treadle.core.errors import Unauthenticated
from treadle.db.database import Database
from treadle.identity.api_keys import KeyDraft, change_key, delete_key, rotate_key
from treadle.identity.client_tokens import is_client_token, issue_token, revoke_token
from treadle.identity.installation import NewTenant
from treadle.identity.key_authentication import (
    CLIENT_REFUSED,
    AddressRefused,
    InvalidClient,
    authenticate_client_token,
    authenticate_key,
)
from treadle.identity.lookups import Lookups
from treadle.identity.members import remove_member
from treadle.identity.model import ClientToken, IssuedKey
from treadle.identity.sessions import TOKEN_REFUSED, authenticate

HOUR = timedelta(hours=1)
INSTANT = timedelta(milliseconds=1)


async def issue(
    db: Database, issued: IssuedKey, *, address: str = ADDRESS, now: datetime = NOW
) -> ClientToken:
    return await issue_token(
        db,
        client_id=str(issued.key.client_id),
        client_secret=issued.client_secret,
        address=address,
        now=now,
    )


async def is_live(
    db: Database, token: ClientToken | str, *, address: str = ADDRESS, now: datetime = NOW
) -> bool:
    text = token if isinstance(token, str) else token.access_token
    try:
        await authenticate_client_token(Lookups(db), access_token=text, address=address, now=now)
    except Unauthenticated as error:
        assert error.message == TOKEN_REFUSED
        return False
    return True


async def rotate(
    db: Database, tenant: NewTenant, issued: IssuedKey, *, overlap: timedelta
) -> IssuedKey:
    async with db.tenant(tenant.tenant.id) as tx:
        return await rotate_key(
            tx, administrator_of(tenant), issued.key.client_id, overlap=overlap, now=NOW
        )


async def test_a_token_calls_as_its_key_with_the_roles_of_this_moment(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, role="Consumer", description="Import")
    token = await issue(database, issued)
    assert token.expires_in == 3600
    assert token.client_id == issued.key.client_id
    assert is_client_token(token.access_token)

    caller = await authenticate_client_token(
        Lookups(database), access_token=token.access_token, address=ADDRESS, now=NOW
    )
    assert caller == await authenticate_key(
        Lookups(database), api_key=issued.api_key, address=ADDRESS, now=NOW
    )
    assert (caller.name, caller.application_role) == ("Import", "Consumer")

    async with database.tenant(tenant.tenant.id) as tx:
        await remove_member(tx, administrator_of(tenant), issued.key.roles[0].id, now=NOW)
    caller = await authenticate_client_token(
        Lookups(database), access_token=token.access_token, address=ADDRESS, now=NOW
    )
    assert caller.has_no_role


async def test_only_the_hash_of_a_token_is_stored(
    database: Database, owner: asyncpg.Connection
) -> None:
    token = await issue(database, await make_key(database, await make_tenant(database)))
    stored = await owner.fetchval("SELECT t::text FROM treadle.client_tokens t")
    assert stored is not None
    assert token.access_token not in stored
    assert token.access_token not in repr(token)


async def test_a_wrong_client_is_refused_with_one_text(database: Database) -> None:
    tenant = await make_tenant(database)
    issued, other = await make_key(database, tenant), await make_key(database, tenant)
    expired = await make_key(database, tenant, expires_at=NOW + INSTANT)
    client_id, secret = str(issued.key.client_id), issued.client_secret
    for given_id, given_secret, now in [
        (client_id, other.client_secret, NOW),
        (str(other.key.client_id), secret, NOW),
        # The older style of the product that this contract comes from.
        (client_id, client_id, NOW),
        (client_id, "", NOW),
        ("", secret, NOW),
        (client_id, issued.api_key, NOW),
        (client_id, secret[:-1], NOW),
        (client_id.upper(), secret, NOW),
        (issued.key.client_id.hex, secret, NOW),
        (f"{{{client_id}}}", secret, NOW),
        ("\0", "\0", NOW),
        (str(expired.key.client_id), expired.client_secret, NOW + INSTANT),
    ]:
        with pytest.raises(InvalidClient) as refused:
            await issue_token(
                database,
                client_id=given_id,
                client_secret=given_secret,
                address=ADDRESS,
                now=now,
            )
        assert (refused.value.message, refused.value.status) == (CLIENT_REFUSED, 401)


async def test_a_token_lives_an_hour(database: Database) -> None:
    token = await issue(database, await make_key(database, await make_tenant(database)))
    assert await is_live(database, token, now=NOW + HOUR - INSTANT)
    assert not await is_live(database, token, now=NOW + HOUR)


async def test_a_token_lives_no_longer_than_its_key(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + HOUR / 2)
    token = await issue(database, issued)
    assert token.expires_in == 1800
    assert await is_live(database, token, now=NOW + HOUR / 2 - INSTANT)
    assert not await is_live(database, token, now=NOW + HOUR / 2)


async def test_a_key_that_is_made_to_live_longer_does_not_lengthen_its_tokens(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + HOUR / 2)
    token = await issue(database, issued)
    async with database.tenant(tenant.tenant.id) as tx:
        draft = KeyDraft("longer", FAR)
        await change_key(tx, administrator_of(tenant), issued.key.client_id, draft, now=NOW)
    assert not await is_live(database, token, now=NOW + HOUR / 2)


async def test_a_token_dies_with_its_key_at_once(database: Database) -> None:
    tenant = await make_tenant(database)
    issued, bystander = await make_key(database, tenant), await make_key(database, tenant)
    tokens = [await issue(database, issued) for _ in range(3)]
    other = await issue(database, bystander)
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_key(tx, administrator_of(tenant), issued.key.client_id, now=NOW)
    assert [await is_live(database, token) for token in tokens] == [False] * 3
    with pytest.raises(InvalidClient):
        await issue(database, issued)
    assert await is_live(database, other)


async def test_a_token_dies_when_the_expiry_of_its_key_is_shortened(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    token = await issue(database, issued)
    async with database.tenant(tenant.tenant.id) as tx:
        draft = KeyDraft("shorter", NOW + INSTANT)
        await change_key(tx, administrator_of(tenant), issued.key.client_id, draft, now=NOW)
    assert await is_live(database, token, now=NOW)
    assert not await is_live(database, token, now=NOW + INSTANT)


async def test_a_rotation_without_overlap_kills_the_tokens_of_the_old_secret(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    token = await issue(database, issued)
    renewed = await rotate(database, tenant, issued, overlap=timedelta(0))
    assert not await is_live(database, token)
    with pytest.raises(InvalidClient):
        await issue(database, issued)
    assert await is_live(database, await issue(database, renewed))


async def test_an_overlap_keeps_old_tokens_as_long_as_it_lasts(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    before = await issue(database, issued)
    renewed = await rotate(database, tenant, issued, overlap=HOUR / 2)
    during = await issue(database, issued, now=NOW + HOUR / 4)
    fresh = await issue(database, renewed, now=NOW + HOUR / 4)
    assert during.expires_in == 900
    assert fresh.expires_in == 3600
    end = NOW + HOUR / 2
    for token, taken in ((before, False), (during, False), (fresh, True)):
        assert await is_live(database, token, now=end - INSTANT)
        assert await is_live(database, token, now=end) == taken
    # Rotated once more, what is left of the overlap ends.
    await rotate(database, tenant, renewed, overlap=HOUR)
    assert not await is_live(database, before)
    assert not await is_live(database, during)
    assert await is_live(database, fresh)


async def test_the_firewall_holds_for_the_request_of_a_token_and_for_each_use(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, firewall_rules=[make_rule("192.0.2.1")])
    with pytest.raises(AddressRefused):
        await issue(database, issued, address="192.0.2.2")
    token = await issue(database, issued, address="192.0.2.1")
    assert await is_live(database, token, address="::ffff:192.0.2.1")
    for address in ("192.0.2.2", "2001:db8::1", "unknown"):
        with pytest.raises(AddressRefused):
            await is_live(database, token, address=address)


async def test_an_altered_token_is_refused(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="alice")
    token = (await issue(database, await make_key(database, tenant))).access_token
    other = "A" if token[-1] != "A" else "E"
    session = await log_in(database, "alice")
    for text in (
        "",
        token[:-1],
        token[:-1] + other,
        token + "A",
        f" {token}",
        token.upper(),
        token.replace("tdl_ct_", "tdl_at_"),
        "tdl_ct_" + "A" * 43,
        "tdl_ct_\ud800",
        session.access_token.replace("tdl_at_", "tdl_ct_"),
    ):
        assert not await is_live(database, text), text
    with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
        await authenticate(Lookups(database), access_token=token, now=NOW)


async def test_a_token_can_be_ended_alone(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    root = administrator_of(tenant)
    token, other = await issue(database, issued), await issue(database, issued)
    await revoke_token(database, root, access_token=token.access_token, now=NOW)
    assert not await is_live(database, token)
    assert await is_live(database, other)
    with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
        await revoke_token(database, root, access_token=token.access_token, now=NOW)


async def test_a_token_asked_for_while_the_key_is_deleted_does_not_survive(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            await delete_key(tx, administrator_of(tenant), issued.key.client_id, now=NOW)
            # It reads the key as still there, and then waits for this transaction.
            asking = asyncio.ensure_future(issue(database, issued))
            await until_somebody_waits(database)
        with pytest.raises(InvalidClient):
            await asking
    async with database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM client_tokens") == 0
