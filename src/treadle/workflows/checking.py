"""A draft held against what there is: integrations, jobs and other workflows of its project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from treadle.core.errors import Faulty, FieldFault, Forbidden, NotFound
from treadle.core.ids import parse_id, parse_number
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.identity.texts import check_text
from treadle.integrations.integrations import find_in_project
from treadle.jobs.definitions import hold_job_for
from treadle.workflows import definition_store as store
from treadle.workflows.faults import Fault, in_order
from treadle.workflows.model import Definition, Graph, Step
from treadle.workflows.parsing import STEPS, parse_definition
from treadle.workflows.schemas import payload_faults, schema_fault
from treadle.workflows.step_configs.job import JobConfig
from treadle.workflows.step_configs.map import MapConfig
from treadle.workflows.step_configs.trigger import ScheduleConfig
from treadle.workflows.step_configs.wait_for_response import WaitForResponseConfig
from treadle.workflows.step_configs.workflow import WorkflowConfig
from treadle.workflows.validation import validate
from treadle.workflows.versions import TriggerType, VersionColumns, WorkflowDraft

SCHEMA: Final = "workflow_schema"
INTEGRATIONS: Final = "workflow_integrations"
MOCK_PAYLOAD: Final = "workflow_mock_payload"
NAME: Final = "workflow_name"
MAX_NAME: Final = 200
MAX_INTEGRATIONS: Final = 200
SOURCES: Final = ("TEAMS", "SAP")
"""Who may answer a waiting execution without being an integration of the workflow."""

ScheduleCheck = Callable[[ScheduleConfig], Sequence[Fault]]
"""What is wrong with a schedule trigger's config, the paths counted from it: the domain of
schedules knows."""


async def checked(
    tx: Transaction,
    caller: Principal,
    draft: WorkflowDraft,
    project_id: UUID,
    check_schedule: ScheduleCheck,
) -> VersionColumns:
    """The draft as it is stored. Raises BadInput for its name, and Faulty with all faults."""
    columns, faults = await examine(tx, caller, draft, project_id, check_schedule)
    if columns is None:
        raise faulty(faults)
    return columns


async def examine(
    tx: Transaction,
    caller: Principal,
    draft: WorkflowDraft,
    project_id: UUID,
    check_schedule: ScheduleCheck,
) -> tuple[VersionColumns | None, list[Fault]]:
    """The draft as it is stored, or None and all its faults. Raises BadInput for its name."""
    name = check_text(draft.name, field=NAME, least=1, most=MAX_NAME)
    definition, faults = parse_definition(draft.steps, draft.connections)
    faults += _schema_faults(draft)
    names = _names(draft, definition)
    integrations: dict[str, str] = {}
    if len(names) > MAX_INTEGRATIONS:
        faults.append(Fault(INTEGRATIONS, f"a workflow uses at most {MAX_INTEGRATIONS}"))
    else:
        integrations = await _integrations(tx, project_id, names)
        faults += _declared_faults(draft, integrations)
    if definition is None:
        return None, in_order(faults)
    faults += validate(definition, integrations=integrations)
    faults += _source_faults(definition, integrations)
    faults += _trigger_faults(definition, check_schedule)
    faults += await _missing(tx, caller, definition, project_id)
    if faults:
        return None, in_order(faults)
    columns = VersionColumns(
        name=name,
        trigger_type=trigger_type_of(definition),
        steps=draft.steps,
        connections=draft.connections,
        integrations=integrations,
        schema=draft.schema if isinstance(draft.schema, dict) else None,
        mock_payload=draft.mock_payload,
    )
    return columns, []


def trigger_type_of(definition: Definition) -> TriggerType:
    """What starts the definition."""
    return TriggerType(definition.steps[0].type.upper())


def faulty(faults: Sequence[Fault]) -> Faulty:
    """The error that tells of these faults."""
    return Faulty([FieldFault(_place(fault.path), fault.rule) for fault in faults])


def _place(path: str) -> tuple[str | int, ...]:
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)
    return tuple(int(index) if index else key for index, key in parts)


def _schema_faults(draft: WorkflowDraft) -> list[Fault]:
    if draft.schema is None:
        return []
    fault = schema_fault(draft.schema)
    if fault is not None or not isinstance(draft.schema, dict):
        return [Fault(SCHEMA, fault or "must be an object")]
    if draft.mock_payload is None:
        return []
    return payload_faults(draft.schema, draft.mock_payload, path=MOCK_PAYLOAD)


def _names(draft: WorkflowDraft, definition: Definition | None) -> set[str]:
    """Every name that may be an integration's."""
    names = set(draft.integrations)
    for _, step in _steps(definition):
        config: Any = step.config
        if isinstance(name := getattr(config, "integration", None), str):
            names.add(name)
        if isinstance(config, WaitForResponseConfig):
            names |= {config.send.integration} if config.send is not None else set()
            names |= set(config.sources or ()) - set(SOURCES)
    return names


async def _integrations(tx: Transaction, project_id: UUID, names: set[str]) -> dict[str, str]:
    """The ids of those that the project has, by the names that the workflow calls them."""
    ids: dict[str, str] = {}
    for name in sorted(names):
        found = await find_in_project(tx, project_id, name)
        if found is not None:
            ids[name] = str(found.id)
    return ids


def _declared_faults(draft: WorkflowDraft, integrations: dict[str, str]) -> list[Fault]:
    return [
        Fault(f"{INTEGRATIONS}.{name}", "there is no such integration in the project")
        for name in draft.integrations
        if name not in integrations
    ]


def _source_faults(definition: Definition, integrations: dict[str, str]) -> list[Fault]:
    faults: list[Fault] = []
    for path, step in _steps(definition):
        if not isinstance(step.config, WaitForResponseConfig):
            continue
        for n, source in enumerate(step.config.sources or ()):
            if source not in SOURCES and source not in integrations:
                rule = f"there is no integration {source!r}, and it is not {' or '.join(SOURCES)}"
                faults.append(Fault(f"{path}.config.sources[{n}]", rule))
    return faults


def _trigger_faults(definition: Definition, check_schedule: ScheduleCheck) -> list[Fault]:
    config = definition.steps[0].config
    if not isinstance(config, ScheduleConfig):
        return []
    found = check_schedule(config)
    return [Fault(f"{STEPS}[0].config.{fault.path}", fault.rule) for fault in found]


async def _missing(
    tx: Transaction, caller: Principal, definition: Definition, project_id: UUID
) -> list[Fault]:
    """Jobs and workflows that steps name, and that are not there for the caller. What an expression
    will name is looked for when the step is taken.
    """
    faults: list[Fault] = []
    seen: dict[tuple[str, str], bool] = {}
    for path, step in _steps(definition):
        config = step.config
        key, wanted = "", None
        if isinstance(config, JobConfig):
            key, wanted = "job_id", config.job_id
        elif isinstance(config, WorkflowConfig | MapConfig):
            key, wanted = "workflow_id", config.workflow_id
        if wanted is None or "${" in wanted:
            continue
        if (key, wanted) not in seen:
            is_there = _has_job if key == "job_id" else _has_workflow
            seen[key, wanted] = await is_there(tx, caller, wanted, project_id)
        if not seen[key, wanted]:
            what = "job that you may run" if key == "job_id" else "workflow"
            faults.append(Fault(f"{path}.config.{key}", f"there is no such {what} in the project"))
    return faults


async def _has_job(tx: Transaction, caller: Principal, text: str, project_id: UUID) -> bool:
    try:
        job = await hold_job_for(tx, caller, parse_number(text), Right.JOBS_RUN)
    except (NotFound, Forbidden):
        return False  # who may not run it need not learn here that it exists
    return job.project_id == project_id


async def _has_workflow(tx: Transaction, _: Principal, text: str, project_id: UUID) -> bool:
    workflow_id = parse_id(text)
    found = None if workflow_id is None else await store.find_workflow(tx, workflow_id)
    return found is not None and found.project_id == project_id


def _steps(definition: Definition | None) -> Iterator[tuple[str, Step]]:
    """Every step with its path, those inside maps too."""
    pending: list[tuple[str, Graph]] = [] if definition is None else [(STEPS, definition)]
    while pending:
        path, graph = pending.pop()
        for n, step in enumerate(graph.steps):
            yield f"{path}[{n}]", step
            if step.inner is not None:
                pending.append((f"{path}[{n}].config.steps", step.inner))
