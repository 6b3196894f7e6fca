"""`treadle executions`: workflows that run, and how they went."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.finding import find_workflow, read_input, read_payload
from treadle.cli.printing import cell, print_fields, print_json, print_list, print_table
from treadle.cli.runs import Limit
from treadle.cli.watching import Timeout, watch_execution
from treadle.cli.workflows import WorkflowName
from treadle.client import Execution, StepLog

app: Final = typer.Typer(help="Workflows that run, and how they went.", no_args_is_help=True)

ExecutionId = Annotated[str, typer.Argument(metavar="EXECUTION", help="Its id, or its process id.")]
Payload = Annotated[
    str | None, typer.Option("--input", "-i", help="JSON, or @FILE with JSON: the payload.")
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Print its events, live.")]
_COLUMNS: Final = {
    "ID": "id",
    "WORKFLOW": "workflow_name",
    "VERSION": "version",
    "STATUS": "status",
    "AT": "current",
    "PROCESS ID": "process_id",
    "STARTED": "created",
    "ERROR": "error.message",
}


_WIDTH: Final = 80
"""Characters of an output in the table of steps; `--json` has all of it."""


@app.command("list")
def list_executions(
    workflow: Annotated[str | None, typer.Option(help="Of this one: its id, or name.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="In Progress, Awaiting Response, Completed, Failed or Terminated."),
    ] = None,
    limit: Limit = 25,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List executions, the newest first."""
    with calling(profile) as treadle:
        of = None if workflow is None else find_workflow(treadle, workflow).id
        found = treadle.executions.list(workflow=of, status=status, page_size=min(limit, 30))
        shown = islice(found, limit)
        print_list(shown, _COLUMNS, as_json=as_json, empty="There is no execution.")


@app.command("show")
def show(execution: ExecutionId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show an execution, with what its steps were given and came to."""
    with calling(profile) as treadle:
        _tell(treadle.executions.get(execution), as_json=as_json)


@app.command("trigger")
def trigger(
    workflow: WorkflowName,
    given: Payload = None,
    version: Annotated[
        int | None, typer.Option("--version", "-v", min=1, help="Else the highest ACTIVE one.")
    ] = None,
    follow: Follow = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is over.")] = False,
    timeout: Timeout = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key starts one, however often it is sent.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Start an execution. With --follow or --wait it ends with 1 if that does not end well."""
    with calling(profile) as treadle:
        started = treadle.executions.trigger(
            find_workflow(treadle, workflow).id,
            None if given is None else read_payload(given),
            version=version,
            idempotency_key=idempotency_key,
        )
        if follow or wait:
            watch_execution(started, follow=follow, timeout=timeout, as_json=as_json)
        elif as_json:
            print_json(started.get().raw)
        else:
            typer.echo(started.id)


@app.command("wait")
def wait(
    execution: ExecutionId,
    follow: Follow = False,
    timeout: Timeout = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Wait until an execution is over, and print its output; ends with 1 if it did not end well."""
    with calling(profile) as treadle:
        handle = treadle.executions.handle(execution)
        watch_execution(handle, follow=follow, timeout=timeout, as_json=as_json)


@app.command("answer")
def answer(
    execution: ExecutionId,
    source: Annotated[
        str, typer.Option(help="Who answers: TEAMS, SAP, or an integration of the workflow.")
    ],
    given: Annotated[
        str, typer.Option("--input", "-i", help="JSON, or @FILE with JSON: the answer.")
    ] = "{}",
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Answer what an execution waits for, so that it goes on."""
    with calling(profile) as treadle:
        taken = treadle.executions.handle(execution).answer(source, read_input(given))
    if as_json:
        print_json({"answered": taken})
    else:
        typer.echo("answered" if taken else "already answered")


@app.command("retry")
def retry(
    execution: ExecutionId,
    from_step: Annotated[str | None, typer.Option(help="Else from those that failed.")] = None,
    version: Annotated[
        int | None, typer.Option("--version", "-v", min=1, help="Go on with this version.")
    ] = None,
    given: Payload = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Take a failed or terminated execution up again."""
    with calling(profile) as treadle:
        payload = None if given is None else read_payload(given)
        handle = treadle.executions.handle(execution)
        handle.retry(from_step=from_step, version=version, payload=payload)
        _tell(handle.get(), as_json=as_json)


@app.command("terminate")
def terminate(
    execution: ExecutionId,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """End an execution, and all that is under way in it."""
    with calling(profile) as treadle:
        handle = treadle.executions.handle(execution)
        handle.terminate(reason)
        _tell(handle.get(), as_json=as_json)


def _tell(found: Execution, *, as_json: bool) -> None:
    if as_json:
        print_json(found.raw)
        return
    fields = {
        "id": found.id,
        "workflow": f"{found.workflow_name} {found.version} ({found.workflow_id})",
        "status": found.status,
        "at": None if found.has_ended else found.current,
        "process_id": found.process_id,
        "trigger": f"{found.trigger_type} by {found.created_by}",
        "started": cell(found.created),
        "finished": None if found.finished is None else cell(found.finished),
        "input": found.input,
        "output": found.output,
        "error": None if found.error is None else dict(found.error.raw),
    }
    print_fields(fields)
    typer.echo()
    rows = [
        (name, step.status, cell(step.duration_ms), cell(step.attempts), _outcome(step))
        for name, step in found.steps.items()
    ]
    print_table(["STEP", "STATUS", "MS", "ATTEMPTS", "OUTPUT"], rows)


def _outcome(step: StepLog) -> str:
    """Its output or its error, short."""
    if step.error is not None:
        return f"{step.error.name}: {step.error.message}"
    text = "" if step.output is None else json.dumps(step.output, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
