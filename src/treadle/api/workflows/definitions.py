"""Workflows: read, written, put into force. Two of them read by id and version, as callers of this
API know it; the rest follow the paths of things.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.workflows.definition_bodies import (
    DetectInput,
    SchemaAnswer,
    ValidationAnswer,
    VersionLastKey,
    VersionList,
    WorkflowAnswer,
    WorkflowInput,
    listed_item,
    schema_answer,
    validation_answer,
    workflow_answer,
)
from treadle.api.workflows.fields import (
    BAD_KEY,
    DEFAULT_LIMIT,
    Limit,
    PathVersion,
    PathWorkflowId,
    QueryVersion,
    QueryWorkflowId,
    page_answer,
    version_of,
)
from treadle.core.errors import BadInput, Forbidden, NotFound
from treadle.core.ids import parse_id
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.names import names_of
from treadle.identity.rights import Right
from treadle.schedules import of_workflows
from treadle.schedules.of_workflows import checking
from treadle.workflows import definitions
from treadle.workflows.versions import ListedVersion, VersionKey, VersionStatus

router: Final = APIRouter(route_class=EdgeRoute, tags=["Workflows"])

Reader = Annotated[Principal, needs_somewhere(Right.WORKFLOWS_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.WORKFLOWS_WRITE)]


@router.get(
    "/v1/workflows/getWorkflowById",
    summary="Get a workflow",
    operation_id="getWorkflowById",
)
async def get_workflow(
    workflow_id: QueryWorkflowId, workflow_version: QueryVersion, caller: Reader, tx: Tx
) -> WorkflowAnswer:
    """All data of a version of a workflow."""
    found = await definitions.get_version(
        tx, caller, parse_id(workflow_id), version_of(workflow_version)
    )
    return workflow_answer(found, tx.tenant)


@router.get(
    "/v1/workflows/getWorkflowSchemaById",
    summary="Get the schema of a workflow",
    operation_id="getWorkflowSchemaById",
)
async def get_schema(
    workflow_id: QueryWorkflowId, workflow_version: QueryVersion, caller: Reader, tx: Tx
) -> SchemaAnswer:
    """What a payload of a version must look like, and the payload that this was read off."""
    found = await definitions.get_version(
        tx, caller, parse_id(workflow_id), version_of(workflow_version)
    )
    return schema_answer(found)


@router.get(
    "/v1/workflows/getOrganizationWorkflows",
    summary="List workflows",
    operation_id="getOrganizationWorkflows",
    response_model=VersionList,
)
async def list_workflows(
    caller: Reader,
    tx: Tx,
    limit: Limit = DEFAULT_LIMIT,
    workflow_id: Annotated[str | None, Query(description="From `lastKey`: the next page.")] = None,
    workflow_version: Annotated[str | None, Query(description="From `lastKey`.")] = None,
    workspace_id: Annotated[str | None, Query(description="Only those of this project.")] = None,
    workflow_status: Annotated[
        VersionStatus | None, Query(description="Only those of this status.")
    ] = None,
    latest: Annotated[
        bool | None, Query(description="`true`: only the highest version of each.")
    ] = None,
    search: Annotated[
        str | None, Query(max_length=200, description="Only those with this in their names.")
    ] = None,
) -> Response:
    """The versions of the workflows that the caller sees, the newest workflow first and its highest
    version first. `lastKey` is there while another page follows: send its fields to get it.
    """
    before = await _place(tx, caller, workflow_id, workflow_version)
    found = await definitions.list_versions(
        tx,
        caller,
        project_id=None if workspace_id is None else parse_id(workspace_id) or UUID(int=0),
        status=workflow_status,
        latest=latest,
        name_part=search or None,
        before=before,
        limit=limit + 1,
    )
    return await _page(tx, found, limit)


@router.get(
    "/v1/workflows/{workflow_id}/versions",
    summary="List the versions of a workflow",
    operation_id="listWorkflowVersions",
    response_model=VersionList,
)
async def list_versions(
    workflow_id: PathWorkflowId,
    caller: Reader,
    tx: Tx,
    limit: Limit = DEFAULT_LIMIT,
    workflow_version: Annotated[
        str | None, Query(description="From `lastKey`: the next page.")
    ] = None,
) -> Response:
    """The versions of one workflow, the highest first."""
    wanted = parse_id(workflow_id)
    await definitions.get_workflow(tx, caller, wanted)
    before = None
    if workflow_version is not None:
        before = await _place(tx, caller, workflow_id, workflow_version)
    found = await definitions.list_versions(
        tx, caller, workflow_id=wanted, before=before, limit=limit + 1
    )
    return await _page(tx, found, limit)


@router.post(
    "/v1/workflows",
    summary="Create a workflow",
    operation_id="createWorkflow",
    status_code=201,
)
async def create_workflow(
    body: WorkflowInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> WorkflowAnswer:
    """Makes a workflow, whose version 1 is a DRAFT. 400 with the path of each fault of its steps,
    connections, schema and integrations.
    """
    now = context.clock()
    made = await definitions.create_workflow(
        tx, caller, body.draft(), check_schedule=checking(now), now=now
    )
    query = f"workflow_id={made.workflow_id}&workflow_version={made.number}"
    response.headers["Location"] = f"{base}/v1/workflows/getWorkflowById?{query}"
    return workflow_answer(made, tx.tenant)


@router.post(
    "/v1/workflows/validate",
    summary="Validate a workflow",
    operation_id="validateWorkflow",
)
async def validate_draft(
    body: WorkflowInput, caller: Writer, tx: Tx, context: Context
) -> ValidationAnswer:
    """Says what would be refused of a workflow, and saves nothing."""
    faults = await definitions.examine_draft(
        tx, caller, body.draft(), check_schedule=checking(context.clock())
    )
    return validation_answer(faults)


@router.put(
    "/v1/workflows/{workflow_id}/{workflow_version}",
    summary="Save a workflow",
    operation_id="saveWorkflow",
)
async def save_workflow(
    workflow_id: PathWorkflowId,
    workflow_version: PathVersion,
    body: WorkflowInput,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> WorkflowAnswer:
    """Replaces what a DRAFT says. Of a version that is none, the workflow's next DRAFT is made: the
    answer has its number.
    """
    now = context.clock()
    saved = await definitions.save_version(
        tx,
        caller,
        parse_id(workflow_id),
        version_of(workflow_version),
        body.draft(),
        check_schedule=checking(now),
        now=now,
    )
    return workflow_answer(saved, tx.tenant)


@router.delete(
    "/v1/workflows/{workflow_id}/{workflow_version}",
    summary="Delete a draft",
    operation_id="deleteWorkflowDraft",
    status_code=204,
)
async def delete_draft(
    workflow_id: PathWorkflowId, workflow_version: PathVersion, caller: Writer, tx: Tx
) -> None:
    """The DRAFT is gone, and with its last version the workflow. 409 for what is no DRAFT."""
    await definitions.delete_draft(tx, caller, parse_id(workflow_id), version_of(workflow_version))


@router.post(
    "/v1/workflows/{workflow_id}/{workflow_version}/validate",
    summary="Validate a version",
    operation_id="validateWorkflowVersion",
)
async def validate_version(
    workflow_id: PathWorkflowId,
    workflow_version: PathVersion,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> ValidationAnswer:
    """Says what would be refused of the version by now: an integration, say, may have gone."""
    faults = await definitions.examine_version(
        tx,
        caller,
        parse_id(workflow_id),
        version_of(workflow_version),
        check_schedule=checking(context.clock()),
    )
    return validation_answer(faults)


@router.post(
    "/v1/workflows/{workflow_id}/{workflow_version}/activate",
    summary="Activate a version",
    operation_id="activateWorkflow",
)
async def activate(
    workflow_id: PathWorkflowId,
    workflow_version: PathVersion,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> WorkflowAnswer:
    """Puts the version into force: from now on it can be started, and does not change any more. One
    that begins with a `schedule` step is due from now on, in place of the versions before it. 400
    with the path of each fault, where what it needs has gone.
    """
    active = await of_workflows.activate_version(
        tx,
        context.schedules,
        caller,
        parse_id(workflow_id),
        version_of(workflow_version),
        now=context.clock(),
    )
    return workflow_answer(active, tx.tenant)


@router.post(
    "/v1/workflows/{workflow_id}/{workflow_version}/archive",
    summary="Archive a version",
    operation_id="archiveWorkflow",
)
async def archive(
    workflow_id: PathWorkflowId,
    workflow_version: PathVersion,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> WorkflowAnswer:
    """The version is not started any more; what runs of it goes on."""
    archived = await of_workflows.archive_version(
        tx,
        context.schedules,
        caller,
        parse_id(workflow_id),
        version_of(workflow_version),
        now=context.clock(),
    )
    return workflow_answer(archived, tx.tenant)


@router.post(
    "/v1/workflows/{workflow_id}/{workflow_version}/detectSchema",
    summary="Detect the schema of a payload",
    operation_id="detectWorkflowSchema",
)
async def detect_schema(
    workflow_id: PathWorkflowId,
    workflow_version: PathVersion,
    body: DetectInput,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> SchemaAnswer:
    """Reads a schema off a payload, and gives both to the DRAFT. 409 for what is no DRAFT."""
    changed = await definitions.set_schema(
        tx,
        caller,
        parse_id(workflow_id),
        version_of(workflow_version),
        body.payload,
        now=context.clock(),
    )
    return schema_answer(changed)


async def _page(tx: Transaction, found: list[ListedVersion], limit: int) -> Response:
    """The page, without `lastKey` where nothing follows."""
    shown = found[:limit]
    names = await names_of(tx, {by for one in shown for by in (one.created_by, one.updated_by)})
    items = [listed_item(version, tx.tenant, names) for version in shown]
    key = None
    if len(found) > limit:
        last = items[-1]
        key = VersionLastKey(
            organization_id=last.organization_id,
            workflow_id=last.workflow_id,
            workflow_version=last.workflow_version,
        )
    return page_answer(VersionList(count=len(items), items=items), key)


async def _place(
    tx: Transaction, caller: Principal, workflow_id: str | None, workflow_version: str | None
) -> VersionKey | None:
    """Where a page begins. Raises BadInput for what is no version that the caller sees."""
    if workflow_id is None and workflow_version is None:
        return None
    try:
        found = await definitions.get_version(
            tx, caller, parse_id(workflow_id or ""), version_of(workflow_version or "")
        )
    except (NotFound, Forbidden):
        raise BadInput(BAD_KEY, field="lastKey") from None
    return VersionKey(found.workflow_id, found.number)
