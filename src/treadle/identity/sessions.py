"""Logins and what grows from them: tokens, their rotation, their end.

A *session* is one login and its chain of refresh tokens. Each refresh token works once; presented
a second time it was copied, and nobody knows by whom, so the whole session ends. An access token is
looked up at every request, so that an ended session is dead everywhere at once.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final
from uuid import UUID

import structlog

from treadle.core.errors import BadInput, Unauthenticated
from treadle.core.ids import new_id, new_secret, secret_hash
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import audit
from treadle.identity import session_store as store
from treadle.identity.lockout import MAX_FAILURES, WINDOW, LockOut
from treadle.identity.lookups import Lookups
from treadle.identity.model import INSIDE, Origin, Principal, Tokens
from treadle.identity.passwords import MAX_BYTES, Passwords, password_bytes
from treadle.identity.principals import Held, principal_with
from treadle.identity.usernames import fold_username, tidy_username

ACCESS_LIFETIME: Final = timedelta(seconds=36_000)
REFRESH_LIFETIME: Final = timedelta(days=30)
"""From the last rotation."""

LOGIN_REFUSED: Final = (
    "The user name or password is wrong, the user is inactive, or there were too many failed"
    " logins."
)
TOKEN_REFUSED: Final = "The token is wrong, expired or revoked."  # noqa: S105 - a message

_ACCESS_PREFIX: Final = "tdl_at_"
_REFRESH_PREFIX: Final = "tdl_rt_"
_ANY_TOKEN: Final = re.compile(r"tdl_[ar]t_[A-Za-z0-9_-]{43}")

log = structlog.get_logger()


@unique
class LoginRefusal(StrEnum):
    """Why a login was refused. The caller is never told which."""

    WRONG = "wrong name or password, or inactive"
    LOCKED_OUT = "locked out"


async def log_in(
    db: Database,
    *,
    username: str,
    password: str,
    address: str,
    passwords: Passwords,
    lockout: LockOut,
    origin: Origin = INSIDE,
    now: datetime,
) -> Tokens:
    """A new session of the user, in transactions of its own.

    Raises Unauthenticated with one text for a wrong name or password, an inactive user and a lock,
    BadInput for what can be no login, TooManyRequests when too many log in at the same time.
    """
    _refuse_malformed(username, password)
    subject = lockout.subject(username, address)
    async with lockout.turns.turn(), db.system() as tx:
        judged = await _judge(
            tx, fold_username(username), password, subject=subject, passwords=passwords, now=now
        )
        tokens = None
        if isinstance(judged, store.Credentials):
            tokens = await _open_session(tx, judged, origin=origin, now=now)
    # Raised after the commit: the failure has to stay.
    if tokens is None:
        raise Unauthenticated(LOGIN_REFUSED, reason=str(judged))
    return tokens


async def is_password_of(
    db: Database,
    *,
    username: str,
    password: str,
    address: str,
    passwords: Passwords,
    lockout: LockOut,
    now: datetime,
) -> bool:
    """Whether this is the user's password, in a transaction of its own and under the same lock-out
    as a login: a stolen session must not be a way to guess on.
    """
    _refuse_malformed(username, password)
    subject = lockout.subject(username, address)
    async with lockout.turns.turn(), db.system() as tx:
        judged = await _judge(
            tx, fold_username(username), password, subject=subject, passwords=passwords, now=now
        )
    return isinstance(judged, store.Credentials)


async def refresh(
    db: Database, *, refresh_token: str, origin: Origin = INSIDE, now: datetime
) -> Tokens:
    """New tokens for a refresh token, which is used up by it; older access tokens live on.

    Raises Unauthenticated. A token that was used before ends its session, the newest tokens
    included; of two callers with the same token at the same time one wins, the other ends it.
    """
    token_hash = _hash_of(refresh_token, _REFRESH_PREFIX)
    async with db.system() as tx:
        tokens = await _rotate(tx, token_hash, origin=origin, now=now)
    # Raised after the commit: the revocation has to stay.
    if tokens is None:
        raise Unauthenticated(TOKEN_REFUSED)
    return tokens


async def log_out(db: Database, *, token: str, origin: Origin = INSIDE, now: datetime) -> None:
    """Ends the session of an access or refresh token, at once and for every process.

    Raises Unauthenticated if it has none that lives.
    """
    if _ANY_TOKEN.fullmatch(token) is None:
        raise Unauthenticated(TOKEN_REFUSED)
    async with db.system() as tx:
        ended = await store.revoke_session_of_token(tx, secret_hash(token), now=now)
        if ended is None:
            raise Unauthenticated(TOKEN_REFUSED)
        await audit.record(
            tx,
            f"user:{ended.user_id}",
            tenant_id=ended.tenant_id,
            action="session.end",
            target=f"user:{ended.user_id}",
            after={"session": ended.session_id, "reason": "logout"},
            origin=origin,
            now=now,
        )


async def authenticate(lookups: Lookups, *, access_token: str, now: datetime) -> Principal:
    """Who calls, with the roles of this moment. Raises Unauthenticated."""
    found = await lookups.sessions.find(_hash_of(access_token, _ACCESS_PREFIX))
    if found is None or found.expires_at <= now:
        raise Unauthenticated(TOKEN_REFUSED)
    return principal_with(
        Held(found.project_ids, found.roles),
        kind="user",
        id=str(found.user_id),
        name=found.username,
        tenant_id=found.tenant_id,
    )


async def _judge(
    tx: Transaction,
    folded: str,
    password: str,
    *,
    subject: bytes,
    passwords: Passwords,
    now: datetime,
) -> store.Credentials | LoginRefusal:
    """The active user whose password this is, else why not, with the failure recorded.

    The lock on the subject is held while the password is checked: parallel guesses are judged one
    after the other and none slips past the count.
    """
    await store.lock_subject(tx, subject)
    if await store.count_failures(tx, subject, since=now - WINDOW) >= MAX_FAILURES:
        log.info("login_refused", reason="locked")
        return LoginRefusal.LOCKED_OUT
    found = await store.find_credentials(tx, folded)
    fits = await passwords.verify(password, found.password_hash if found else None)
    if found is None or not fits or not await _hold(tx, found, password, passwords):
        log.info("login_refused", reason="wrong or inactive")
        await store.add_failure(tx, subject, now=now)
        return LoginRefusal.WRONG
    await store.clear_failures(tx, subject)
    return found


async def _hold(
    tx: Transaction, found: store.Credentials, password: str, passwords: Passwords
) -> bool:
    """Whether the user is still active with this password while the transaction lasts; on the way,
    a hash of another cost is replaced, since only now its password is known.
    """
    if not found.active or not passwords.is_outdated(found.password_hash):
        return await store.hold_credentials(tx, found)
    fresh = await passwords.hash(password)
    return await store.replace_password_hash(tx, found, password_hash=fresh)


async def _open_session(
    tx: Transaction, user: store.Credentials, *, origin: Origin, now: datetime
) -> Tokens:
    session_id = new_id()
    await store.insert_session(
        tx,
        session_id,
        tenant_id=user.tenant_id,
        user_id=user.user_id,
        expires_at=now + REFRESH_LIFETIME,
        now=now,
    )
    ref = f"user:{user.user_id}"
    await audit.record(
        tx,
        ref,
        tenant_id=user.tenant_id,
        action="session.begin",
        target=ref,
        after={"session": session_id},
        origin=origin,
        now=now,
    )
    return await _issue(tx, tenant_id=user.tenant_id, session_id=session_id, now=now)


async def _rotate(
    tx: Transaction, token_hash: bytes, *, origin: Origin, now: datetime
) -> Tokens | None:
    family = await store.lock_family(tx, token_hash)
    if family is None or family.session_revoked_at is not None or not family.user_active:
        return None
    if family.token_used_at is not None:
        log.warning("refresh_token_used_twice", session_id=str(family.session_id))
        await store.revoke_session(
            tx, family.session_id, reason="refresh token used twice", now=now
        )
        await audit.record(
            tx,
            f"user:{family.user_id}",
            tenant_id=family.tenant_id,
            action="session.end",
            target=f"user:{family.user_id}",
            after={"session": family.session_id, "reason": "refresh used twice"},
            outcome="refused",
            origin=origin,
            now=now,
        )
        return None
    if family.token_expires_at <= now:
        return None
    await store.rotate_session(
        tx,
        family.session_id,
        refresh_hash=token_hash,
        expires_at=now + REFRESH_LIFETIME,
        now=now,
    )
    return await _issue(tx, tenant_id=family.tenant_id, session_id=family.session_id, now=now)


async def _issue(tx: Transaction, *, tenant_id: UUID, session_id: UUID, now: datetime) -> Tokens:
    access, refreshing = new_secret(_ACCESS_PREFIX), new_secret(_REFRESH_PREFIX)
    await store.insert_tokens(
        tx,
        [
            store.NewToken(secret_hash(access), "access", now + ACCESS_LIFETIME),
            store.NewToken(secret_hash(refreshing), "refresh", now + REFRESH_LIFETIME),
        ],
        tenant_id=tenant_id,
        session_id=session_id,
    )
    return Tokens(access, refreshing, int(ACCESS_LIFETIME.total_seconds()))


def _refuse_malformed(username: str, password: str) -> None:
    """Raises BadInput for what no user can have; what anybody might have is judged."""
    tidy_username(username)
    if not 1 <= len(password_bytes(password)) <= MAX_BYTES:
        raise BadInput(f"password must have 1 to {MAX_BYTES} bytes", field="password")


def _hash_of(token: str, prefix: str) -> bytes:
    """The stored form of a token of this kind. What can't be one is refused without a look-up."""
    if not token.startswith(prefix) or _ANY_TOKEN.fullmatch(token) is None:
        raise Unauthenticated(TOKEN_REFUSED)
    return secret_hash(token)
