"""Invitations: people are asked by mail to come in, and make their account with the link."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Caller, Context, Tx
from treadle.api.lists import ListBody, ListWindow, list_example
from treadle.api.origins import origin_of
from treadle.api.wire import exact, snake_case
from treadle.core.clock import iso, iso_or_none
from treadle.core.errors import NotFound
from treadle.core.ids import parse_id
from treadle.identity import invitations
from treadle.identity.invitations import Invitation, InvitationState
from treadle.identity.rights import MISSING
from treadle.mail.outbox import MailState

router: Final = APIRouter(route_class=EdgeRoute, tags=["Invitations"])

_ID_EXAMPLE: Final = "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11"
_LETTERS_EXAMPLE: Final = "tdl_iv_fVbEDUKDqNGmXkHZUFmVrXWgNpBe2hnOMUPPmHuGGXg"
_INPUT_EXAMPLE: Final = {
    "email": "ada@example.com",
    "role": "Contributor",
    "project_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
}
_EXAMPLE: Final = {
    "id": _ID_EXAMPLE,
    **_INPUT_EXAMPLE,
    "invited_by": "user:1",
    "created_at": "2026-11-21T09:00:00.000Z",
    "expires_at": "2026-11-28T09:00:00.000Z",
    "accepted_at": None,
    "user_id": None,
    "status": "open",
    "mail": "sent",
}

InvitationId = Annotated[
    str, Path(alias="id", description="The invitation's id.", examples=[_ID_EXAMPLE])
]


class InvitationInput(BaseModel):
    """Who is to be asked, and as what."""

    model_config = exact(example=_INPUT_EXAMPLE)

    email: str
    role: str = Field(
        description="In a project `Owner`, `Contributor`, `Manager` or `Member`; in the tenant "
        "`Administrator`, `Project Creator` or `Consumer`."
    )
    project_id: str | None = Field(None, description="Left out: a role in the whole tenant.")


class InvitationBody(BaseModel):
    """Somebody who was asked to come in."""

    model_config = snake_case(example=_EXAMPLE)

    id: str
    email: str
    role: str
    project_id: str | None = Field(description="Where; null: in the whole tenant.")
    invited_by: str
    created_at: str
    expires_at: str
    accepted_at: str | None
    user_id: str | None = Field(description="Whoever accepted it.")
    status: InvitationState
    mail: MailState = Field(description="What became of the letter.")


class InvitationList(ListBody[InvitationBody]):
    """Some of the invitations."""

    model_config = snake_case(example=list_example(_EXAMPLE))


class TokenInput(BaseModel):
    """The token of the letter."""

    model_config = snake_case(example={"token": _LETTERS_EXAMPLE})

    token: str


class AskedBody(BaseModel):
    """Who invites to what."""

    model_config = snake_case(
        example={
            "email": "ada@example.com",
            "role": "Contributor",
            "tenant": "default",
            "project": "Warehouse",
            "invited_by": "admin",
            "expires_at": "2026-11-28T09:00:00.000Z",
        }
    )

    email: str
    role: str
    tenant: str
    project: str | None = Field(description="Its name; null: in the whole tenant.")
    invited_by: str = Field(description="A user name, or the description of an API key.")
    expires_at: str


class AcceptInput(BaseModel):
    """The token of the letter, and the account that is wanted."""

    model_config = exact(
        example={
            "token": _LETTERS_EXAMPLE,
            "username": "ada",
            "password": "correct horse battery",
        }
    )

    token: str
    username: str
    password: str


class AcceptedBody(BaseModel):
    """The user that was made."""

    model_config = snake_case(example={"user_id": "7", "username": "ada"})

    user_id: str
    username: str


@router.post(
    "/v1/invitations",
    summary="Invite somebody by mail",
    operation_id="createInvitation",
    status_code=201,
)
async def create_invitation(
    body: InvitationInput, caller: Caller, tx: Tx, context: Context
) -> InvitationBody:
    """Sends a link with which whoever reads the mail makes an account with this role, once and
    within a week. In a project owners and administrators may, in the tenant administrators. 409
    where mail is not set up.
    """
    made = await invitations.invite(
        tx,
        caller,
        context.mail,
        email=body.email,
        role=body.role,
        project_id=None if body.project_id is None else _id(body.project_id),
        now=context.clock(),
    )
    return _body(made)


@router.get("/v1/invitations", summary="List invitations", operation_id="listInvitations")
async def list_invitations(
    caller: Caller,
    tx: Tx,
    window: ListWindow,
    context: Context,
    project_id: Annotated[
        str | None, Query(description="Left out: those into the whole tenant.")
    ] = None,
) -> InvitationList:
    """The newest first, for those who may invite there. Gone a month after their end."""
    found = await invitations.list_invitations(
        tx,
        caller,
        window,
        project_id=None if project_id is None else _id(project_id),
        now=context.clock(),
    )
    return InvitationList.of(found, [_body(one) for one in found.items])


@router.delete(
    "/v1/invitations/{id}",
    summary="Revoke an invitation",
    operation_id="revokeInvitation",
    status_code=204,
)
async def revoke_invitation(
    invitation_id: InvitationId, caller: Caller, tx: Tx, context: Context
) -> None:
    """The link works no more. 409 for one that was accepted."""
    await invitations.revoke(tx, caller, parse_id(invitation_id), now=context.clock())


@router.post(
    "/v1/invitations/read",
    summary="Read an invitation",
    operation_id="readInvitation",
)
async def read_invitation(body: TokenInput, context: Context) -> AskedBody:
    """Who invites to what, for whoever holds the letter. 401 for a token that is wrong, expired,
    revoked or used.
    """
    asked = await invitations.read(context.database, token=body.token, now=context.clock())
    return AskedBody(
        email=asked.email,
        role=asked.role,
        tenant=asked.tenant,
        project=asked.project,
        invited_by=asked.invited_by,
        expires_at=iso(asked.expires_at),
    )


@router.post(
    "/v1/invitations/accept",
    summary="Accept an invitation",
    operation_id="acceptInvitation",
    status_code=201,
)
async def accept_invitation(
    *, body: AcceptInput, request: Request, context: Context
) -> AcceptedBody:
    """Makes the account. 401 for a token that is wrong, expired, revoked or used; 400 and 409 for
    a name or password that cannot be had leave it usable. Log in afterwards.
    """
    user = await invitations.accept(
        context.database,
        token=body.token,
        username=body.username,
        password=body.password,
        passwords=context.passwords,
        origin=origin_of(request.scope),
        now=context.clock(),
    )
    return AcceptedBody(user_id=str(user.id), username=user.username)


def _body(invitation: Invitation) -> InvitationBody:
    row = invitation.row
    return InvitationBody(
        id=str(row.id),
        email=row.email,
        role=row.role,
        project_id=None if row.project_id is None else str(row.project_id),
        invited_by=row.invited_by,
        created_at=iso(row.created_at),
        expires_at=iso(row.expires_at),
        accepted_at=iso_or_none(row.accepted_at),
        user_id=None if row.accepted_by is None else str(row.accepted_by),
        status=invitation.state,
        mail=invitation.letter,
    )


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound(MISSING)
    return found
