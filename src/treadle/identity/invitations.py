"""Invitations: somebody is asked by mail to come in, and makes the account with the link.

The link's token works once, for a week. It stands in the letter only; a hash is stored. An
invitation is as good as the right of whoever sent it was then: who must not invite any more has
invitations that are revoked like others, by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound, Unauthenticated
from treadle.core.ids import new_id, new_secret, secret_hash
from treadle.core.pages import Slice, Window
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import audit, projects, users
from treadle.identity import invitation_store as store
from treadle.identity.members import give_role, is_role, require_to_give, role_rule
from treadle.identity.model import ApplicationRole, Origin, Principal, ProjectRole, User
from treadle.identity.names import names_of
from treadle.identity.passwords import Passwords
from treadle.identity.rights import MISSING, Right, allows, require_a_role
from treadle.identity.texts import check_email
from treadle.identity.user_store import UserRow, find_user
from treadle.mail import outbox
from treadle.mail.outbox import Mail, MailState

LIFETIME: Final = timedelta(days=7)
KEPT_FOR: Final = timedelta(days=30)
"""After its end, for the list."""
MAX_OPEN: Final = 1000
"""Of a tenant: nobody sends mail without end in our name."""
NO_MAIL: Final = (
    "Mail is not set up here: the operator sets TREADLE_SMTP_URL, TREADLE_MAIL_FROM and"
    " TREADLE_PUBLIC_URL."
)
REFUSED: Final = "The invitation is wrong, expired, revoked or used."

InvitationState: TypeAlias = Literal["open", "accepted", "expired"]

_PREFIX: Final = "tdl_iv_"
_TOKEN: Final = re.compile(r"tdl_iv_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation, and what became of it and of its letter."""

    row: store.InvitationRow
    state: InvitationState
    letter: MailState


async def invite(
    tx: Transaction,
    caller: Principal,
    mail: Mail | None,
    *,
    email: str,
    role: str,
    project_id: UUID | None = None,
    now: datetime,
) -> Invitation:
    """Asks whoever reads mail at the address to come in with this role; the letter is on its way
    with the commit.

    Raises Forbidden, NotFound for a project, BadInput, and Conflict where mail is not set up or too
    many invitations are open.
    """
    require_to_give(caller, project_id)
    if mail is None:
        raise Conflict(NO_MAIL)
    address = check_email(email)
    if not address:
        raise BadInput("email is required", field="email")
    if not is_role(role, project_id):
        raise BadInput(role_rule(project_id), field="role")
    if project_id is not None and not await projects.hold_project(tx, project_id):
        raise NotFound(MISSING)
    if await store.count_open(tx, now=now) >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} invitations are open, which is the most; revoke some first")
    invitation_id, token = new_id(), new_secret(_PREFIX)
    letter_id = await outbox.put_letter(
        tx,
        mail,
        tenant_id=tx.tenant,
        to=address,
        subject="You are invited to Treadle",
        text=_letter(mail.public_url, caller.name, role, token, expires_at=now + LIFETIME),
        now=now,
    )
    await store.insert_invitation(
        tx,
        invitation_id,
        email=address,
        role=role,
        project_id=project_id,
        token_hash=secret_hash(token),
        letter_id=letter_id,
        invited_by=caller.ref,
        expires_at=now + LIFETIME,
        now=now,
    )
    made = await _get(tx, invitation_id)
    await audit.record(
        tx,
        caller,
        action="invitation.create",
        target=f"invitation:{invitation_id}",
        after=_told(made),
        now=now,
    )
    return Invitation(made, "open", "waiting")


async def list_invitations(
    tx: Transaction,
    caller: Principal,
    window: Window,
    *,
    project_id: UUID | None = None,
    now: datetime,
) -> Slice[Invitation]:
    """The invitations into the project, or, without one, into the tenant, the newest first; for
    those who may invite there. Raises Forbidden, NotFound.
    """
    require_to_give(caller, project_id)
    if project_id is not None and not await projects.hold_project(tx, project_id):
        raise NotFound(MISSING)
    found = await store.list_invitations(tx, window, project_id=project_id)
    letters = await outbox.states_of(tx, [row.letter_id for row in found.items])
    items = [Invitation(row, _state(row, now=now), letters[row.letter_id]) for row in found.items]
    return Slice(tuple(items), found.total, window)


async def revoke(
    tx: Transaction, caller: Principal, invitation_id: UUID | None, *, now: datetime
) -> None:
    """The link works no more. Raises NotFound, Forbidden, and Conflict for one that was accepted:
    its user is there, and is changed as others are.
    """
    require_a_role(caller)
    row = None if invitation_id is None else await store.find_invitation(tx, invitation_id)
    if row is None or (row.project_id is None and not allows(caller, Right.ROLES_WRITE)):
        raise NotFound(MISSING)
    require_to_give(caller, row.project_id)
    if not await store.delete_invitation(tx, row.id):
        raise Conflict("The invitation was accepted: change or deactivate its user instead.")
    await outbox.drop_letter(tx, row.letter_id)
    await audit.record(
        tx,
        caller,
        action="invitation.revoke",
        target=f"invitation:{row.id}",
        before=_told(row),
        now=now,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What whoever holds a link is asked: who invites to what, and until when."""

    email: str
    role: ApplicationRole | ProjectRole
    tenant: str
    project: str | None
    invited_by: str
    expires_at: datetime


async def read(db: Database, *, token: str, now: datetime) -> Asked:
    """What the invitation with this token asks. Raises Unauthenticated for one that `accept` would
    refuse.
    """
    tenant_id = await _tenant_of(db, token)
    async with db.tenant(tenant_id) as tx:
        row = await store.find_open(tx, secret_hash(token), now=now)
        if row is None:
            raise Unauthenticated(REFUSED)
        tenant, project = await projects.names_of_place(tx, row.project_id)
        inviter = (await names_of(tx, [row.invited_by]))[row.invited_by]
        return Asked(row.email, row.role, tenant, project, inviter.name, row.expires_at)


async def accept(
    db: Database,
    *,
    token: str,
    username: str,
    password: str,
    passwords: Passwords,
    origin: Origin,
    now: datetime,
) -> User:
    """The user that the invitation was for, with the role, in transactions of its own. Of two who
    come with one token at the same time, one gets in.

    Raises Unauthenticated for a token that is none or is none any more, BadInput, Conflict for a
    name that is taken.
    """
    tenant_id = await _tenant_of(db, token)
    async with db.tenant(tenant_id) as tx:
        found = await store.lock_open(tx, secret_hash(token), now=now)
        if found is None:
            raise Unauthenticated(REFUSED)
        return await _enter(
            tx,
            found,
            username=username,
            password=password,
            passwords=passwords,
            origin=origin,
            now=now,
        )


async def _enter(
    tx: Transaction,
    invitation: store.InvitationRow,
    *,
    username: str,
    password: str,
    passwords: Passwords,
    origin: Origin,
    now: datetime,
) -> User:
    """A new user with the role. A role in a project brings that of a Consumer in the tenant."""
    actor = f"invitation:{invitation.id}"
    user_id = await users.add_user(
        tx,
        actor,
        username=username,
        password=password,
        row=UserRow(email=invitation.email, first_name="", last_name="", active=True),
        passwords=passwords,
        origin=origin,
        now=now,
    )
    places: list[tuple[ApplicationRole | ProjectRole, UUID | None]] = [
        (invitation.role, invitation.project_id)
    ]
    if invitation.project_id is not None:
        places.insert(0, ("Consumer", None))
    for role, project_id in places:
        await give_role(
            tx,
            actor,
            member_type="user",
            member_id=str(user_id),
            role=role,
            project_id=project_id,
            origin=origin,
            now=now,
        )
    await store.put_accepted(tx, invitation.id, user_id=user_id, now=now)
    await audit.record(
        tx,
        f"user:{user_id}",
        action="invitation.accept",
        target=actor,
        after={"invited_by": invitation.invited_by},
        origin=origin,
        now=now,
    )
    user = await find_user(tx, user_id)
    if user is None:
        raise RuntimeError("the user that was made just now is missing")
    return user


async def _tenant_of(db: Database, token: str) -> UUID:
    """Whose invitation it is, open or not. Raises Unauthenticated for nobody's."""
    if _TOKEN.fullmatch(token) is None:
        raise Unauthenticated(REFUSED)
    async with db.system() as tx:
        tenant_id = await store.tenant_of_token(tx, secret_hash(token))
    if tenant_id is None:
        raise Unauthenticated(REFUSED)
    return tenant_id


async def _get(tx: Transaction, invitation_id: UUID) -> store.InvitationRow:
    row = await store.find_invitation(tx, invitation_id)
    if row is None:
        raise NotFound(MISSING)
    return row


def _state(row: store.InvitationRow, *, now: datetime) -> InvitationState:
    if row.accepted_at is not None:
        return "accepted"
    return "expired" if row.expires_at <= now else "open"


def _told(row: store.InvitationRow) -> dict[str, object]:
    return {"email": row.email, "role": row.role, "project_id": row.project_id}


def _letter(public_url: str, inviter: str, role: str, token: str, *, expires_at: datetime) -> str:
    # The token stands behind a #: no server, proxy or log on the way sees it.
    return f"""{inviter} invites you to Treadle as {role}.

Choose a user name and a password here, until {expires_at:%Y-%m-%d %H:%M} UTC:

    {public_url}/invitation#{token}

Programs send the same as POST {public_url}/v1/invitations/accept
with {{"token": "{token}", "username": "…", "password": "…"}}.

If you do not know why you got this, do nothing: without you nothing comes of it.
"""
