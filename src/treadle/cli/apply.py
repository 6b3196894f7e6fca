"""`treadle plan`, `treadle apply`: jobs, workflows and schedules as a file in git."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.changes import Change, changes_something
from treadle.cli.desired import read_desired
from treadle.cli.planning import make_plan
from treadle.cli.printing import cell, print_json

File = Annotated[
    Path, typer.Option("--file", "-f", exists=True, dir_okay=False, help="YAML, TOML or JSON.")
]
_SIGNS = {"create": "+", "change": "~", "keep": "="}


def plan(
    file: File,
    check: Annotated[
        bool, typer.Option(help="End with 1 if something would change: for a pipeline.")
    ] = False,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show what `apply` would change, and what would be due next. Nothing is changed."""
    with calling(profile) as treadle:
        changes = make_plan(treadle, read_desired(file))
        _show(changes, as_json=as_json)
    if check and changes_something(changes):
        raise typer.Exit(1)


def apply(file: File, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Create and change jobs, workflows and schedules as a file says; nothing is deleted.

    Applied twice, it changes nothing the second time. Stopped halfway, it goes on when it is
    applied again.
    """
    with calling(profile) as treadle:
        changes = make_plan(treadle, read_desired(file))
        for change in changes:
            change.work()
        _show(changes, as_json=as_json)


def _show(changes: list[Change], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(change) for change in changes])
        return
    for change in changes:
        typer.echo(f"{_SIGNS[change.verb]} {change.kind} {change.name}")
        for each in change.differences:
            before = "" if change.verb == "create" else f"{_text(each.before)} -> "
            typer.echo(f"    {each.field}: {before}{_text(each.after)}")
        for moment in change.next:
            typer.echo(f"    next: {cell(moment)}")
    counts = [sum(change.verb == verb for change in changes) for verb in _SIGNS]
    typer.echo("{} to create, {} to change, {} as they are".format(*counts), err=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _as_json(change: Change) -> dict[str, Any]:
    return {
        "action": change.verb,
        "kind": change.kind,
        "name": change.name,
        "differences": [
            {"field": each.field, "before": each.before, "after": _plain(each.after)}
            for each in change.differences
        ],
        "next": [moment.isoformat() for moment in change.next],
    }


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
