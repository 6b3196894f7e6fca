"""Schedules (contract §6): make, read, change, delete, and steer their course."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Context, Tx, needs_somewhere
from treadle.api.idempotency import Once
from treadle.api.lists import ListWindow
from treadle.api.scheduled_actions.firing_bodies import (
    BackfillBody,
    BackfillInput,
    BulkBody,
    BulkInput,
    BulkPauseInput,
    FiringBody,
    PauseInput,
    firing_body,
)
from treadle.api.scheduled_actions.schedule_bodies import (
    AnyCase,
    ScheduleBody,
    ScheduleChanges,
    ScheduleInput,
    ScheduleList,
    schedule_body,
)
from treadle.core.clock import iso_or_none
from treadle.core.errors import Unprocessable
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules import control, schedules
from treadle.schedules.control import Chosen
from treadle.schedules.schedules import Draft

router: Final = APIRouter(route_class=EdgeRoute, tags=["Schedules"])

Reader = Annotated[Principal, needs_somewhere(Right.SCHEDULES_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.SCHEDULES_WRITE)]


@router.get("/v1/schedules", summary="List schedules", operation_id="listSchedules")
async def list_schedules(
    caller: Reader,
    tx: Tx,
    window: ListWindow,
    customer_id: UUID | None = None,
    external_id: Annotated[str | None, Query(max_length=255)] = None,
    status: Annotated[
        str | None, AnyCase, Query(max_length=50, description="active, paused or completed.")
    ] = None,
    tag: Annotated[list[str] | None, Query(max_length=20, description="All of them.")] = None,
    project_id: Annotated[UUID | None, Query(description="Only those of this project.")] = None,
    search: Annotated[
        str | None, Query(max_length=200, description="Only those with this in their names.")
    ] = None,
) -> ScheduleList:
    """The schedules of the projects that the caller sees, the newest first."""
    found = await schedules.list_schedules(
        tx,
        caller,
        window,
        customer_id=customer_id,
        external_id=external_id,
        status=status,
        tags=tag or (),
        project_id=project_id,
        name_part=search or None,
    )
    return ScheduleList.of(found, [schedule_body(schedule) for schedule in found.items])


@router.post(
    "/v1/schedules",
    summary="Create a schedule",
    operation_id="createSchedule",
    status_code=201,
    response_model=ScheduleBody,
    openapi_extra={
        "responses": {
            "200": {
                "description": "The schedule that the same request with this `deduplication_key` "
                "has made before.",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/ScheduleBody"}}
                },
            }
        }
    },
)
async def create_schedule(
    body: ScheduleInput, caller: Writer, tx: Tx, context: Context, once: Once
) -> Response:
    """Makes a schedule, which is due from now on. 409 for a `deduplication_key` that another
    request has used.
    """

    async def work() -> Response:
        draft = Draft(
            body.definition(),
            project=None if body.project_id is None else str(body.project_id),
            deduplication_key=body.deduplication_key,
        )
        made = await schedules.create_schedule(
            tx, context.schedules, caller, draft, now=context.clock()
        )
        return Response(
            schedule_body(made.schedule).model_dump_json(),
            status_code=200 if made.existed else 201,
            headers={"Location": f"/v1/schedules/{made.schedule.id}"},
            media_type="application/json",
        )

    return await once.once(work)


@router.post("/v1/schedules/pause", summary="Pause many schedules", operation_id="pauseSchedules")
async def pause_schedules(
    body: BulkPauseInput, caller: Writer, tx: Tx, context: Context
) -> BulkBody:
    """Pauses the active ones of the schedules that are meant, in the projects where the caller may
    change them.
    """
    changed = await control.pause_many(
        tx,
        context.schedules,
        caller,
        _chosen(body),
        reason=body.reason,
        until=body.end(),
        now=context.clock(),
    )
    return BulkBody(changed=changed)


@router.post(
    "/v1/schedules/resume", summary="Resume many schedules", operation_id="resumeSchedules"
)
async def resume_schedules(body: BulkInput, caller: Writer, tx: Tx, context: Context) -> BulkBody:
    """Resumes the paused ones of the schedules that are meant."""
    changed = await control.resume_many(
        tx, context.schedules, caller, _chosen(body), now=context.clock()
    )
    return BulkBody(changed=changed)


@router.get("/v1/schedules/{schedule_id}", summary="Get a schedule", operation_id="getSchedule")
async def get_schedule(schedule_id: UUID, caller: Reader, tx: Tx) -> ScheduleBody:
    """One schedule, and where it stands."""
    return schedule_body(await schedules.get_schedule(tx, caller, schedule_id))


@router.put(
    "/v1/schedules/{schedule_id}", summary="Change a schedule", operation_id="updateSchedule"
)
async def update_schedule(
    schedule_id: UUID, body: ScheduleChanges, caller: Writer, tx: Tx, context: Context
) -> ScheduleBody:
    """Changes the fields that are sent, as a new version: what was due by now stays decided by the
    version before. `status` resumes or pauses.
    """
    _refuse_nulls(body)
    now = context.clock()
    current = await schedules.get_schedule(tx, caller, schedule_id)
    changes = body.changes(current.timezone)
    changed = await schedules.change_schedule(
        tx, context.schedules, caller, schedule_id, changes, now=now
    )
    if "status" in body.model_fields_set:
        if body.status == "paused":
            changed = await control.pause_schedule(
                tx, context.schedules, caller, schedule_id, now=now
            )
        else:
            changed = await control.resume_schedule(
                tx, context.schedules, caller, schedule_id, now=now
            )
    return schedule_body(changed)


@router.delete(
    "/v1/schedules/{schedule_id}",
    summary="Delete a schedule",
    operation_id="deleteSchedule",
    status_code=204,
)
async def delete_schedule(schedule_id: UUID, caller: Writer, tx: Tx, context: Context) -> None:
    """The schedule is gone, its runs are kept. What it has started goes on."""
    await schedules.delete_schedule(tx, context.schedules, caller, schedule_id, now=context.clock())


@router.post(
    "/v1/schedules/{schedule_id}/pause", summary="Pause a schedule", operation_id="pauseSchedule"
)
async def pause_schedule(
    schedule_id: UUID, caller: Writer, tx: Tx, context: Context, body: PauseInput | None = None
) -> ScheduleBody:
    """Due times in a pause are not taken. What waits is skipped, what runs runs on."""
    said = body or PauseInput()
    paused = await control.pause_schedule(
        tx,
        context.schedules,
        caller,
        schedule_id,
        reason=said.reason,
        until=said.end(),
        now=context.clock(),
    )
    return schedule_body(paused)


@router.post(
    "/v1/schedules/{schedule_id}/resume", summary="Resume a schedule", operation_id="resumeSchedule"
)
async def resume_schedule(
    schedule_id: UUID, caller: Writer, tx: Tx, context: Context
) -> ScheduleBody:
    """Due from now on; failures in a row are forgotten."""
    return schedule_body(
        await control.resume_schedule(
            tx, context.schedules, caller, schedule_id, now=context.clock()
        )
    )


@router.post(
    "/v1/schedules/{schedule_id}/trigger",
    summary="Trigger a schedule",
    operation_id="triggerSchedule",
    response_model=FiringBody,
)
async def trigger_schedule(
    schedule_id: UUID, caller: Writer, tx: Tx, context: Context, once: Once
) -> Response:
    """Fires now, through the overlap policy, whatever `next_run_at` says, also while paused."""

    async def work() -> Response:
        row = await control.trigger_schedule(
            tx, context.schedules, caller, schedule_id, now=context.clock()
        )
        return Response(firing_body(row).model_dump_json(), media_type="application/json")

    return await once.once(work)


@router.post(
    "/v1/schedules/{schedule_id}/backfill",
    summary="Backfill a schedule",
    operation_id="backfillSchedule",
    response_model=BackfillBody,
)
async def backfill_schedule(
    schedule_id: UUID, body: BackfillInput, caller: Writer, tx: Tx, context: Context, once: Once
) -> Response:
    """Fires what was due in a stretch of the past and has no firing, at most 1,000 due times.
    `dry_run` only counts them.
    """

    async def work() -> Response:
        start, end = body.stretch()
        found = await control.backfill_schedule(
            tx,
            context.schedules,
            caller,
            schedule_id,
            start=start,
            end=end,
            overlap_policy=body.policy(),
            dry_run=body.dry_run,
            now=context.clock(),
        )
        answer = BackfillBody(
            count=found.count,
            first=iso_or_none(found.first),
            last=iso_or_none(found.last),
            dry_run=body.dry_run,
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    return await once.once(work)


_NULLABLE: Final = frozenset(
    {
        "description",
        "customer_id",
        "external_id",
        "schedule_expression",
        "start_at",
        "end_at",
        "rate_limit_per_minute",
        "relative_filter",
        "relative_offset_days",
    }
)


def _refuse_nulls(body: ScheduleChanges) -> None:
    """A field that is sent as null is emptied; most cannot be."""
    for name in body.model_fields_set:
        if getattr(body, name) is None and name not in _NULLABLE:
            raise Unprocessable("must not be null", field=name)


def _chosen(body: BulkInput) -> Chosen:
    return Chosen(customer_id=body.customer_id, external_id=body.external_id, tags=tuple(body.tags))
