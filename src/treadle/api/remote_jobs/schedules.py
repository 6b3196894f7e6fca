"""Schedules of a job (contract §4): list them, put one by its name, delete it."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import Context, Tx, needs_somewhere
from treadle.api.remote_jobs.jobs import JobId
from treadle.api.remote_jobs.schedule_bodies import (
    FIELDS,
    RemoteScheduleBody,
    RemoteScheduleInput,
    schedule_body,
)
from treadle.api.schedule_faults import told_as
from treadle.core.ids import parse_number
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules import of_jobs

router: Final = APIRouter(route_class=EdgeRoute, tags=["Remote jobs"])

Reader = Annotated[Principal, needs_somewhere(Right.SCHEDULES_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.SCHEDULES_WRITE)]

_PUT: Final[dict[str, Any]] = {
    "status_code": 200,
    "response_model": RemoteScheduleBody,
    "openapi_extra": {
        "responses": {
            "200": {"description": "There was one of this name; it is changed."},
            "201": {
                "description": "There was none of this name; it is made.",
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/RemoteScheduleBody"}
                    }
                },
            },
        }
    },
}


@router.get(
    "/api/v1/jobs/{jobId}/schedules",
    summary="List a job's schedules",
    operation_id="listRemoteSchedules",
)
async def list_remote_schedules(job_id: JobId, caller: Reader, tx: Tx) -> list[RemoteScheduleBody]:
    """Every schedule by crons that runs the job, whichever contract made it; at most 1,000."""
    found = await of_jobs.list_named(tx, caller, parse_number(job_id))
    return [schedule_body(schedule) for schedule in found]


@router.post(
    "/api/v1/jobs/{jobId}/schedules",
    summary="Add or update a schedule",
    operation_id="postRemoteSchedule",
    **_PUT,
)
async def post_remote_schedule(
    job_id: JobId, body: RemoteScheduleInput, caller: Writer, tx: Tx, context: Context
) -> Response:
    """Makes the job's schedule of this name, or changes it. A job has at most 200 by name."""
    return await _put(tx, context, caller, job_id, body)


@router.put(
    "/api/v1/jobs/{jobId}/schedules",
    summary="Update or add a schedule",
    operation_id="putRemoteSchedule",
    **_PUT,
)
async def put_remote_schedule(
    job_id: JobId, body: RemoteScheduleInput, caller: Writer, tx: Tx, context: Context
) -> Response:
    """The same as POST."""
    return await _put(tx, context, caller, job_id, body)


@router.delete(
    "/api/v1/jobs/{jobId}/schedules/{name:path}",
    summary="Delete a job's schedule",
    operation_id="deleteRemoteSchedule",
    status_code=204,
)
async def delete_remote_schedule(
    job_id: JobId,
    name: Annotated[str, Path(description="Percent-encoded, slashes too.")],
    caller: Writer,
    tx: Tx,
    context: Context,
) -> None:
    """The schedule is gone; what it has started goes on. Of several of one name, which only other
    contracts can make, it is the first in the list.
    """
    await of_jobs.delete_named(
        tx, context.schedules, caller, parse_number(job_id), name, now=context.clock()
    )


async def _put(
    tx: Transaction,
    context: AppContext,
    caller: Principal,
    job_id: str,
    body: RemoteScheduleInput,
) -> Response:
    with told_as(FIELDS):
        put = await of_jobs.put_named(
            tx,
            context.schedules,
            caller,
            parse_number(job_id),
            name=body.name,
            timing=body.timing(),
            enabled=body.enabled,
            now=context.clock(),
        )
    place = f"/api/v1/jobs/{job_id}/schedules/{quote(body.name, safe='')}"
    return Response(
        schedule_body(put.schedule).model_dump_json(by_alias=True),
        status_code=201 if put.is_new else 200,
        headers={"Location": place} if put.is_new else None,
        media_type="application/json",
    )
