"""`treadle schedules`: when something is due, and what became of it."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.finding import find_job, find_schedule, read_input
from treadle.cli.jobs import Input
from treadle.cli.printing import cell, print_json, print_list, print_one
from treadle.cli.runs import Limit
from treadle.client import Preview

app: Final = typer.Typer(help="When something is due.", no_args_is_help=True)

ScheduleName = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id, or its name.")]
TimeZone = Annotated[str | None, typer.Option("--timezone", "-z", help="IANA or Windows name.")]
Expression = Annotated[
    str, typer.Argument(metavar="EXPRESSION", help="Such as '0 9 * * 1-5', or 'PT5M'.")
]
Kind = Annotated[str, typer.Option("--type", help="cron, interval, once or relative.")]
_COLUMNS: Final = {
    "ID": "id",
    "NAME": "name",
    "STATUS": "status",
    "EXPRESSION": "schedule_expression",
    "TIME ZONE": "timezone",
    "ACTION": "action_type",
    "NEXT": "next_run_at",
}
_FIRING_COLUMNS: Final = {
    "DUE": "scheduled_for",
    "STATUS": "status",
    "TRIGGER": "trigger",
    "STARTED": "started_at",
    "LATE MS": "lateness_ms",
    "REASON": "reason",
}


@app.command("list")
def list_schedules(
    status: Annotated[str | None, typer.Option(help="active, paused or completed.")] = None,
    tag: str | None = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List schedules."""
    with calling(profile) as treadle:
        found = treadle.schedules.list(status=status, tag=tag)
        print_list(found, _COLUMNS, as_json=as_json, empty="There is no schedule.")


@app.command("show")
def show(schedule: ScheduleName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show all of a schedule."""
    with calling(profile) as treadle:
        print_one(find_schedule(treadle, schedule), as_json=as_json)


@app.command("create")
def create(
    name: str,
    expression: Expression,
    job: Annotated[str, typer.Option(help="The job to run: its id, or its name.")],
    given: Input = "{}",
    timezone: TimeZone = None,
    kind: Kind = "cron",
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run a job when it is due."""
    with calling(profile) as treadle:
        made = treadle.schedules.create(
            name,
            expression,
            job=find_job(treadle, job).id,
            input=read_input(given),
            timezone=timezone,
            schedule_type=kind,
        )
        print_one(made, as_json=as_json)


@app.command("preview")
def preview(
    expression: Expression,
    timezone: TimeZone = None,
    kind: Kind = "cron",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000)] = 5,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Say when it would be due; nothing is kept."""
    with calling(profile) as treadle:
        found = treadle.schedules.preview(
            expression, timezone=timezone, schedule_type=kind, count=count
        )
        _print_preview(found, as_json=as_json)


@app.command("upcoming")
def upcoming(
    schedule: ScheduleName,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000)] = 5,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Say when it is due next."""
    with calling(profile) as treadle:
        found = treadle.schedules.upcoming(find_schedule(treadle, schedule).id, count=count)
        _print_preview(found, as_json=as_json)


@app.command("firings")
def firings(
    schedule: ScheduleName,
    status: str | None = None,
    limit: Limit = 25,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List due times and what became of them, the newest first."""
    with calling(profile) as treadle:
        found = treadle.schedules.firings(
            find_schedule(treadle, schedule).id, status=status, page_size=min(limit, 100)
        )
        shown = islice(found, limit)
        print_list(shown, _FIRING_COLUMNS, as_json=as_json, empty="It was not due yet.")


@app.command("explain")
def explain(
    schedule: ScheduleName,
    at: Annotated[datetime, typer.Argument(formats=["%Y-%m-%dT%H:%M:%S%z"])],
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Say why it ran at an instant (2026-11-22T09:00:00Z), or did not."""
    with calling(profile) as treadle:
        found = treadle.schedules.explain(find_schedule(treadle, schedule).id, at)
        print_one(found, as_json=as_json)


@app.command("pause")
def pause(
    schedule: ScheduleName,
    reason: str | None = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Pause a schedule."""
    with calling(profile) as treadle:
        found = find_schedule(treadle, schedule)
        print_one(treadle.schedules.pause(found.id, reason=reason), as_json=as_json)


@app.command("resume")
def resume(schedule: ScheduleName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Let a schedule go on; what was due meanwhile is not made up for."""
    with calling(profile) as treadle:
        found = find_schedule(treadle, schedule)
        print_one(treadle.schedules.resume(found.id), as_json=as_json)


@app.command("trigger")
def trigger(schedule: ScheduleName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Start it now, paused or not."""
    with calling(profile) as treadle:
        found = find_schedule(treadle, schedule)
        print_one(treadle.schedules.trigger(found.id), as_json=as_json)


@app.command("delete")
def delete(schedule: ScheduleName, profile: ProfileName = None) -> None:
    """Delete a schedule; what it has started goes on."""
    with calling(profile) as treadle:
        treadle.schedules.delete(find_schedule(treadle, schedule).id)


def _print_preview(found: Preview, *, as_json: bool) -> None:
    if as_json:
        print_json(found.raw)
        return
    typer.echo(f"{found.description} ({found.timezone})")
    for moment in found.next:
        typer.echo(cell(moment))
