"""What became of executions: one, many, and as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import Context, Tx, needs_somewhere
from treadle.api.sse import EVENT_STREAM, Event, event_stream
from treadle.api.streaming import ClosingResponse
from treadle.api.workflows.execution_bodies import (
    EXECUTION_ID,
    ExecutionAnswer,
    ExecutionItem,
    ExecutionLastKey,
    ExecutionList,
    execution_answer,
    execution_item,
)
from treadle.api.workflows.fields import (
    BAD_KEY,
    DEFAULT_LIMIT,
    Limit,
    QueryWorkflowId,
    page_answer,
)
from treadle.core.errors import BadInput, Forbidden, NotFound
from treadle.core.ids import parse_id
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.names import names_of
from treadle.identity.rights import Right
from treadle.workflows import definitions, executions, history
from treadle.workflows.execution_links import links_of
from treadle.workflows.execution_model import Execution, ExecutionSummary, Status
from treadle.workflows.follow import follow_events

router: Final = APIRouter(route_class=EdgeRoute, tags=["Executions"])

Historian = Annotated[Principal, needs_somewhere(Right.HISTORY_READ)]
StatusFilter = Annotated[Status | None, Query(description="Only those of this status.")]
PathExecutionId = Annotated[
    str, Path(alias="id", description="The execution's id.", examples=[EXECUTION_ID])
]
Order = Annotated[
    Literal["newest", "oldest"], Query(description="Which come first. The same on each page.")
]
NextExecution = Annotated[str | None, Query(description="From `lastKey`: the next page.")]
_EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events: `event` for each entry of the event log, `state` for "
        "each new status, `end` with the last one.",
        "content": {
            # Without a schema: OpenAPI 3.1 has none for a stream of events, and tools read one as
            # that of each event.
            EVENT_STREAM: {
                "example": 'id: 1\nevent: event\ndata: {"seq":1,"at":1795683600000,'
                '"type":"execution_started","step":"start"}\n\n'
                'event: end\ndata: {"workflow_status":"Completed"}\n\n',
            },
        },
    }
}


@router.get(
    "/v1/workflows/getWorkflowExecutionById",
    summary="Get an execution",
    operation_id="getWorkflowExecutionById",
)
async def get_execution(
    workflow_id: QueryWorkflowId,
    workflow_execution_id: Annotated[
        str, Query(description="The execution's id.", examples=[EXECUTION_ID])
    ],
    caller: Historian,
    tx: Tx,
) -> ExecutionAnswer:
    """The current state of an execution, and its logs."""
    found = await history.read(tx, caller, parse_id(workflow_execution_id))
    if found.workflow_id != parse_id(workflow_id):
        raise NotFound(executions.EXECUTION_MISSING)
    return await _whole(tx, found)


@router.get(
    "/v1/workflows/executions/{id}",
    summary="Get an execution by its id alone",
    operation_id="getExecution",
)
async def get_by_id(
    execution_id: Annotated[
        str,
        Path(
            alias="id",
            description="The execution's id, or a `process_id`: it names the one that is not over, "
            "else the last one.",
            examples=[EXECUTION_ID],
        ),
    ],
    caller: Historian,
    tx: Tx,
) -> ExecutionAnswer:
    """The same for whoever has only the execution's id, or its process id."""
    found = await executions.find(tx, caller, execution_id, Right.HISTORY_READ)
    return await _whole(tx, await history.read(tx, caller, found.id))


@router.get(
    "/v1/workflows/getWorkflowExecutionHistory",
    summary="List the executions of a workflow",
    operation_id="getWorkflowExecutionHistory",
    response_model=ExecutionList,
)
async def list_of_workflow(
    workflow_id: QueryWorkflowId,
    caller: Historian,
    tx: Tx,
    limit: Limit = DEFAULT_LIMIT,
    workflow_execution_id: NextExecution = None,
    workflow_status: StatusFilter = None,
) -> Response:
    """The executions of a workflow, the newest first, with the last entries of their event logs.
    `lastKey` is there while another page follows: send its fields to get it.
    """
    workflow = await definitions.get_workflow(tx, caller, parse_id(workflow_id), Right.HISTORY_READ)
    beyond = None
    if workflow_execution_id is not None:
        beyond = await _place(tx, caller, workflow.id, workflow_execution_id)
    found = await history.list_page(
        tx, caller, workflow_id=workflow.id, status=workflow_status, beyond=beyond, limit=limit
    )
    return await _page(tx, found, limit)


@router.get(
    "/v1/workflows/getOrganizationExecutions",
    summary="List all executions",
    operation_id="getOrganizationExecutions",
    response_model=ExecutionList,
)
async def list_of_organization(
    caller: Historian,
    tx: Tx,
    limit: Limit = DEFAULT_LIMIT,
    workflow_id: Annotated[str | None, Query(description="From `lastKey`.")] = None,
    workflow_execution_id: NextExecution = None,
    workspace_id: Annotated[str | None, Query(description="Only those of this project.")] = None,
    workflow_status: StatusFilter = None,
    order: Order = "newest",
) -> Response:
    """The executions of all workflows that the caller sees, with the last entries of their event
    logs. `lastKey` is there while another page follows: send its fields to get it.
    """
    beyond = None
    if workflow_id is not None or workflow_execution_id is not None:
        beyond = await _place(tx, caller, parse_id(workflow_id or ""), workflow_execution_id or "")
    found = await history.list_page(
        tx,
        caller,
        project_id=None if workspace_id is None else parse_id(workspace_id) or UUID(int=0),
        status=workflow_status,
        beyond=beyond,
        oldest_first=order == "oldest",
        limit=limit,
    )
    return await _page(tx, found, limit)


@router.get(
    "/v1/workflows/executions/{id}/events",
    summary="Follow an execution",
    operation_id="followExecution",
    response_class=StreamingResponse,
    responses=_EVENTS,
)
async def follow(
    execution_id: PathExecutionId,
    caller: Historian,
    tx: Tx,
    context: Context,
    last_event_id: Annotated[str | None, Header(description="Go on after this event.")] = None,
) -> ClosingResponse:
    """The event log from its beginning, and then as it grows, until the execution is over."""
    found = await history.read(tx, caller, parse_id(execution_id))
    return event_stream(
        _events(context, found, _position(last_event_id)), stopping=context.stopping
    )


async def _whole(tx: Transaction, found: Execution) -> ExecutionAnswer:
    version = await definitions.version_of_execution(tx, found.workflow_id, found.number)
    events = await history.events_after(tx, found.id)
    links = await links_of(tx, found.id, events)
    names = await names_of(tx, {by for by in (found.created_by, found.modified_by) if by})
    return execution_answer(found, events, version, links, names, tx.tenant)


async def _events(
    context: AppContext, execution: ExecutionSummary, after: int
) -> AsyncGenerator[Event, None]:
    following = follow_events(context.database, context.live, execution, after=after)
    async with aclosing(following) as all_news:
        async for news in all_news:
            if news.entry is not None:
                yield Event("event", news.entry, id=str(news.entry["seq"]))
            elif news.status is not None:
                name = "end" if news.status.over else "state"
                yield Event(name, {"workflow_status": news.status.value})


def _position(last_event_id: str | None) -> int:
    """Where the reader was; the beginning for what we never sent."""
    text = last_event_id or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


async def _place(
    tx: Transaction, caller: Principal, workflow_id: UUID | None, execution_id: str
) -> UUID:
    """Where a page begins. Raises BadInput for what is no execution of the list."""
    try:
        found = await history.read(tx, caller, parse_id(execution_id))
    except (NotFound, Forbidden):
        raise BadInput(BAD_KEY, field="lastKey") from None
    if found.workflow_id != workflow_id:
        raise BadInput(BAD_KEY, field="lastKey")
    return found.id


async def _page(tx: Transaction, found: Sequence[ExecutionSummary], limit: int) -> Response:
    """The page, without `lastKey` where nothing follows."""
    shown = found[:limit]
    logs = await history.last_events(tx, shown)
    items: list[ExecutionItem] = [
        execution_item(execution, logs[execution.id], tx.tenant) for execution in shown
    ]
    key = None
    if len(found) > limit:
        last = items[-1]
        key = ExecutionLastKey(
            workflow_id=last.workflow_id, workflow_execution_id=last.workflow_execution_id
        )
    return page_answer(ExecutionList(count=len(items), items=items), key)
