"""People (contract §3): administrators manage them; everybody sees and guards the own account."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, model_validator

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Caller, Context, Tx, client_address_of, needs
from treadle.api.integration_manager.pages import ListBody, Listing, listing
from treadle.api.wire import Camel, Flag, camel_case
from treadle.core.clock import iso
from treadle.core.errors import BadInput, NotFound
from treadle.core.ids import parse_number
from treadle.identity import users
from treadle.identity.model import Principal, User
from treadle.identity.rights import MISSING, Right
from treadle.identity.users import USER_SORTS, UserChanges

router: Final = APIRouter(route_class=EdgeRoute, tags=["Users"])

_EXAMPLE: Final = {
    "username": "ada",
    "email": "ada@example.com",
    "firstName": "Ada",
    "lastName": "Byron",
    "active": True,
    "admin": False,
}
_BODY_EXAMPLE: Final = {
    "id": "7",
    "name": "ada",
    **_EXAMPLE,
    "href": "https://treadle.example/api/users/7",
    "created": "2026-11-21T09:00:00.000Z",
    "lastModified": "2026-11-21T09:00:00.000Z",
}


class UserBody(Camel):
    """A person who can log in."""

    model_config = camel_case(example=_BODY_EXAMPLE)

    id: str
    username: str
    name: str = Field(description="What other answers call this person: the user name.")
    email: str
    first_name: str
    last_name: str
    active: bool = Field(description="Whether the person can log in.")
    admin: bool = Field(description="Whether the person is an administrator of the tenant.")
    href: str
    created: str
    last_modified: str


class UserList(ListBody[UserBody]):
    """One page of users."""

    model_config = camel_case(
        example={
            "totalRecords": 1,
            "totalPages": 1,
            "size": 25,
            "pageNumber": 0,
            "items": [_BODY_EXAMPLE],
            "links": {"prev": None, "next": None},
        }
    )


class NewUser(Camel):
    """A person to be let in."""

    model_config = camel_case(example={**_EXAMPLE, "password": "correct horse battery"})

    username: str = Field(description="Unique in the installation, whatever its case. Fixed.")
    password: str = Field(description="8 to 1,024 bytes.")
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    active: Flag = True
    admin: Flag = False


class UserReplacement(Camel):
    """All that can be said of a person; texts that are left out become empty."""

    model_config = camel_case(example=_EXAMPLE)

    username: str | None = Field(None, description="May be sent back, but not changed.")
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    active: Flag
    admin: Flag

    @model_validator(mode="before")
    @classmethod
    def refuse_password(cls, data: Any) -> Any:
        """A password that is quietly not changed would be worse than a refusal."""
        if isinstance(data, dict) and "password" in data:
            raise ValueError("password is changed by POST /api/users/{id}/password")
        return data


class UserPatch(UserReplacement):
    """What to change of a person; what is left out stays."""

    model_config = camel_case(example={"active": False})

    active: Flag = True
    admin: Flag = False


class PasswordChange(Camel):
    """A new password, twice. Whoever changes the own password also names the old one."""

    model_config = camel_case(
        example={
            "oldPassword": "correct horse battery",
            "newPassword": "a longer and better one",
            "confirmNewPassword": "a longer and better one",
        }
    )

    old_password: str | None = None
    new_password: str = Field(description="8 to 1,024 bytes.")
    confirm_new_password: str


UserId = Annotated[str, Path(alias="id", description="The user's id.", examples=["7"])]


def user_body(user: User, base: str) -> UserBody:
    """The user on the wire."""
    return UserBody(
        id=str(user.id),
        username=user.username,
        name=user.username,
        email=user.email,
        first_name=user.first_name,
        last_name=user.last_name,
        active=user.active,
        admin=user.is_administrator,
        href=f"{base}/api/users/{user.id}",
        created=iso(user.created_at),
        last_modified=iso(user.last_modified_at),
    )


@router.get("/api/user", summary="Get the caller's own account", operation_id="getMe")
async def get_me(*, caller: Caller, tx: Tx, base: Base) -> UserBody:
    """The person whose credential this is. An API key is not a person: 404."""
    if caller.kind != "user":
        raise NotFound(MISSING)
    return user_body(await users.get_user(tx, caller, _number(caller.id)), base)


@router.get("/api/users", summary="List users", operation_id="listUsers")
async def list_users(
    *,
    caller: Annotated[Principal, needs(Right.USERS_READ)],
    tx: Tx,
    base: Base,
    listed: Annotated[Listing, listing(sorts=USER_SORTS)],
    active: Annotated[bool | None, Query(description="Only (in)active ones.")] = None,
) -> UserList:
    """The people of the tenant; `filter` looks in names and email."""
    page = await users.list_users(
        tx,
        caller,
        page=listed.page,
        text=listed.text,
        active=active,
        sort=listed.sort,
        descending=listed.descending,
    )
    return UserList.of(page, listed, [user_body(user, base) for user in page.items])


@router.post("/api/users", summary="Create a user", operation_id="createUser", status_code=201)
async def create_user(
    *,
    body: NewUser,
    response: Response,
    caller: Annotated[Principal, needs(Right.USERS_WRITE)],
    tx: Tx,
    base: Base,
    context: Context,
) -> UserBody:
    """Lets a person in. Without `admin`, the person sees what a project's owner lets him into."""
    user = await users.create_user(
        tx,
        caller,
        username=body.username,
        password=body.password,
        email=body.email,
        first_name=body.first_name,
        last_name=body.last_name,
        active=body.active,
        role="Administrator" if body.admin else "Consumer",
        passwords=context.passwords,
        now=context.clock(),
    )
    created = user_body(user, base)
    response.headers["Location"] = created.href
    return created


@router.get("/api/users/{id}", summary="Get a user", operation_id="getUser")
async def get_user(*, user_id: UserId, caller: Caller, tx: Tx, base: Base) -> UserBody:
    """A person of the tenant: administrators see all, everybody sees the own account."""
    return user_body(await users.get_user(tx, caller, _number(user_id)), base)


@router.put("/api/users/{id}", summary="Replace a user", operation_id="replaceUser")
async def replace_user(
    *,
    user_id: UserId,
    body: UserReplacement,
    caller: Annotated[Principal, needs(Right.USERS_WRITE)],
    tx: Tx,
    base: Base,
    context: Context,
) -> UserBody:
    """Sets all that can be set. Deactivating ends every session of the person at once."""
    user = await users.get_user(tx, caller, _number(user_id))
    changes = _changes(user, body, sent=UserReplacement.model_fields)
    changed = await users.change_user(tx, caller, user.id, changes, now=context.clock())
    return user_body(changed, base)


@router.patch("/api/users/{id}", summary="Change a user", operation_id="updateUser")
async def update_user(
    *,
    user_id: UserId,
    body: UserPatch,
    caller: Annotated[Principal, needs(Right.USERS_WRITE)],
    tx: Tx,
    base: Base,
    context: Context,
) -> UserBody:
    """Sets what is sent and leaves the rest. Deactivating ends every session at once."""
    user = await users.get_user(tx, caller, _number(user_id))
    changes = _changes(user, body, sent=body.model_fields_set)
    changed = await users.change_user(tx, caller, user.id, changes, now=context.clock())
    return user_body(changed, base)


@router.post(
    "/api/users/{id}/password",
    summary="Change a password",
    operation_id="changePassword",
    status_code=204,
)
async def change_password(
    *,
    user_id: UserId,
    body: PasswordChange,
    request: Request,
    caller: Caller,
    tx: Tx,
    context: Context,
) -> None:
    """Sets a new password and ends every session of the person, the caller's own included.

    The own password needs `oldPassword`; administrators set that of others without it.
    """
    if body.new_password != body.confirm_new_password:
        raise BadInput("confirmNewPassword: must be the same text", field="confirmNewPassword")
    await users.change_password(
        tx,
        caller,
        _number(user_id),
        new_password=body.new_password,
        old_password=body.old_password,
        address=client_address_of(request),
        db=context.database,
        passwords=context.passwords,
        lockout=context.lockout,
        now=context.clock(),
    )


def _changes(user: User, body: UserReplacement, sent: Collection[str]) -> UserChanges:
    """What `body` changes of the user, of the fields that were sent."""
    if body.username is not None and body.username != user.username:
        raise BadInput("username: cannot be changed", field="username")
    return UserChanges(
        email=body.email if "email" in sent else None,
        first_name=body.first_name if "first_name" in sent else None,
        last_name=body.last_name if "last_name" in sent else None,
        active=body.active if "active" in sent else None,
        role=_role(user, admin=body.admin) if "admin" in sent else None,
    )


def _role(user: User, *, admin: bool) -> str | None:
    """The role that `admin` asks for; None where the user's own already says the same."""
    if admin == user.is_administrator:
        return None
    return "Administrator" if admin else "Consumer"


def _number(user_id: str) -> int:
    number = parse_number(user_id)
    if number is None:
        raise NotFound(MISSING)
    return number
