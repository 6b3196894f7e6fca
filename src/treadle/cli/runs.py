"""`treadle runs`: what was run, and how it went."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.finding import find_job
from treadle.cli.printing import print_json, print_list, print_one
from treadle.cli.watching import Timeout, watch

app: Final = typer.Typer(help="What was run, and how it went.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Its id.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="So many at most.")]
_COLUMNS: Final = {
    "ID": "id",
    "JOB": "job_config.name",
    "STATUS": "status",
    "SCHEDULED": "scheduled",
    "MS": "duration",
    "ATTEMPT": "attempt",
    "ERROR": "error",
}


@app.command("list")
def list_runs(
    job: Annotated[str | None, typer.Option(help="Of this job: its id, or its name.")] = None,
    status: Annotated[str | None, typer.Option(help="One or more, with commas.")] = None,
    limit: Limit = 25,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first."""
    with calling(profile) as treadle:
        job_id = None if job is None else find_job(treadle, job).id
        found = treadle.runs.list(job=job_id, status=status, page_size=min(limit, 100))
        print_list(islice(found, limit), _COLUMNS, as_json=as_json, empty="There is no run.")


@app.command("show")
def show(run: RunId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show all of a run."""
    with calling(profile) as treadle:
        print_one(treadle.runs.get(run), as_json=as_json)


@app.command("log")
def log(
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the run ends.")] = False,
    profile: ProfileName = None,
) -> None:
    """Print the log of a run."""
    with calling(profile) as treadle:
        handle = treadle.runs.handle(run)
        for text in handle.follow() if follow else [handle.log()]:
            typer.echo(text, nl=False)


@app.command("wait")
def wait(
    run: RunId, timeout: Timeout = None, profile: ProfileName = None, as_json: AsJson = False
) -> None:
    """Wait until a run has ended; ends with 1 if it did not end well."""
    with calling(profile) as treadle:
        watch(treadle.runs.handle(run), follow=False, timeout=timeout, as_json=as_json)


@app.command("result")
def result(run: RunId, profile: ProfileName = None) -> None:
    """Print what the function returned, as JSON; waits for it."""
    with calling(profile) as treadle:
        print_json(treadle.runs.handle(run).result())


@app.command("download")
def download(
    run: RunId,
    to: Annotated[Path, typer.Option(help="The folder to write to.", file_okay=False)] = Path(),
    profile: ProfileName = None,
) -> None:
    """Fetch the files that a run left, and print their names."""
    with calling(profile) as treadle:
        to.mkdir(parents=True, exist_ok=True)
        for file in treadle.runs.files(run):
            typer.echo(treadle.runs.handle(run).download(file.name, to))


@app.command("stop")
def stop(run: RunId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Stop a run, or cancel it before it starts."""
    with calling(profile) as treadle:
        print_one(treadle.runs.handle(run).stop(), as_json=as_json)


@app.command("retry")
def retry(run: RunId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Run the same again; prints the new run's id."""
    with calling(profile) as treadle:
        again = treadle.runs.handle(run).retry()
        if as_json:
            print_json(again.get().raw)
        else:
            typer.echo(again.id)
