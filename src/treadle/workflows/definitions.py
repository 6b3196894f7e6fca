"""Workflows and their versions as callers see them: make, read, change, put into force.

A version is a DRAFT until it is activated, and never changes after that: an execution stays on the
version that it started with, and saving a version that is in force makes the next DRAFT.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.json import Json
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import (
    MISSING,
    Right,
    projects_among,
    require,
    require_found,
    require_somewhere,
)
from treadle.jobs.definitions import chosen_project
from treadle.workflows import definition_store as store
from treadle.workflows.checking import MOCK_PAYLOAD, ScheduleCheck, checked, examine, faulty
from treadle.workflows.faults import Fault
from treadle.workflows.schemas import detect_schema, schema_fault
from treadle.workflows.versions import (
    ListedVersion,
    Startable,
    StoredWorkflow,
    TriggerType,
    Version,
    VersionColumns,
    VersionKey,
    VersionStatus,
    WorkflowDraft,
)

WORKSPACE: Final = "workspace_id"
NOT_ACTIVE: Final = "the workflow has no ACTIVE version"
_ONLY_A_DRAFT: Final = "only a DRAFT can be {done}; save it to make the next DRAFT"


async def create_workflow(
    tx: Transaction,
    caller: Principal,
    draft: WorkflowDraft,
    *,
    check_schedule: ScheduleCheck,
    now: datetime,
) -> Version:
    """The new workflow's version 1, a DRAFT. Raises Forbidden, BadInput, and Faulty."""
    project_id = await _project(tx, caller, draft.project)
    columns = await checked(tx, caller, draft, project_id, check_schedule)
    made = await store.insert_workflow(tx, project_id, by=caller.ref, now=now)
    await store.insert_version(tx, made.id, made.last_number, columns, by=caller.ref, now=now)
    return await _found(tx, made.id, made.last_number)


async def get_workflow(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    right: Right = Right.WORKFLOWS_READ,
    *,
    lock: bool = False,
) -> StoredWorkflow:
    """The workflow, if the caller has this right on it; with `lock`, nobody else changes a version
    of it meanwhile. Raises NotFound, Forbidden.
    """
    found = None
    if workflow_id is not None:
        found = await store.find_workflow(tx, workflow_id, lock=lock)
    return require_found(caller, right, found)


async def get_version(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    right: Right = Right.WORKFLOWS_READ,
    *,
    lock: bool = False,
) -> Version:
    """The version of the workflow with this number; else as `get_workflow`."""
    workflow = await get_workflow(tx, caller, workflow_id, right, lock=lock)
    found = None if number is None else await store.find_version(tx, workflow.id, number)
    if found is None:
        raise NotFound(MISSING)
    return found


async def list_versions(
    tx: Transaction,
    caller: Principal,
    *,
    project_id: UUID | None = None,
    workflow_id: UUID | None = None,
    status: VersionStatus | None = None,
    latest: bool | None = None,
    name_part: str | None = None,
    before: VersionKey | None = None,
    limit: int,
) -> list[ListedVersion]:
    """The versions that the caller may see, the newest workflow first; `name_part` stands in their
    names. Raises Forbidden.
    """
    reach = require_somewhere(caller, Right.WORKFLOWS_READ)
    return await store.list_versions(
        tx,
        project_ids=projects_among(reach, project_id),
        workflow_id=workflow_id,
        status=status,
        latest=latest,
        name_part=name_part,
        before=before,
        limit=limit,
    )


async def examine_draft(
    tx: Transaction,
    caller: Principal,
    draft: WorkflowDraft,
    *,
    check_schedule: ScheduleCheck,
) -> list[Fault]:
    """What would be refused of the draft; none means that it could be saved. Raises Forbidden, and
    BadInput for its name or project.
    """
    project_id = await _project(tx, caller, draft.project)
    _, faults = await examine(tx, caller, draft, project_id, check_schedule)
    return faults


async def examine_version(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    check_schedule: ScheduleCheck,
) -> list[Fault]:
    """What would be refused of the version by now: an integration may have gone since it was saved.
    Raises NotFound, Forbidden.
    """
    version = await get_version(tx, caller, workflow_id, number, Right.WORKFLOWS_WRITE)
    draft = _draft_of(version)
    _, faults = await examine(tx, caller, draft, version.project_id, check_schedule)
    return faults


async def save_version(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    draft: WorkflowDraft,
    *,
    check_schedule: ScheduleCheck,
    now: datetime,
) -> Version:
    """The DRAFT, which says what the draft says; of a version that is none, the workflow's next
    DRAFT. Raises NotFound, Forbidden, BadInput, and Faulty.
    """
    before = await get_version(tx, caller, workflow_id, number, Right.WORKFLOWS_WRITE, lock=True)
    if draft.project is not None:
        project_id = await _project(tx, caller, draft.project)
        if project_id != before.project_id:
            raise BadInput(f"{WORKSPACE}: cannot be changed", field=WORKSPACE)
    columns = await checked(tx, caller, draft, before.project_id, check_schedule)
    if before.status is VersionStatus.DRAFT:
        await store.update_draft(tx, before.id, columns, by=caller.ref, now=now)
        return await _found(tx, before.workflow_id, before.number)
    next_number = await store.take_number(tx, before.workflow_id, by=caller.ref, now=now)
    await store.insert_version(tx, before.workflow_id, next_number, columns, by=caller.ref, now=now)
    return await _found(tx, before.workflow_id, next_number)


async def set_schema(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    payload: Json,
    *,
    now: datetime,
) -> Version:
    """The DRAFT with this payload as its mock payload, and the schema that it shows. Raises
    NotFound, Forbidden, BadInput, and Conflict for what is no DRAFT.
    """
    before = await get_version(tx, caller, workflow_id, number, Right.WORKFLOWS_WRITE, lock=True)
    if before.status is not VersionStatus.DRAFT:
        raise Conflict(_ONLY_A_DRAFT.format(done="given a schema"))
    schema = detect_schema(payload)
    reason = schema_fault(schema)
    if reason is not None:
        raise BadInput(f"{MOCK_PAYLOAD}: its schema {reason}", field=MOCK_PAYLOAD)
    columns = VersionColumns(
        name=before.name,
        trigger_type=before.trigger_type,
        steps=before.steps,
        connections=before.connections,
        integrations=before.integrations,
        schema=schema,
        mock_payload=payload,
    )
    await store.update_draft(tx, before.id, columns, by=caller.ref, now=now)
    return await _found(tx, before.workflow_id, before.number)


async def activate_version(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    check_schedule: ScheduleCheck,
    now: datetime,
) -> Version:
    """The version, which is in force from now on; so are others that are ACTIVE. Raises NotFound,
    Forbidden, and Faulty where what it needs has gone since it was saved.
    """
    before = await get_version(tx, caller, workflow_id, number, Right.WORKFLOWS_WRITE, lock=True)
    if before.status is VersionStatus.ACTIVE:
        return before
    draft = _draft_of(before)
    columns, faults = await examine(tx, caller, draft, before.project_id, check_schedule)
    if columns is None:
        raise faulty(faults)
    await store.set_status(tx, before.id, VersionStatus.ACTIVE, by=caller.ref, now=now)
    return await _found(tx, before.workflow_id, before.number)


async def archive_version(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    now: datetime,
) -> Version:
    """The version, which is not started any more; what runs of it goes on. Raises NotFound,
    Forbidden.
    """
    before = await get_version(tx, caller, workflow_id, number, Right.WORKFLOWS_WRITE, lock=True)
    if before.status is VersionStatus.ARCHIVED:
        return before
    await store.set_status(tx, before.id, VersionStatus.ARCHIVED, by=caller.ref, now=now)
    return await _found(tx, before.workflow_id, before.number)


async def delete_draft(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
) -> None:
    """The DRAFT is gone, and with its last version the workflow. Raises NotFound, Forbidden, and
    Conflict for what is no DRAFT.
    """
    before = await get_version(tx, caller, workflow_id, number, Right.WORKFLOWS_WRITE, lock=True)
    if before.status is not VersionStatus.DRAFT:
        raise Conflict("only a DRAFT can be deleted; archive the version instead")
    await store.delete_version(tx, before)


async def pause_version(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    paused: bool,
    now: datetime,
) -> Version:
    """The version of a scheduled workflow, PAUSED or ACTIVE again; without a number the latest of
    those. Raises NotFound, Forbidden, and Conflict for one that is neither, or has no schedule.
    """
    workflow = await get_workflow(tx, caller, workflow_id, Right.SCHEDULES_WRITE, lock=True)
    if number is None:
        before = await store.find_latest_scheduled(tx, workflow.id)
    else:
        before = await store.find_version(tx, workflow.id, number)
        if before is None:
            raise NotFound(MISSING)
    if before is None or before.trigger_type is not TriggerType.SCHEDULE:
        raise Conflict("the workflow is not started by a schedule of its own")
    if before.status not in (VersionStatus.ACTIVE, VersionStatus.PAUSED):
        raise Conflict(f"the version is {before.status}: it is neither ACTIVE nor PAUSED")
    status = VersionStatus.PAUSED if paused else VersionStatus.ACTIVE
    if status is before.status:
        return before
    await store.set_status(tx, before.id, status, by=caller.ref, now=now)
    return await _found(tx, before.workflow_id, before.number)


async def version_of_execution(tx: Transaction, workflow_id: UUID, number: int) -> Version:
    """The version that an execution is of, which the caller may read. It is there as long as one
    is.
    """
    return await _found(tx, workflow_id, number)


async def is_in_force(tx: Transaction, workflow_id: UUID, number: int) -> bool:
    """Whether the workflow has this version, and it is ACTIVE or PAUSED."""
    found = await store.find_version(tx, workflow_id, number)
    return found is not None and found.status in (VersionStatus.ACTIVE, VersionStatus.PAUSED)


async def scheduled_version(tx: Transaction, workflow_id: UUID) -> Version | None:
    """The highest version, ACTIVE or PAUSED, that begins with a schedule."""
    return await store.find_latest_scheduled(tx, workflow_id)


async def version_for_caller(
    tx: Transaction,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    seen: dict[tuple[UUID, int | None], Startable] | None = None,
) -> Startable:
    """The version that a start of this caller means: that of this number, else the latest ACTIVE
    one. `seen` keeps what was read, for others who start in the same transaction. Raises NotFound,
    Forbidden, and Conflict for one that is not ACTIVE.
    """
    found = None
    if workflow_id is not None:
        seen = {} if seen is None else seen
        found = seen.get((workflow_id, number))
        if found is None:
            found = await store.find_startable(tx, workflow_id, number)
            if found is not None:
                seen[workflow_id, number] = found
    if found is None:
        await get_workflow(tx, caller, workflow_id, Right.WORKFLOWS_RUN)
        raise _nothing_to_start(number)
    require(caller, Right.WORKFLOWS_RUN, found.project_id)
    return _active(found)


async def version_to_start(
    tx: Transaction, workflow_id: UUID | None, number: int | None, *, project_id: UUID | None = None
) -> Startable:
    """As `version_for_caller`, for those who start it on somebody's behalf, who was asked what he
    may before; only one of this project, if it is given. Raises NotFound, Conflict.
    """
    workflow = None if workflow_id is None else await store.find_workflow(tx, workflow_id)
    if workflow is None or project_id not in (None, workflow.project_id):
        raise NotFound(MISSING)
    found = await store.find_startable(tx, workflow.id, number)
    if found is None:
        raise _nothing_to_start(number)
    return _active(found)


def _active(version: Startable) -> Startable:
    if version.status is not VersionStatus.ACTIVE:
        raise Conflict(f"version {version.number} of the workflow is {version.status}, not ACTIVE")
    return version


def _nothing_to_start(number: int | None) -> Conflict | NotFound:
    return Conflict(NOT_ACTIVE) if number is None else NotFound(MISSING)


async def _project(tx: Transaction, caller: Principal, name_or_id: str | None) -> UUID:
    """The project that is meant, in which the caller may write. Raises BadInput, Forbidden."""
    try:
        project_id = await chosen_project(tx, caller, name_or_id)
    except BadInput:
        raise BadInput(f"{WORKSPACE}: there is no such project", field=WORKSPACE) from None
    require(caller, Right.WORKFLOWS_WRITE, project_id)
    return project_id


async def _found(tx: Transaction, workflow_id: UUID, number: int) -> Version:
    found = await store.find_version(tx, workflow_id, number)
    if found is None:
        raise LookupError(f"workflow {workflow_id} lost its version {number} under our lock")
    return found


def _draft_of(version: Version) -> WorkflowDraft:
    """What was said of the version."""
    return WorkflowDraft(
        name=version.name,
        steps=version.steps,
        connections=version.connections,
        integrations=version.integrations,
        schema=version.schema,
        mock_payload=version.mock_payload,
    )
