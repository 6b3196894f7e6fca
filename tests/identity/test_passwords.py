from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import Parameters, Type, extract_parameters, profiles

from treadle.core.errors import BadInput, TooManyRequests
from treadle.identity.passwords import Passwords, check_new_password, hash_of_nobody

CHEAP = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)


async def test_a_password_fits_its_own_hash_only() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash("correct horse")

    assert await passwords.verify("correct horse", stored)
    assert not await passwords.verify("correct horsf", stored)
    assert not await passwords.verify("", stored)
    assert stored.startswith("$argon2id$")
    assert stored != await passwords.hash("correct horse")


async def test_an_accent_fits_however_the_keyboard_spells_it() -> None:
    passwords = Passwords(CHEAP)

    assert await passwords.verify("cafe\u0301 noir", await passwords.hash("caf\u00e9 noir"))


async def test_nobody_has_no_password_and_costs_the_same() -> None:
    passwords = Passwords(CHEAP)

    assert not await passwords.verify("anything", None)
    assert not await passwords.verify("", None)
    for parameters in (CHEAP, profiles.RFC_9106_LOW_MEMORY):
        assert extract_parameters(hash_of_nobody(parameters)) == parameters


async def test_a_hash_of_another_cost_is_outdated() -> None:
    dearer = Parameters(
        type=Type.ID,
        version=19,
        salt_len=16,
        hash_len=32,
        time_cost=2,
        memory_cost=8,
        parallelism=1,
    )
    stored = await Passwords(CHEAP).hash("correct horse")

    assert not Passwords(CHEAP).is_outdated(stored)
    assert Passwords(dearer).is_outdated(stored)
    assert await Passwords(dearer).verify("correct horse", stored)


async def test_hashing_leaves_the_event_loop_and_is_bounded() -> None:
    passwords = Passwords(CHEAP, at_once=1, waiting=2)
    outcomes = await asyncio.gather(
        *(passwords.hash("correct horse") for _ in range(5)), return_exceptions=True
    )

    assert sum(isinstance(outcome, str) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, TooManyRequests) for outcome in outcomes) == 2
    assert await passwords.hash("correct horse")


async def test_a_cancelled_check_keeps_its_turn_until_its_thread_ends() -> None:
    passwords = Passwords(CHEAP, at_once=1, waiting=1)
    may_go_on = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(may_go_on.wait, 30)  # the check's thread can't end before
        checking = asyncio.ensure_future(passwords.verify("correct horse", None))
        await asyncio.sleep(0)
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking

        hashing = asyncio.ensure_future(passwords.hash("correct horse"))
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await passwords.hash("correct horse")
        may_go_on.set()
        async with asyncio.timeout(60):
            assert await hashing


@pytest.mark.parametrize("password", ["12345678", "pässwör", "x" * 1024, "correct horse battery"])
def test_a_password_of_8_to_1024_bytes_is_taken(password: str) -> None:
    check_new_password(password, username="alice")


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025, "ä" * 513, "\ud800" * 8])
def test_a_password_of_a_wrong_size_is_refused(password: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_new_password(password, username="alice", field="newPassword")
    assert refused.value.field == "newPassword"
    assert "newPassword" in refused.value.message


@pytest.mark.parametrize("password", ["administrator", "ADMINISTRATOR", " Administrator "])
def test_a_password_that_is_the_user_name_is_refused(password: str) -> None:
    with pytest.raises(BadInput, match="must not be the user name"):
        check_new_password(password, username="Administrator")
