"""`treadle serve`: runs the server, or one of its roles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from treadle.cli.operator import faults_in_one_line, load_settings
from treadle.logs import configure_logs
from treadle.processes import Plan, Role
from treadle.processes import serve as run_process


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any free one. [8080]")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for the database, files, caches, secret key. [treadle-data]"),
    ] = None,
    only: Annotated[
        Role | None,
        typer.Option(
            help="Run one role instead of all. Without the API it listens, for health and "
            "metrics, only where a port is given."
        ),
    ] = None,
    destination: Annotated[
        str | None, typer.Option(help="Pool of workers to belong to. [default]")
    ] = None,
) -> None:
    """Run API, scheduler and workers until SIGTERM or Ctrl-C."""
    settings = load_settings(host=host, port=port, data_dir=data_dir, destination=destination)
    configure_logs(level=settings.log_level, form=settings.log_format, final=True)
    with faults_in_one_line():
        uvloop.run(run_process(settings, Plan.of(settings, only=only), report=say))


def say(line: str) -> None:
    """A line of progress, at once: whoever reads it may be a program that waits for it."""
    typer.echo(line)
