"""`treadle jobs`: what can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.finding import find_job, read_input
from treadle.cli.printing import print_json, print_list, print_one
from treadle.cli.watching import Timeout, watch
from treadle.client import Treadle

app: Final = typer.Typer(help="What can be run.", no_args_is_help=True)

JobName = Annotated[str, typer.Argument(metavar="JOB", help="Its id, or its name.")]
Input = Annotated[
    str, typer.Option("--input", "-i", help="JSON, or @FILE with JSON: what the function gets.")
]
_COLUMNS: Final = {
    "ID": "id",
    "NAME": "name",
    "ACTIVE": "active",
    "PACKAGE": "runtime_config.package_name",
    "ENTRY POINT": "runtime_config.entry_point",
    "CHANGED": "last_modified",
}


@app.command("list")
def list_jobs(
    text: Annotated[str | None, typer.Argument(help="Only names with this in them.")] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List jobs by name."""
    with calling(profile) as treadle:
        found = treadle.jobs.list(text=text)
        print_list(found, _COLUMNS, as_json=as_json, empty="There is no job.")


@app.command("show")
def show(job: JobName, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show all of a job."""
    with calling(profile) as treadle:
        print_one(find_job(treadle, job), as_json=as_json)


@app.command("create")
def create(
    name: str,
    package: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The file to run.")
    ] = None,
    entry_point: Annotated[str | None, typer.Option(help="module.function")] = None,
    description: str = "",
    project: Annotated[str | None, typer.Option(help="Id of the project.")] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Create a job, with its package."""
    with calling(profile) as treadle:
        job = treadle.jobs.create(
            name,
            package=None if package is None else package.name,
            entry_point=entry_point,
            description=description,
            **({} if project is None else {"project": project}),
        )
        if package is not None:
            treadle.jobs.upload(job.id, package)
        _tell(treadle, job.id, as_json=as_json)


@app.command("upload")
def upload(
    job: JobName,
    package: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Upload a package, or put it in the place of the one of its name."""
    with calling(profile) as treadle:
        uploaded = treadle.jobs.upload(find_job(treadle, job).id, package)
        print_one(uploaded, as_json=as_json)


@app.command("run")
def run(
    job: JobName,
    given: Input = "{}",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print its log, live.")] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has ended.")] = False,
    timeout: Timeout = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key starts one run, however often it is sent.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run a job. With --follow or --wait it ends with 1 if the run does not end well."""
    with calling(profile) as treadle:
        started = treadle.jobs.run(
            find_job(treadle, job).id, input=read_input(given), idempotency_key=idempotency_key
        )
        if follow or wait:
            watch(started, follow=follow, timeout=timeout, as_json=as_json)
        elif as_json:
            print_json(started.get().raw)
        else:
            typer.echo(started.id)


@app.command("delete")
def delete(job: JobName, profile: ProfileName = None) -> None:
    """Delete a job; its runs are kept."""
    with calling(profile) as treadle:
        treadle.jobs.delete(find_job(treadle, job).id)


def _tell(treadle: Treadle, job_id: str, *, as_json: bool) -> None:
    print_one(treadle.jobs.get(job_id), as_json=as_json)
