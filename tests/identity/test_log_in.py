"""Logging in: who gets a session, and the lock-out, also when many try at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from argon2 import Parameters, Type

from factories import (
    ADDRESS,
    NOW,
    PASSWORD,
    cheap_passwords,
    log_in,
    make_lockout,
    make_tenant,
    make_user,
)
from treadle.core.errors import BadInput, TooManyRequests, TreadleError, Unauthenticated
from treadle.db.database import Database
from treadle.identity import sessions
from treadle.identity.lockout import LockOut
from treadle.identity.lookups import Lookups
from treadle.identity.passwords import Passwords
from treadle.identity.sessions import LOGIN_REFUSED, authenticate

WRONG = "wrong horse battery"


class CountingPasswords(Passwords):
    """The real thing, which also counts how often it was asked."""

    asked = 0

    async def verify(self, password: str, stored: str | None) -> bool:
        self.asked += 1
        return await super().verify(password, stored)


async def refusal(
    db: Database, username: str, *, password: str = PASSWORD, address: str = ADDRESS
) -> str:
    """The text with which a login is refused."""
    with pytest.raises(Unauthenticated) as refused:
        await log_in(db, username, password=password, address=address)
    return refused.value.message


async def lock(db: Database, username: str) -> None:
    for _ in range(5):
        await refusal(db, username, password=WRONG)


async def failures(db: Database) -> int:
    async with db.system() as tx:
        return await tx.fetchval("SELECT count(*) FROM login_failures")


async def test_log_in_opens_a_session_that_authenticates(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="Alice")

    tokens = await log_in(database, " aLICE ")
    caller = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)

    assert tokens.expires_in == 36_000
    assert tokens.access_token.startswith("tdl_at_")
    assert tokens.refresh_token.startswith("tdl_rt_")
    assert tokens.access_token not in repr(tokens)
    assert tokens.refresh_token not in repr(tokens)
    assert (caller.ref, caller.name) == (f"user:{tenant.administrator_id}", "Alice")
    assert caller.tenant_id == tenant.tenant.id
    assert caller.application_role == "Administrator"


async def test_tokens_are_not_stored_in_readable_form(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    tokens = await log_in(database, "alice")

    async with database.system() as tx:
        stored = await tx.fetch("SELECT t::text AS text FROM tokens t")
    assert len(stored) == 2
    for row in stored:
        for token in (tokens.access_token, tokens.refresh_token):
            assert token not in row["text"]
            assert token.encode().hex() not in row["text"]


async def test_wrong_inactive_unknown_and_locked_have_one_text(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="alice")
    await make_user(database, tenant, username="bob", active=False)
    await lock(database, "alice")

    texts = {
        await refusal(database, "alice", password=WRONG, address="192.0.2.9"),
        await refusal(database, "bob"),
        await refusal(database, "nobody"),
        await refusal(database, "alice"),
    }
    assert texts == {LOGIN_REFUSED}


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("", PASSWORD),
        ("  ", PASSWORD),
        ("a\0b", PASSWORD),
        ("a\ud800", PASSWORD),
        ("x" * 101, PASSWORD),
        ("alice", ""),
        ("alice", "x" * 1025),
        ("alice", "\udfff"),
    ],
)
async def test_what_can_be_no_login_is_bad_input(
    database: Database, username: str, password: str
) -> None:
    with pytest.raises(BadInput):
        await log_in(database, username, password=password)
    assert await failures(database) == 0


async def test_five_failures_lock_out_even_the_right_password(database: Database) -> None:
    await make_tenant(database, admin_username="alice")

    for _ in range(4):
        await refusal(database, "alice", password=WRONG)
    await log_in(database, "alice")
    await lock(database, "alice")

    assert await refusal(database, "ALICE") == LOGIN_REFUSED


async def test_the_lock_is_for_one_name_at_one_address(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="alice")
    await make_user(database, tenant, username="bob")
    await lock(database, "alice")

    await log_in(database, "alice", address="192.0.2.2")
    await log_in(database, "bob")
    await refusal(database, "alice")


async def test_an_unknown_name_is_locked_out_like_a_known_one(database: Database) -> None:
    await lock(database, "nobody")
    passwords = CountingPasswords()

    with pytest.raises(Unauthenticated):
        await sessions.log_in(
            database,
            username="nobody",
            password=PASSWORD,
            address=ADDRESS,
            passwords=passwords,
            lockout=make_lockout(),
            now=NOW,
        )
    assert passwords.asked == 0
    assert await failures(database) == 5


async def test_the_lock_opens_a_quarter_of_an_hour_after_the_failures(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    await lock(database, "alice")
    end = NOW + timedelta(minutes=15)

    # Knocking on the locked door does not keep it locked.
    for minute in (5, 10, 14):
        with pytest.raises(Unauthenticated):
            await log_in(database, "alice", now=NOW + timedelta(minutes=minute))
    with pytest.raises(Unauthenticated):
        await log_in(database, "alice", now=end - timedelta(microseconds=1))
    assert await failures(database) == 5

    await log_in(database, "alice", now=end)
    assert await failures(database) == 0


async def test_success_clears_only_the_own_failures(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="alice")
    await make_user(database, tenant, username="bob")
    for name in ("alice", "bob", "alice", "bob", "bob"):
        await refusal(database, name, password=WRONG)

    await log_in(database, "alice")

    assert await failures(database) == 3


async def test_parallel_guesses_are_judged_five_times_and_no_more(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    passwords, lockout = CountingPasswords(), make_lockout()

    async def guess(number: int) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await sessions.log_in(
                database,
                username="alice",
                password=f"{WRONG} {number}",
                address=ADDRESS,
                passwords=passwords,
                lockout=lockout,
                now=NOW,
            )
        return refused.value.message

    async with asyncio.timeout(60):
        texts = await asyncio.gather(*(guess(number) for number in range(20)))

    assert set(texts) == {LOGIN_REFUSED}
    assert passwords.asked == 5
    assert await failures(database) == 5


async def test_parallel_guesses_at_several_processes_are_judged_five_times(
    database: Database,
) -> None:
    await make_tenant(database, admin_username="alice")
    # Nothing but the database is shared by two processes.
    processes = [(CountingPasswords(), make_lockout()) for _ in range(4)]

    async def guess(number: int) -> None:
        passwords, lockout = processes[number % 4]
        with pytest.raises(Unauthenticated):
            await sessions.log_in(
                database,
                username="alice",
                password=WRONG,
                address=ADDRESS,
                passwords=passwords,
                lockout=lockout,
                now=NOW,
            )

    async with asyncio.timeout(60):
        await asyncio.gather(*(guess(number) for number in range(20)))

    assert sum(passwords.asked for passwords, _ in processes) == 5


async def test_parallel_right_logins_all_succeed(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    for _ in range(4):
        await refusal(database, "alice", password=WRONG)
    passwords, lockout = cheap_passwords(), make_lockout()

    async with asyncio.timeout(60):
        tokens = await asyncio.gather(
            *(
                sessions.log_in(
                    database,
                    username="alice",
                    password=PASSWORD,
                    address=ADDRESS,
                    passwords=passwords,
                    lockout=lockout,
                    now=NOW,
                )
                for _ in range(12)
            )
        )

    assert len({one.access_token for one in tokens}) == 12


async def test_a_flood_of_logins_is_refused_before_it_takes_connections(
    database: Database,
) -> None:
    await make_tenant(database, admin_username="alice")
    passwords, lockout = cheap_passwords(), LockOut(b"k" * 32, at_once=1, waiting=3)

    async def knock(number: int) -> str:
        try:
            await sessions.log_in(
                database,
                username="alice",
                password=PASSWORD,
                address=f"192.0.2.{number}",
                passwords=passwords,
                lockout=lockout,
                now=NOW,
            )
        except TreadleError as error:
            return type(error).__name__
        return "in"

    async with asyncio.timeout(60):
        outcomes = Counter(await asyncio.gather(*(knock(number) for number in range(10))))

    assert outcomes == {"in": 4, TooManyRequests.__name__: 6}


async def test_a_hash_of_another_cost_is_replaced_at_login(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="alice")
    dearer = Parameters(
        type=Type.ID,
        version=19,
        salt_len=16,
        hash_len=32,
        time_cost=2,
        memory_cost=16,
        parallelism=1,
    )
    await sessions.log_in(
        database,
        username="alice",
        password=PASSWORD,
        address=ADDRESS,
        passwords=Passwords(dearer),
        lockout=make_lockout(),
        now=NOW,
    )

    async with database.system() as tx:
        stored = await tx.fetchval(
            "SELECT password_hash FROM users WHERE id = $1", tenant.administrator_id
        )
    assert "$m=16,t=2,p=1$" in stored
    assert await Passwords(dearer).verify(PASSWORD, stored)


async def test_a_right_password_of_an_inactive_user_counts_as_a_failure(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    await make_user(database, tenant, username="bob", active=False)

    await refusal(database, "bob")

    # Else the lock-out would tell a right password from a wrong one.
    assert await failures(database) == 1
    async with database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM sessions") == 0
