"""Members: which user or API key holds which role, in the tenant or in a project."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Caller, Context, Tx
from treadle.api.lists import ListBody, ListWindow, list_example
from treadle.api.wire import exact, snake_case
from treadle.core.clock import iso
from treadle.core.errors import NotFound
from treadle.core.ids import parse_id
from treadle.identity import members
from treadle.identity.model import Actor, Member
from treadle.identity.names import names_of
from treadle.identity.rights import MISSING

router: Final = APIRouter(route_class=EdgeRoute, tags=["Members"])

_INPUT_EXAMPLE: Final = {
    "member_type": "api_key",
    "member_id": "3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f",
    "role": "Manager",
    "project_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
}
_ID_EXAMPLE: Final = "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11"
_EXAMPLE: Final = {
    "id": _ID_EXAMPLE,
    **_INPUT_EXAMPLE,
    "name": "Nightly import from the warehouse",
    "created_at": "2026-11-21T09:00:00.000Z",
}

MemberId = Annotated[str, Path(alias="id", description="The member's id.", examples=[_ID_EXAMPLE])]


class MemberInput(BaseModel):
    """A role to be given."""

    model_config = exact(example=_INPUT_EXAMPLE)

    member_type: str = Field(description="`user` or `api_key`.")
    member_id: str | int = Field(description="The user's id, or the key's client id.")
    role: str = Field(
        description="In a project `Owner`, `Contributor`, `Manager` or `Member`; in the tenant "
        "`Administrator`, `Project Creator` or `Consumer`."
    )
    project_id: str | None = Field(None, description="Left out: a role in the whole tenant.")


class MemberBody(BaseModel):
    """A role that a user or an API key holds."""

    model_config = snake_case(example=_EXAMPLE)

    id: str
    member_type: str
    member_id: str
    name: str = Field(description="The user's name, or the key's description.")
    role: str
    project_id: str | None = Field(description="Where; null: in the whole tenant.")
    created_at: str


class MemberList(ListBody[MemberBody]):
    """Some of the members."""

    model_config = snake_case(example=list_example(_EXAMPLE))


@router.post("/v1/members", summary="Give a role", operation_id="createMember", status_code=201)
async def create_member(body: MemberInput, caller: Caller, tx: Tx, context: Context) -> MemberBody:
    """Gives a user or an API key a role, in place of the one held there. In a project owners and
    administrators may, in the tenant administrators. 409 where no administrator would be left.
    """
    member = await members.set_member(
        tx,
        caller,
        member_type=body.member_type,
        member_id=str(body.member_id),
        role=body.role,
        project_id=None if body.project_id is None else _id(body.project_id),
        now=context.clock(),
    )
    names = await names_of(tx, [_ref(member)])
    return _body(member, names[_ref(member)])


@router.get("/v1/members", summary="List members", operation_id="listMembers")
async def list_members(
    caller: Caller,
    tx: Tx,
    window: ListWindow,
    project_id: Annotated[
        str | None, Query(description="Left out: the roles in the whole tenant.")
    ] = None,
) -> MemberList:
    """Who holds a role in the project, for all of its members; or who holds one in the tenant, for
    administrators.
    """
    found = await members.list_members(
        tx, caller, window, project_id=None if project_id is None else _id(project_id)
    )
    names = await names_of(tx, {_ref(member) for member in found.items})
    return MemberList.of(found, [_body(member, names[_ref(member)]) for member in found.items])


@router.delete(
    "/v1/members/{id}", summary="Take a role", operation_id="deleteMember", status_code=204
)
async def delete_member(member_id: MemberId, caller: Caller, tx: Tx, context: Context) -> None:
    """The role is gone, with the next request of whoever held it. As for giving one."""
    await members.remove_member(tx, caller, _id(member_id), now=context.clock())


def _ref(member: Member) -> str:
    return f"{member.member_type}:{member.member_id}"


def _body(member: Member, actor: Actor) -> MemberBody:
    return MemberBody(
        id=str(member.id),
        member_type=member.member_type,
        member_id=member.member_id,
        name=actor.name,
        role=member.role,
        project_id=None if member.project_id is None else str(member.project_id),
        created_at=iso(member.created_at),
    )


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound(MISSING)
    return found
