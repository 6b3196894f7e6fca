"""Workflows of a file of `treadle apply`: what differs makes a new version, which is activated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from treadle.cli.changes import Change, Difference, canonical, differences
from treadle.cli.desired import DesiredWorkflow
from treadle.cli.step_targets import Resolved, resolve
from treadle.cli.targets import Targets
from treadle.client import Definition, Treadle, Workflow, WorkflowVersion

_IN_FORCE: Final = frozenset({"ACTIVE", "PAUSED"})


def plan_workflow(
    treadle: Treadle, wanted: DesiredWorkflow, found: WorkflowVersion | None, targets: Targets
) -> Change:
    """What is done to the workflow. A draft that says the same already is only activated: so one
    that was made halfway goes on. Raises ValueError with what the definition would be refused for.
    """
    resolved = resolve(wanted.definition, targets, place=wanted.place)
    if found is None:
        return _create(treadle, wanted, resolved, targets)
    highest = treadle.workflows.get(found.id, found.version)
    current = _in_force(treadle, highest)
    before = current or highest
    definition = _whole(wanted, resolved.definition, before.definition)
    different = _different(before, definition)
    if current is not None and not different:
        return Change("keep", "workflow", wanted.name, (), (), lambda: None)
    is_drafted = highest.status == "DRAFT" and not _different(highest, definition)
    if is_drafted:
        different.append(_version(before, highest.version, "is activated"))
    else:
        _refuse_faults(treadle, wanted, replace(resolved, definition=definition))
        is_draft = current is None and highest.status == "DRAFT"
        number = highest.version + (not is_draft)
        different.append(_version(before, number, "is made and activated"))

    def work() -> None:
        draft = highest
        if not is_drafted:
            # Onto what is in force: somebody's draft stays as it is.
            whole = _whole(wanted, _made(wanted, targets), before.definition)
            draft = treadle.workflows.save(before.id, before.version, whole)
        treadle.workflows.activate(draft.id, draft.version)

    return Change("change", "workflow", wanted.name, tuple(different), (), work)


def _create(
    treadle: Treadle, wanted: DesiredWorkflow, resolved: Resolved, targets: Targets
) -> Change:
    _refuse_faults(treadle, wanted, resolved)
    after = {"steps": [step.get("id") for step in wanted.definition.steps]}
    different = [*differences({}, after), Difference("version", None, "1 is made and activated")]

    def work() -> None:
        made = treadle.workflows.create(_made(wanted, targets), project=wanted.project)
        treadle.workflows.activate(made.id, made.version)

    return Change("create", "workflow", wanted.name, tuple(different), (), work)


def _in_force(treadle: Treadle, highest: Workflow) -> Workflow | None:
    """The version that a start without a number takes."""
    if highest.status in _IN_FORCE:
        return highest
    for version in treadle.workflows.versions(highest.id):
        if version.status in _IN_FORCE:
            return treadle.workflows.get(version.id, version.version)
    return None


def _made(wanted: DesiredWorkflow, targets: Targets) -> Definition:
    """The definition with all ids: what its steps name stands before it in the plan."""
    return resolve(wanted.definition, targets, place=wanted.place, made=True).definition


def _whole(wanted: DesiredWorkflow, definition: Definition, before: Definition) -> Definition:
    """The definition as it becomes: what the file does not give stays as it is."""
    kept = {
        name: getattr(before, name)
        for name in ("schema", "integrations", "mock_payload")
        if name not in wanted.given
    }
    return replace(definition, **kept)


def _different(before: Workflow, after: Definition) -> list[Difference]:
    """What differs: step by step, way by way."""
    was = before.definition
    found = differences(
        {"name": was.name, "schema": was.schema, "mock_payload": was.mock_payload},
        {"name": after.name, "schema": after.schema, "mock_payload": after.mock_payload},
    )
    if not set(after.integrations) <= set(was.integrations):
        found.append(
            Difference("integrations", sorted(was.integrations), sorted(after.integrations))
        )
    old, new = _by_id(was.steps), _by_id(after.steps)
    for id_ in sorted(old.keys() | new.keys()):
        if canonical(old.get(id_)) != canonical(new.get(id_)):
            found.append(Difference(f"steps.{id_}", old.get(id_), new.get(id_)))
    if not found and canonical(list(was.steps)) != canonical(list(after.steps)):
        found.append(Difference("steps", list(old), list(new)))
    ways = canonical(list(was.connections)), canonical(list(after.connections))
    if ways[0] != ways[1]:
        found.append(Difference("connections", list(was.connections), list(after.connections)))
    return found


def _by_id(steps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {str(step.get("id")): dict(step) for step in steps}


def _version(before: Workflow, number: int, what: str) -> Difference:
    return Difference("version", f"{before.version} {before.status}", f"{number} {what}")


def _refuse_faults(treadle: Treadle, wanted: DesiredWorkflow, resolved: Resolved) -> None:
    judged = treadle.workflows.validate(resolved.definition, project=wanted.project)
    # What the file makes first is not there yet.
    faults = [fault for fault in judged.errors if fault.path not in resolved.pending]
    if faults:
        told = "; ".join(f"{fault.path} {fault.message}" for fault in faults)
        raise ValueError(f"workflow {wanted.name!r}: {told}")
