"""Passwords: argon2id, hashed and checked off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import base64
import os
import unicodedata
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher, profiles
from argon2.exceptions import VerifyMismatchError

from treadle.core.errors import BadInput
from treadle.identity.turns import Turns
from treadle.identity.usernames import fold_username

T = TypeVar("T")

MIN_BYTES: Final = 8
MAX_BYTES: Final = 1024
"""Of the password in UTF-8. The upper bound keeps a login from being a way to send megabytes."""


def check_new_password(password: str, *, username: str, field: str = "password") -> None:
    """Raises BadInput, under the name `field`, for a password that nobody may take."""
    size = len(password_bytes(password, field=field))
    if not MIN_BYTES <= size <= MAX_BYTES:
        raise BadInput(f"{field} must have {MIN_BYTES} to {MAX_BYTES} bytes", field=field)
    if fold_username(password) == fold_username(username):
        raise BadInput(f"{field} must not be the user name", field=field)


def password_bytes(password: str, *, field: str = "password") -> bytes:
    """The bytes that are hashed: UTF-8 of the composed form, since keyboards differ in how they
    spell an accent. Raises BadInput for text that has no UTF-8 form.
    """
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        raise BadInput(f"{field} is not valid text", field=field) from None


class Passwords:
    """Hashes and checks with the given cost, at most `at_once` at a time in this process.

    One check takes `parameters.memory_cost` KiB (64 MiB unless told otherwise), so that the bound
    is also a bound on memory. Over `waiting` more raise TooManyRequests.
    """

    def __init__(
        self,
        parameters: Parameters = profiles.RFC_9106_LOW_MEMORY,
        *,
        at_once: int = 2,
        waiting: int = 64,
    ) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._turns = Turns(at_once=at_once, waiting=waiting)
        self._nobody = hash_of_nobody(parameters)

    async def hash(self, password: str) -> str:
        """The text to store: parameters, salt and hash."""
        raw = password_bytes(password)
        return await self._in_thread(lambda: self._hasher.hash(raw))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password fits. With None, there being no such user, the same work is done and
        the answer is False, so that the time taken does not say who exists.
        """
        raw = password_bytes(password)
        return await self._in_thread(lambda: self._fits(raw, stored or self._nobody))

    def is_outdated(self, stored: str) -> bool:
        """Whether the stored hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, raw: bytes, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, raw)
        except VerifyMismatchError:
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """A thread can't be stopped: the turn is given back when it ends, not when the caller that
        waits for it is cancelled, else cancelled logins would pile up threads and memory.
        """
        await self._turns.take()
        running = asyncio.ensure_future(asyncio.to_thread(work))
        running.add_done_callback(lambda _: self._turns.give_back())
        return await asyncio.shield(running)


def hash_of_nobody(parameters: Parameters) -> str:
    """A well-formed hash that no password has, as costly to check as a real one."""

    def text(size: int) -> str:
        return base64.b64encode(os.urandom(size)).decode().rstrip("=")

    return (
        f"$argon2id$v={parameters.version}$m={parameters.memory_cost},t={parameters.time_cost},"
        f"p={parameters.parallelism}${text(parameters.salt_len)}${text(parameters.hash_len)}"
    )
