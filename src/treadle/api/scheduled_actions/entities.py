"""Entity definitions: what the records look like that relative schedules go by."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.lists import ListWindow
from treadle.api.scheduled_actions.entity_bodies import (
    ENTITY_ID,
    EntityBody,
    EntityInput,
    EntityList,
    definition_draft,
    entity_body,
)
from treadle.core.errors import NotFound
from treadle.core.ids import parse_id
from treadle.entities import definitions
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right

router: Final = APIRouter(route_class=EdgeRoute, tags=["Entities"])

Reader = Annotated[Principal, needs_somewhere(Right.ENTITIES_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.ENTITIES_WRITE)]
EntityId = Annotated[
    str, Path(alias="id", description="The entity definition's id.", examples=[ENTITY_ID])
]


@router.post(
    "/v1/entities",
    summary="Create an entity definition",
    operation_id="createEntity",
    status_code=201,
)
async def create_entity(
    body: EntityInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> EntityBody:
    """Says what records look like, and which of their fields are dates. 409 for a name that the
    project has already.
    """
    definition = await definitions.create_definition(
        tx, caller, definition_draft(body), now=context.clock()
    )
    response.headers["Location"] = f"{base}/v1/entities/{definition.id}"
    return entity_body(definition)


@router.get("/v1/entities", summary="List entity definitions", operation_id="listEntities")
async def list_entities(
    caller: Reader,
    tx: Tx,
    window: ListWindow,
    project_id: Annotated[
        str | None, Query(description="Left out: of all projects that the caller sees.")
    ] = None,
    name: Annotated[str | None, Query(description="Only those of exactly this name.")] = None,
) -> EntityList:
    """The entity definitions that the caller sees, the oldest first."""
    found = await definitions.list_definitions(
        tx,
        caller,
        window,
        project_id=None if project_id is None else parse_id(project_id) or UUID(int=0),
        name=name,
    )
    return EntityList.of(found, [entity_body(definition) for definition in found.items])


@router.get("/v1/entities/{id}", summary="Get an entity definition", operation_id="getEntity")
async def get_entity(entity_id: EntityId, caller: Reader, tx: Tx) -> EntityBody:
    """One entity definition."""
    return entity_body(await definitions.get_definition(tx, caller, id_of(entity_id)))


@router.put(
    "/v1/entities/{id}", summary="Replace an entity definition", operation_id="replaceEntity"
)
async def replace_entity(
    entity_id: EntityId, body: EntityInput, caller: Writer, tx: Tx, context: Context
) -> EntityBody:
    """Sets all that the body says. Another schema checks what is written from then on; the stored
    records stay as they are. New date fields are read in the stored records too. 409 where one of
    them holds no date, where there are over 100,000 of them, and where a schedule counts on a date
    field that is left out.
    """
    definition = await definitions.replace_definition(
        tx, caller, id_of(entity_id), definition_draft(body), now=context.clock()
    )
    return entity_body(definition)


@router.delete(
    "/v1/entities/{id}",
    summary="Delete an entity definition",
    operation_id="deleteEntity",
    status_code=204,
)
async def delete_entity(entity_id: EntityId, caller: Writer, tx: Tx) -> None:
    """The definition is gone with all its records. 409 while a schedule counts on it."""
    await definitions.delete_definition(tx, caller, id_of(entity_id))


def id_of(text: str) -> UUID:
    """The id that a path names. Raises NotFound for what nobody could have."""
    found = parse_id(text)
    if found is None:
        raise NotFound(MISSING)
    return found
