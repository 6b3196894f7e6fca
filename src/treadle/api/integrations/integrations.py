"""Integrations: stored connections to other systems, and whether they work."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.integrations.integration_bodies import (
    INTEGRATION_ID,
    IntegrationBody,
    IntegrationInput,
    IntegrationList,
    TriedBody,
    draft_of,
    integration_body,
    tried_body,
)
from treadle.api.lists import ListWindow
from treadle.core.errors import NotFound
from treadle.core.ids import parse_id
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right
from treadle.integrations import integrations
from treadle.integrations.calls import try_out
from treadle.integrations.model import IntegrationType

router: Final = APIRouter(route_class=EdgeRoute, tags=["Integrations"])

Reader = Annotated[Principal, needs_somewhere(Right.INTEGRATIONS_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.INTEGRATIONS_WRITE)]
IntegrationId = Annotated[
    str, Path(alias="id", description="The integration's id.", examples=[INTEGRATION_ID])
]


@router.post(
    "/v1/integrations",
    summary="Create an integration",
    operation_id="createIntegration",
    status_code=201,
)
async def create_integration(
    body: IntegrationInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> IntegrationBody:
    """Stores a connection. 422 with the place of each fault; 409 for a name that the project has
    already.
    """
    made = await integrations.create_integration(
        tx, context.sealer, caller, draft_of(body), now=context.clock()
    )
    response.headers["Location"] = f"{base}/v1/integrations/{made.id}"
    return integration_body(made)


@router.get("/v1/integrations", summary="List integrations", operation_id="listIntegrations")
async def list_integrations(
    caller: Reader,
    tx: Tx,
    window: ListWindow,
    project_id: Annotated[
        str | None, Query(description="Left out: of all projects that the caller sees.")
    ] = None,
    kind: Annotated[
        IntegrationType | None, Query(alias="type", description="Only those of this type.")
    ] = None,
    name: Annotated[str | None, Query(description="Only those of exactly this name.")] = None,
) -> IntegrationList:
    """The integrations that the caller sees, the oldest first, without their secrets."""
    found = await integrations.list_integrations(
        tx,
        caller,
        window,
        project_id=None if project_id is None else parse_id(project_id) or UUID(int=0),
        kind=kind,
        name=name,
    )
    return IntegrationList.of(found, [integration_body(each) for each in found.items])


@router.get("/v1/integrations/{id}", summary="Get an integration", operation_id="getIntegration")
async def get_integration(integration_id: IntegrationId, caller: Reader, tx: Tx) -> IntegrationBody:
    """One integration, without its secrets."""
    return integration_body(await integrations.get_integration(tx, caller, _id(integration_id)))


@router.put(
    "/v1/integrations/{id}",
    summary="Replace an integration",
    operation_id="replaceIntegration",
)
async def replace_integration(
    integration_id: IntegrationId,
    body: IntegrationInput,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> IntegrationBody:
    """Sets name and configuration. A secret that is left out is kept, unless it would go to another
    host: then 422, and it has to be given again.
    """
    changed = await integrations.replace_integration(
        tx, context.sealer, caller, _id(integration_id), draft_of(body), now=context.clock()
    )
    return integration_body(changed)


@router.delete(
    "/v1/integrations/{id}",
    summary="Delete an integration",
    operation_id="deleteIntegration",
    status_code=204,
)
async def delete_integration(
    integration_id: IntegrationId, caller: Writer, tx: Tx, context: Context
) -> None:
    """The integration is gone with its secrets. What still uses it fails, and says why."""
    await integrations.delete_integration(tx, caller, _id(integration_id), now=context.clock())


@router.post(
    "/v1/integrations/{id}/test", summary="Test an integration", operation_id="testIntegration"
)
async def test_integration(
    integration_id: IntegrationId, caller: Writer, context: Context
) -> TriedBody:
    """Tries the connection and says what happened: 200 either way. `http` asks for `test_path`,
    `sap` for a token, `smtp` logs in, `sql` asks for the version; `teams` and `slack` get a message
    that says it is a test.
    """
    # The transaction ends before the call: another system may take its time.
    async with context.database.tenant(caller.tenant_id) as tx:
        opened = await integrations.open_for(
            tx, context.sealer, caller, _id(integration_id), Right.INTEGRATIONS_WRITE
        )
    return tried_body(await try_out(context.integrations, opened, now=context.clock()))


def _id(text: str) -> UUID:
    """The id that a path names. Raises NotFound for what nobody could have."""
    found = parse_id(text)
    if found is None:
        raise NotFound(MISSING)
    return found
