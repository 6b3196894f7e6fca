"""Executions: started, answered, ended, taken up again."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import Context, Tx, needs_somewhere
from treadle.api.idempotency import IdempotencyKey, Key, Once
from treadle.api.wire import snake_case
from treadle.api.workflows.execution_bodies import (
    EXECUTION_ID,
    BatchInput,
    Message,
    RetryInput,
    Started,
    StartedBatch,
    TerminateInput,
    VersionText,
)
from treadle.api.workflows.fields import (
    SUCCESS,
    WORKFLOW_ID,
    PathVersion,
    PathWorkflowId,
    version_of,
)
from treadle.core.errors import BadInput, Conflict
from treadle.core.ids import parse_id
from treadle.core.json import Json
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules import of_workflows
from treadle.workflows import definitions, executions
from treadle.workflows.recorded import EditedPayload
from treadle.workflows.starting import start_for_caller
from treadle.workflows.telling import Answer
from treadle.workflows.triggers import Wanted
from treadle.workflows.versions import VersionStatus

router: Final = APIRouter(route_class=EdgeRoute, tags=["Executions"])

RESUME: Final = "resumeworkflow"

Runner = Annotated[Principal, needs_somewhere(Right.WORKFLOWS_RUN)]
Scheduler = Annotated[Principal, needs_somewhere(Right.SCHEDULES_WRITE)]
ProcessId = Annotated[
    str,
    Path(
        alias="process_id",
        description="The `process_id` of the payload that started it, or the execution's id.",
        examples=[EXECUTION_ID],
    ),
]
Payload = Annotated[
    Any,
    Body(
        description="Any JSON value or none. A top-level `process_id` names the execution.",
        openapi_examples={
            "order": {"value": {"price": 12, "amount": 3, "process_id": "order-4711"}}
        },
    ),
]


@router.post(
    "/v1/workflows/triggerworkflow/batch",
    summary="Trigger a workflow many times",
    operation_id="triggerWorkflowBatch",
    response_model=StartedBatch,
)
async def trigger_batch(
    body: BatchInput, caller: Runner, tx: Tx, context: Context, once: Once
) -> Response:
    """Starts one execution for each payload: all of them, or none. 400 with the path of each fault
    where payloads are not as the workflow's schema says.
    """

    async def work() -> Response:
        started = await start_for_caller(
            tx,
            context.workflows,
            caller,
            parse_id(body.workflow_id),
            None if body.workflow_version is None else version_of(body.workflow_version),
            body.payloads,
            is_named=body.workflow_version is not None,
            path="payloads",
            now=context.clock(),
        )
        return _json(StartedBatch(looply_execution_ids=[str(id_) for id_ in started]))

    return await once.once(work)


@router.post(
    "/v1/workflows/triggerworkflow/{workflow_id}",
    summary="Trigger the latest version of a workflow",
    operation_id="triggerLatestWorkflow",
    response_model=Started,
)
async def trigger_latest(
    workflow_id: PathWorkflowId,
    caller: Runner,
    context: Context,
    key: IdempotencyKey,
    payload: Payload = None,
) -> Response:
    """Starts an execution of the latest ACTIVE version; else as with a version."""
    return await _started(context, key, Wanted(caller, parse_id(workflow_id), None, False, payload))


@router.post(
    "/v1/workflows/triggerworkflow/{workflow_id}/{workflow_version}",
    summary="Trigger a workflow",
    operation_id="triggerWorkflow",
    response_model=Started,
)
async def trigger(
    workflow_id: PathWorkflowId,
    workflow_version: PathVersion,
    caller: Runner,
    context: Context,
    key: IdempotencyKey,
    payload: Payload = None,
) -> Response:
    """Starts an execution of the version, which must be ACTIVE (else 409), and answers at once. 400
    with the path of each fault where the payload is not as its schema says; 409 for a `process_id`
    that names another execution which is not over.
    """
    number = version_of(workflow_version)
    return await _started(
        context, key, Wanted(caller, parse_id(workflow_id), number, True, payload)
    )


class ToggleInput(BaseModel):
    """What becomes of a workflow's schedule."""

    model_config = snake_case(
        example={"workflow_id": WORKFLOW_ID, "workflow_version": 1, "action": "PAUSE"}
    )

    workflow_id: str
    workflow_version: VersionText | None = Field(
        None, description="Left out: the latest that has a schedule."
    )
    action: str = Field(description="PAUSE or PLAY.")


class Toggled(BaseModel):
    """What became of a workflow's schedule."""

    model_config = snake_case(
        example={
            "message": SUCCESS,
            "workflow_id": WORKFLOW_ID,
            "workflow_version": 1,
            "status": "PAUSED",
        }
    )

    message: str = SUCCESS
    workflow_id: str
    workflow_version: int
    status: Literal[VersionStatus.ACTIVE, VersionStatus.PAUSED]


@router.post(
    "/v1/workflows/toggleScheduledWorkflow",
    summary="Pause or play a scheduled workflow",
    operation_id="toggleScheduledWorkflow",
)
async def toggle(body: ToggleInput, caller: Scheduler, tx: Tx, context: Context) -> Toggled:
    """Pauses the schedule by which a workflow starts itself, or lets it go on: from now on, nothing
    is made up for. 409 for a version that is not started by a schedule, or not in force.
    """
    action = body.action.upper()
    if action not in ("PAUSE", "PLAY"):
        raise BadInput("action: must be PAUSE or PLAY", field="action")
    workflow_id = parse_id(body.workflow_id)
    number = None
    if body.workflow_version is not None:
        number = version_of(body.workflow_version)
        await definitions.get_version(tx, caller, workflow_id, number, Right.SCHEDULES_WRITE)
    version = await of_workflows.pause_version(
        tx,
        context.schedules,
        caller,
        workflow_id,
        number,
        paused=action == "PAUSE",
        now=context.clock(),
    )
    return Toggled(
        workflow_id=str(version.workflow_id),
        workflow_version=version.number,
        status=version.status,  # pyright: ignore[reportArgumentType] - pausing knows no other
    )


@router.post(
    "/v1/workflows/terminateworkflow/{process_id}",
    summary="Terminate an execution",
    operation_id="terminateWorkflow",
)
async def terminate(
    process_id: ProcessId,
    caller: Runner,
    tx: Tx,
    context: Context,
    body: TerminateInput | None = None,
) -> Message:
    """Ends the execution and all that is under way in it. 409 for one that is over."""
    await executions.terminate(
        tx,
        context.workflows,
        caller,
        process_id,
        reason="" if body is None else body.termination_reason,
        now=context.clock(),
    )
    return Message(message=SUCCESS)


@router.post(
    "/v1/workflows/retryworkflow/{execution_id}",
    summary="Retry an execution",
    operation_id="retryWorkflow",
)
async def retry(
    execution_id: Annotated[
        str, Path(description="The execution's id, or its `process_id`.", examples=[EXECUTION_ID])
    ],
    caller: Runner,
    tx: Tx,
    context: Context,
    body: RetryInput | None = None,
) -> Started:
    """Takes up a failed or terminated execution again, with the recorded outputs of the steps
    before: from the steps that failed, or from one that is named; with another payload, or on
    another version of the workflow. 409 for one that cannot be retried.
    """
    said = body or RetryInput()
    version = None
    if said.workflow_version is not None:
        found = await executions.find(tx, caller, execution_id, Right.WORKFLOWS_RUN)
        version = await definitions.version_to_start(
            tx, found.workflow_id, version_of(said.workflow_version) or 0
        )
    edited = EditedPayload(said.payload) if "payload" in said.model_fields_set else None
    going = await executions.retry(
        tx,
        context.workflows,
        caller,
        execution_id,
        from_step=said.from_step,
        edited=edited,
        version=version,
        now=context.clock(),
    )
    return Started(looply_execution_id=str(going.id))


@router.post(
    "/v1/workflows/{action}/{process_id}",
    summary="Resume an execution",
    operation_id="resumeWorkflow",
)
async def resume(
    action: Annotated[
        str, Path(description="`resumeworkflow`, in any letter case.", examples=[RESUME])
    ],
    process_id: ProcessId,
    caller: Runner,
    tx: Tx,
    context: Context,
    body: Annotated[
        Any,
        Body(
            description="Any JSON object. `source` says who answers: `TEAMS`, `SAP`, or the name "
            "of an integration of the workflow. All of it is what the waiting step gives.",
            openapi_examples={"approval": {"value": {"source": "TEAMS", "approved": True}}},
        ),
    ] = None,
) -> Message:
    """Answers what an execution waits for. Of many answers at once exactly one is told `restarted`,
    the others `already restarted`. 409 `not found` for an execution that waits for none.
    """
    if action.lower() != RESUME:
        raise BadInput(f"action: {RESUME} is the only one", field="action")
    if not isinstance(body, dict) or not isinstance(body.get("source"), str):
        raise BadInput("source: is required, as text", field="source")
    answered: dict[str, Json] = body
    answer = await executions.resume(
        tx,
        context.workflows,
        caller,
        process_id,
        source=str(answered["source"]),
        body=answered,
        now=context.clock(),
    )
    if answer is Answer.NOT_WAITING:
        raise Conflict(answer.value)
    return Message(message=answer.value)


async def _started(context: AppContext, key: Key | None, wanted: Wanted) -> Response:
    """Starts it together with what others ask for at this moment; with a key, for which it may have
    to wait, by itself.
    """
    triggers = context.triggers
    if key is None:
        return _json(Started(looply_execution_id=str(await triggers.start(wanted))))
    async with context.database.tenant(wanted.caller.tenant_id) as tx:

        async def work() -> Response:
            return _json(Started(looply_execution_id=str(await triggers.start_in(tx, wanted))))

        return await key.once(tx, work)


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")
