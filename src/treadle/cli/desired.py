"""What a file of `treadle apply` asks for: read and checked before anything is asked of a server.

The file is YAML, TOML or JSON, with the lists `jobs`, `workflows` and `schedules`, whose items are
known by their names. What a file does not name is left as it is; a field that is not given, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final, cast

from treadle.cli.definitions import definition_of
from treadle.cli.files import read_values
from treadle.cli.step_targets import step_targets
from treadle.cli.targets import Kind
from treadle.client import Definition

_LISTS: Final = ("jobs", "workflows", "schedules")
_JOB_FIELDS: Final = frozenset(
    {"description", "active", "blocking", "timeout", "max_retries", "retry_backoff_seconds"}
    | {"network", "tags", "project"}
)
_OWN_JOB_FIELDS: Final = frozenset({"name", "package", "entry_point"})
_OWN_WORKFLOW_FIELDS: Final = frozenset({"name", "project", "definition"})
_OWN_SCHEDULE_FIELDS: Final = frozenset({"job", "input", "workflow", "payload"})
_SCHEDULE_FIELDS: Final = frozenset(
    {"name", "description", "tags", "schedule_type", "schedule_expression", "timezone"}
    | {"start_at", "end_at", "calendars", "action_type", "action_config", "overlap_policy"}
    | {"catchup_window_minutes", "catchup_policy", "flexible_window_minutes"}
    | {"rate_limit_per_minute", "max_retries", "retry_backoff_seconds"}
    | {"pause_on_failure_count", "action_after_completion", "external_id", "customer_id"}
)


@dataclass(frozen=True, slots=True)
class DesiredJob:
    """A job as it shall be. `package` is a file on this machine."""

    name: str
    package: Path | None
    entry_point: str | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DesiredWorkflow:
    """A workflow as it shall be in force. `given` are the fields that its definition says, which
    stands at `place`; its steps may name jobs and workflows.
    """

    name: str
    place: str
    project: str | None
    definition: Definition
    given: frozenset[str]


@dataclass(frozen=True, slots=True)
class DesiredSchedule:
    """A schedule as it shall be: of a job or a workflow, which it gives `given`, or of the action
    among its fields.
    """

    name: str
    place: str
    kind: Kind
    target: str | None
    given: Any
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desired:
    """All that a file asks for. A workflow stands behind those that its steps name."""

    jobs: tuple[DesiredJob, ...]
    workflows: tuple[DesiredWorkflow, ...]
    schedules: tuple[DesiredSchedule, ...]


def read_desired(path: Path) -> Desired:
    """What the file asks for. Raises ValueError that names the place, OSError."""
    found = read_values(path)
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must be an object with {', '.join(_LISTS)}")
    tables = cast("dict[str, Any]", found)
    _refuse_unknown(tables, frozenset(_LISTS), place=str(path))
    jobs = tuple(_job(each, place, path.parent) for place, each in _each(tables, "jobs"))
    workflows = tuple(
        _workflow(each, place, path.parent) for place, each in _each(tables, "workflows")
    )
    schedules = tuple(_schedule(each, place) for place, each in _each(tables, "schedules"))
    _refuse_doubles([job.name for job in jobs], what="jobs")
    _refuse_doubles([workflow.name for workflow in workflows], what="workflows")
    _refuse_doubles([schedule.name for schedule in schedules], what="schedules")
    return Desired(jobs, _in_order(workflows), schedules)


def _each(tables: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    found = tables.get(name, [])
    if not isinstance(found, list):
        raise ValueError(f"{name}: must be a list")
    rows: list[tuple[str, dict[str, Any]]] = []
    for index, each in enumerate(cast("list[Any]", found)):
        place = f"{name}[{index}]"
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise ValueError(f"{place}: must be an object with a `name`")
        rows.append((place, cast("dict[str, Any]", each)))
    return rows


def _job(given: dict[str, Any], place: str, folder: Path) -> DesiredJob:
    _refuse_unknown(given, _JOB_FIELDS | _OWN_JOB_FIELDS, place=place)
    package = None if given.get("package") is None else folder / given["package"]
    if package is not None and not package.is_file():
        raise ValueError(f"{place}.package: there is no file {package}")
    fields = {name: value for name, value in given.items() if name in _JOB_FIELDS}
    return DesiredJob(given["name"], package, given.get("entry_point"), fields)


def _workflow(given: dict[str, Any], place: str, folder: Path) -> DesiredWorkflow:
    own = {name: value for name, value in given.items() if name not in _OWN_WORKFLOW_FIELDS}
    source = given.get("definition")
    if (source is None) == (not own):
        raise ValueError(f"{place}: give either `definition` or `steps` and `connections`")
    if isinstance(source, str):
        file = folder / source
        if not file.is_file():
            raise ValueError(f"{place}.definition: there is no file {file}")
        source, place = read_values(file), str(file)
    said = own if source is None else source
    definition = definition_of(said, place=place, name=given["name"])
    if definition.name != given["name"]:
        raise ValueError(f"{place}: is called {definition.name!r}, not {given['name']!r}")
    names = frozenset(name.removeprefix("workflow_") for name in said)
    return DesiredWorkflow(given["name"], place, given.get("project"), definition, names)


def _in_order(workflows: tuple[DesiredWorkflow, ...]) -> tuple[DesiredWorkflow, ...]:
    """Each after those that it starts, which must have an id by then. Raises ValueError."""
    by_name = {workflow.name: workflow for workflow in workflows}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for workflow in workflows:
        named = step_targets(workflow.definition.steps, place=workflow.place)
        started = {each.name for each in named if each.kind == "workflow"}
        sorter.add(workflow.name, *(name for name in by_name if name in started))
    try:
        return tuple(by_name[name] for name in sorter.static_order())
    except CycleError as error:
        ring = " <- ".join(repr(name) for name in error.args[1])
        raise ValueError(
            f"workflows: {ring} start each other by name; one must say workflow_id"
        ) from None


def _schedule(given: dict[str, Any], place: str) -> DesiredSchedule:
    _refuse_unknown(given, _SCHEDULE_FIELDS | _OWN_SCHEDULE_FIELDS, place=place)
    if sum(name in given for name in ("job", "workflow", "action_type")) != 1:
        raise ValueError(f"{place}: give one of `job`, `workflow` and `action_type`")
    for name, owner in (("input", "job"), ("payload", "workflow")):
        if name in given and owner not in given:
            raise ValueError(f"{place}.{name}: is for a `{owner}`")
        if not isinstance(given.get(owner, ""), str):
            raise ValueError(f"{place}.{owner}: must be the name of a {owner}")
    own = _OWN_SCHEDULE_FIELDS | {"name"}
    fields = {name: value for name, value in given.items() if name not in own}
    fields.setdefault("schedule_type", "cron")
    if "workflow" in given:
        payload = given.get("payload")
        target = given["workflow"]
        return DesiredSchedule(given["name"], place, "workflow", target, payload, fields)
    # A job that is not given an input gets none: what was there goes.
    given_to = given.get("input", {}) if "job" in given else None
    return DesiredSchedule(given["name"], place, "job", given.get("job"), given_to, fields)


def _refuse_unknown(given: Mapping[str, Any], known: frozenset[str], *, place: str) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"{place}: {', '.join(unknown)} is not known here")


def _refuse_doubles(names: list[str], *, what: str) -> None:
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise ValueError(f"{what}: {', '.join(doubles)} is named twice")
