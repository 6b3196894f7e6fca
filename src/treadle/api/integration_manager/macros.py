"""Macros (contract §3): variables of the code, of the tenant, a person, a job, or in named sets."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import (
    Caller,
    Context,
    Tx,
    needs,
    needs_in_a_project,
    needs_somewhere,
)
from treadle.api.integration_manager.jobconfig_bodies import MacroBody, MacroInput, macro_body
from treadle.api.wire import Camel, camel_case
from treadle.core.clock import iso
from treadle.core.errors import NotFound
from treadle.core.ids import parse_number
from treadle.db.transaction import Transaction
from treadle.identity import users
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right, allows, require_a_role
from treadle.jobs import definitions, macros
from treadle.jobs.model import MacroSet, Place

router: Final = APIRouter(route_class=EdgeRoute, tags=["Macros"])

TenantWriter = Annotated[Principal, needs(Right.MACROS_TENANT_WRITE)]
Reader = Annotated[Principal, needs_somewhere(Right.JOBS_READ)]
TenantReader = Annotated[Principal, needs_in_a_project(Right.JOBS_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.JOBS_WRITE)]
SetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$")]

TENANT: Final = Place("tenant")


class MacroSetInput(Camel):
    """A named group of macros."""

    model_config = camel_case(example={"name": "warehouse", "description": "Where it is"})

    name: SetName
    description: str = Field("", max_length=2000)


class MacroSetBody(Camel):
    """A named group of macros that jobs and runs can take together."""

    model_config = camel_case(
        example={
            "name": "warehouse",
            "description": "Where it is",
            "created": "2026-11-21T09:00:00.000Z",
        }
    )

    name: str
    description: str
    created: str


# ---------------------------------------------------------------- of the tenant


@router.get("/api/macros", summary="List macros of the tenant", operation_id="listMacros")
async def list_tenant_macros(caller: TenantReader, tx: Tx) -> list[MacroBody]:
    """What every run of the tenant gets."""
    return await _listed(tx, TENANT)


@router.put("/api/macros/{name}", summary="Set a macro of the tenant", operation_id="putMacro")
async def put_tenant_macro(
    name: str, body: MacroInput, caller: TenantWriter, tx: Tx, context: Context
) -> MacroBody:
    """Adds it, or replaces the one of this name."""
    return await _put(tx, context, caller, TENANT, name, body)


@router.delete(
    "/api/macros/{name}",
    summary="Delete a macro of the tenant",
    operation_id="deleteMacro",
    status_code=204,
)
async def delete_tenant_macro(name: str, caller: TenantWriter, tx: Tx, context: Context) -> None:
    """It is gone for runs that begin later."""
    await macros.delete_macro(tx, caller, TENANT, name, now=context.clock())


# ---------------------------------------------------------------- of a person


@router.get(
    "/api/users/{id}/macros", summary="List macros of a user", operation_id="listUserMacros"
)
async def list_user_macros(id: str, caller: Caller, tx: Tx) -> list[MacroBody]:  # noqa: A002
    """What the runs get that this person submits: for the person, and for administrators."""
    return await _listed(tx, await _of_user(tx, caller, id))


@router.put(
    "/api/users/{id}/macros/{name}", summary="Set a macro of a user", operation_id="putUserMacro"
)
async def put_user_macro(
    id: str,  # noqa: A002
    name: str,
    body: MacroInput,
    caller: Caller,
    tx: Tx,
    context: Context,
) -> MacroBody:
    """Adds it, or replaces the one of this name."""
    return await _put(tx, context, caller, await _of_user(tx, caller, id), name, body)


@router.delete(
    "/api/users/{id}/macros/{name}",
    summary="Delete a macro of a user",
    operation_id="deleteUserMacro",
    status_code=204,
)
async def delete_user_macro(id: str, name: str, caller: Caller, tx: Tx, context: Context) -> None:  # noqa: A002
    """It is gone for runs that begin later."""
    place = await _of_user(tx, caller, id)
    await macros.delete_macro(tx, caller, place, name, now=context.clock())


# ---------------------------------------------------------------- of a job


@router.get(
    "/api/jobconfigs/{id}/macros", summary="List macros of a job", operation_id="listJobMacros"
)
async def list_job_macros(id: str, caller: Reader, tx: Tx) -> list[MacroBody]:  # noqa: A002
    """What every run of the job gets."""
    return await _listed(tx, await _of_job(tx, caller, id, Right.JOBS_READ))


@router.post(
    "/api/jobconfigs/{id}/macros",
    summary="Add a macro to a job",
    operation_id="addJobMacro",
    status_code=201,
)
async def add_job_macro(
    id: str,  # noqa: A002
    body: MacroInput,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> MacroBody:
    """Adds it, or replaces the one of this name."""
    place = await _of_job(tx, caller, id, Right.JOBS_WRITE)
    return await _put(tx, context, caller, place, body.name or body.key, body)


@router.put(
    "/api/jobconfigs/{id}/macros/{name}", summary="Set a macro of a job", operation_id="putJobMacro"
)
async def put_job_macro(
    id: str,  # noqa: A002
    name: str,
    body: MacroInput,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> MacroBody:
    """Adds it, or replaces the one of this name."""
    return await _put(
        tx, context, caller, await _of_job(tx, caller, id, Right.JOBS_WRITE), name, body
    )


@router.delete(
    "/api/jobconfigs/{id}/macros/{name}",
    summary="Delete a macro of a job",
    operation_id="deleteJobMacro",
    status_code=204,
)
async def delete_job_macro(id: str, name: str, caller: Writer, tx: Tx, context: Context) -> None:  # noqa: A002
    """It is gone for runs that begin later."""
    await macros.delete_macro(
        tx, caller, await _of_job(tx, caller, id, Right.JOBS_WRITE), name, now=context.clock()
    )


# ---------------------------------------------------------------- in sets


@router.get("/api/macrosets", summary="List macro sets", operation_id="listMacroSets")
async def list_macro_sets(caller: TenantReader, tx: Tx) -> list[MacroSetBody]:
    """The sets of the tenant, by name."""
    return [_set_body(found) for found in await macros.list_sets(tx)]


@router.post(
    "/api/macrosets",
    summary="Make or describe a macro set",
    operation_id="putMacroSet",
    status_code=201,
)
async def put_macro_set(
    body: MacroSetInput, caller: TenantWriter, tx: Tx, context: Context
) -> MacroSetBody:
    """Makes the set, or gives the one of this name another description."""
    return _set_body(
        await macros.put_set(
            tx, caller, body.name, description=body.description, now=context.clock()
        )
    )


@router.delete(
    "/api/macrosets/{set}",
    summary="Delete a macro set",
    operation_id="deleteMacroSet",
    status_code=204,
)
async def delete_macro_set(set: str, caller: TenantWriter, tx: Tx, context: Context) -> None:  # noqa: A002
    """The set and its macros are gone. 409 while a job takes it."""
    await macros.delete_set(tx, caller, set, now=context.clock())


@router.get(
    "/api/macrosets/{set}/macros", summary="List macros of a set", operation_id="listSetMacros"
)
async def list_set_macros(set: str, caller: TenantReader, tx: Tx) -> list[MacroBody]:  # noqa: A002
    """The macros of the set, by name."""
    return await _listed(tx, await _of_set(tx, set))


@router.put(
    "/api/macrosets/{set}/macros/{name}",
    summary="Set a macro of a set",
    operation_id="putSetMacro",
)
async def put_set_macro(
    set: str,  # noqa: A002
    name: str,
    body: MacroInput,
    caller: TenantWriter,
    tx: Tx,
    context: Context,
) -> MacroBody:
    """Adds it, or replaces the one of this name."""
    return await _put(tx, context, caller, await _of_set(tx, set), name, body)


@router.delete(
    "/api/macrosets/{set}/macros/{name}",
    summary="Delete a macro of a set",
    operation_id="deleteSetMacro",
    status_code=204,
)
async def delete_set_macro(
    set: str,  # noqa: A002
    name: str,
    caller: TenantWriter,
    tx: Tx,
    context: Context,
) -> None:
    """It is gone for runs that begin later."""
    await macros.delete_macro(tx, caller, await _of_set(tx, set), name, now=context.clock())


async def _listed(tx: Transaction, place: Place) -> list[MacroBody]:
    return [macro_body(macro) for macro in await macros.list_macros(tx, place)]


async def _put(
    tx: Transaction,
    context: AppContext,
    caller: Principal,
    place: Place,
    name: str,
    body: MacroInput,
) -> MacroBody:
    draft = body.draft()
    named = macros.MacroDraft(name, draft.value, draft.secure, draft.description)
    macro = await macros.put_macro(
        tx, context.jobs.sealer, caller, place, named, now=context.clock()
    )
    return macro_body(macro)


async def _of_user(tx: Transaction, caller: Principal, id: str) -> Place:  # noqa: A002
    """The person's own place. Others find nothing, unless they may change the tenant's macros."""
    require_a_role(caller)
    user_id = parse_number(id)
    is_own = caller.kind == "user" and caller.id == id
    if user_id is None or not (is_own or allows(caller, Right.MACROS_TENANT_WRITE)):
        raise NotFound(MISSING)
    user = await users.get_user(tx, caller, user_id)
    return Place("user", str(user.id))


async def _of_job(tx: Transaction, caller: Principal, id: str, right: Right) -> Place:  # noqa: A002
    job = await definitions.get_job_for(tx, caller, parse_number(id), right)
    return Place("job", str(job.id))


async def _of_set(tx: Transaction, name: str) -> Place:
    return Place("set", (await macros.get_set(tx, name)).name)


def _set_body(found: MacroSet) -> MacroSetBody:
    return MacroSetBody(
        name=found.name, description=found.description, created=iso(found.created_at)
    )
