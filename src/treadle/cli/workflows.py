"""`treadle workflows`: definitions in versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from treadle.cli.calling import FAILED, AsJson, ProfileName, calling
from treadle.cli.definitions import read_definition
from treadle.cli.finding import find_workflow
from treadle.cli.printing import print_fields, print_json, print_list
from treadle.client import Workflow

app: Final = typer.Typer(help="Steps, and what follows on what.", no_args_is_help=True)

WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its id, or its name.")]
VersionNumber = Annotated[
    int | None, typer.Option("--version", "-v", min=1, help="Else the highest.")
]
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="The definition: YAML or JSON.")
]
_COLUMNS: Final = {
    "ID": "id",
    "NAME": "name",
    "VERSION": "version",
    "STATUS": "status",
    "TRIGGER": "trigger_type",
    "CHANGED": "modified",
}


@app.command("list")
def list_workflows(
    status: Annotated[
        str | None, typer.Option(help="DRAFT, ACTIVE, PAUSED or ARCHIVED: its highest version.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List workflows, the newest first, with their highest versions."""
    with calling(profile) as treadle:
        found = treadle.workflows.list(status=status)
        print_list(found, _COLUMNS, as_json=as_json, empty="There is no workflow.")


@app.command("versions")
def versions(workflow: WorkflowName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """List the versions of a workflow, the highest first."""
    with calling(profile) as treadle:
        found = treadle.workflows.versions(find_workflow(treadle, workflow).id)
        print_list(found, _COLUMNS, as_json=as_json, empty="There is no version.")


@app.command("show")
def show(
    workflow: WorkflowName,
    version: VersionNumber = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show a version of a workflow, with its definition."""
    with calling(profile) as treadle:
        found = treadle.workflows.get(find_workflow(treadle, workflow).id, version)
        _tell(found, as_json=as_json)


@app.command("validate")
def validate(file: File, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Say what is wrong with a definition; ends with 1 if something is. Nothing is saved."""
    with calling(profile) as treadle:
        judged = treadle.workflows.validate(read_definition(file, treadle))
    if as_json:
        print_json(judged.raw)
    else:
        for fault in judged.errors:
            typer.echo(f"{fault.path}: {fault.message}")
    if not judged.valid:
        raise typer.Exit(FAILED)


@app.command("create")
def create(
    file: File,
    activate: Annotated[bool, typer.Option("--activate", help="Put it into force.")] = False,
    project: Annotated[str | None, typer.Option(help="Id of the project.")] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Create a workflow; its version 1 is a draft until it is activated."""
    with calling(profile) as treadle:
        made = treadle.workflows.create(read_definition(file, treadle), project=project)
        if activate:
            made = treadle.workflows.activate(made.id, made.version)
        _tell(made, as_json=as_json)


@app.command("save")
def save(
    workflow: WorkflowName,
    file: File,
    activate: Annotated[bool, typer.Option("--activate", help="Put it into force.")] = False,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Replace what the draft of a workflow says, or make the next one."""
    with calling(profile) as treadle:
        found = find_workflow(treadle, workflow)
        saved = treadle.workflows.save(found.id, found.version, read_definition(file, treadle))
        if activate:
            saved = treadle.workflows.activate(saved.id, saved.version)
        _tell(saved, as_json=as_json)


@app.command("activate")
def activate(
    workflow: WorkflowName,
    version: VersionNumber = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Put a version into force: it can be started, and does not change any more."""
    with calling(profile) as treadle:
        found = find_workflow(treadle, workflow)
        _tell(treadle.workflows.activate(found.id, version or found.version), as_json=as_json)


@app.command("archive")
def archive(
    workflow: WorkflowName,
    version: VersionNumber = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Take a version out of force; what runs of it goes on."""
    with calling(profile) as treadle:
        found = find_workflow(treadle, workflow)
        _tell(treadle.workflows.archive(found.id, version or found.version), as_json=as_json)


@app.command("pause")
def pause(workflow: WorkflowName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Pause the schedule by which a workflow starts itself."""
    with calling(profile) as treadle:
        found = find_workflow(treadle, workflow)
        treadle.workflows.pause(found.id)
        _tell(treadle.workflows.get(found.id), as_json=as_json)


@app.command("resume")
def resume(workflow: WorkflowName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Let the schedule of a workflow go on; nothing is made up for."""
    with calling(profile) as treadle:
        found = find_workflow(treadle, workflow)
        treadle.workflows.resume(found.id)
        _tell(treadle.workflows.get(found.id), as_json=as_json)


@app.command("delete")
def delete(
    workflow: WorkflowName, version: VersionNumber = None, profile: ProfileName = None
) -> None:
    """Delete a draft, and with its last version the workflow."""
    with calling(profile) as treadle:
        found = find_workflow(treadle, workflow)
        treadle.workflows.delete(found.id, version or found.version)


def _tell(found: Workflow, *, as_json: bool) -> None:
    if as_json:
        print_json(found.raw)
        return
    many = {"workflow_steps", "workflow_connections"}
    print_fields({name: value for name, value in found.raw.items() if name not in many})
    for step in found.steps:
        ways = [each for each in found.connections if each.get("from") == step["id"]]
        targets = ", ".join(_way(each) for each in ways)
        typer.echo(f"  {step['id']} ({step['type']}){targets and f' -> {targets}'}")


def _way(connection: Mapping[str, Any]) -> str:
    notes = [f"{name} {connection[name]}" for name in ("label", "when", "on") if name in connection]
    return f"{connection['to']} [{', '.join(notes)}]" if notes else str(connection["to"])
