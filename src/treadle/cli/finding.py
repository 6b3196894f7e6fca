"""What was meant: things by id or name, JSON from the command line or a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from treadle.client import Entity, Job, Project, Schedule, Treadle, WorkflowVersion
from treadle.client.encoding import is_id


def find_job(treadle: Treadle, text: str) -> Job:
    """The job of this id, or of this name. Raises ValueError, NotFound."""
    if text.isdigit():
        return treadle.jobs.get(text)
    found = [job for job in treadle.jobs.list(text=text) if job.name == text]
    return _only(found, what="job", text=text)


def find_schedule(treadle: Treadle, text: str) -> Schedule:
    """The schedule of this id, or of this name. Raises ValueError, NotFound."""
    if is_id(text):
        return treadle.schedules.get(text)
    found = [each for each in treadle.schedules.list() if each.name == text]
    return _only(found, what="schedule", text=text)


def find_entity(treadle: Treadle, text: str) -> Entity:
    """The entity definition of this id, or of this name. Raises ValueError, NotFound."""
    if is_id(text):
        return treadle.entities.get(text)
    return _only(list(treadle.entities.list(name=text)), what="entity", text=text)


def find_workflow(treadle: Treadle, text: str) -> WorkflowVersion:
    """The highest version of the workflow of this id or name. Raises ValueError, NotFound."""
    if is_id(text):
        return treadle.workflows.get(text)
    found = [each for each in treadle.workflows.list() if each.name == text]
    return _only(found, what="workflow", text=text)


def workflow_called(treadle: Treadle, name: str) -> WorkflowVersion | None:
    """The highest version of the workflow of this name. Raises ValueError where several have it."""
    found = [each for each in treadle.workflows.list() if each.name == name]
    if len(found) > 1:
        raise ValueError(f"{len(found)} workflows are called {name!r}")
    return found[0] if found else None


def find_project(treadle: Treadle, text: str) -> Project:
    """The project of this id or name. Raises ValueError."""
    found = [each for each in treadle.projects.list() if text in (each.id, each.name)]
    return _only(found, what="project", text=text)


def read_input(text: str) -> dict[str, Any]:
    """The object that the JSON is, or that stands in `@FILE`. Raises ValueError, OSError."""
    value = read_payload(text)
    if not isinstance(value, dict):
        raise ValueError("--input must be an object: what it holds are the function's arguments")
    return cast("dict[str, Any]", value)


def read_payload(text: str) -> Any:
    """Any value that the JSON is, or that stands in `@FILE`. Raises ValueError, OSError."""
    source = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    try:
        return json.loads(source)
    except json.JSONDecodeError as error:
        raise ValueError(f"--input is no JSON: {error}") from None


def _only(found: list[Any], *, what: str, text: str) -> Any:
    if not found:
        raise ValueError(f"there is no {what} {text!r}, or you may not see it")
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise ValueError(f"{len(found)} are called {text!r}, name one by its id: {ids}")
    return found[0]
