"""`treadle`: the server's own commands and those that call a server, one file each. None of them is
imported before it is used.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

from treadle import __version__
from treadle.cli.loading import Place, lazy_group

OF_THE_SERVER: Final = (
    Place(
        "serve",
        "treadle.cli.serve:serve",
        "Run API, scheduler and workers until SIGTERM or Ctrl-C.",
    ),
    Place(
        "migrate",
        "treadle.cli.migrate:migrate",
        "Bring the database up to this version; `treadle serve` does it too, at every start.",
    ),
    Place(
        "openapi", "treadle.cli.openapi:openapi", "Print the OpenAPI 3.1 document of this version."
    ),
    Place(
        "doctor",
        "treadle.cli.doctor:doctor",
        "Check this machine for a server: sandbox, uv, data directory, database, files, port.",
    ),
    Place(
        "backup",
        "treadle.cli.backup:backup",
        "Write the installation into one file, while servers run on it.",
    ),
    Place(
        "restore",
        "treadle.cli.backup:restore",
        "Put a backup into a new data directory, or an empty database; then start a server on it.",
    ),
    Place("secrets", "treadle.cli.secrets:app", "What is sealed under the master key."),
    Place("tenants", "treadle.cli.tenants:app", "Who shares this installation, each behind walls."),
    Place(
        "reset-password",
        "treadle.cli.tenants:reset_password",
        "Give a user of any tenant another password, printed once, and end their sessions.",
    ),
)
"""What works on this machine, with the server's own code."""

CALLING: Final = (
    Place(
        "login",
        "treadle.cli.login:login",
        "Log in with an API key, or as a person, and keep it for the other commands.",
    ),
    Place("logout", "treadle.cli.login:logout", "Forget a login, and end the session of a person."),
    Place(
        "plan",
        "treadle.cli.apply:plan",
        "Show what `apply` would change, and what would be due next.",
    ),
    Place(
        "apply",
        "treadle.cli.apply:apply",
        "Create and change jobs, workflows and schedules as a file says; nothing is deleted.",
    ),
    Place("jobs", "treadle.cli.jobs:app", "What can be run."),
    Place("runs", "treadle.cli.runs:app", "What was run, and how it went."),
    Place("schedules", "treadle.cli.schedules:app", "When something is due."),
    Place("workflows", "treadle.cli.workflows:app", "Steps, and what follows on what."),
    Place("executions", "treadle.cli.executions:app", "Workflows that run, and how they went."),
    Place("keys", "treadle.cli.keys:app", "What programs come in with."),
    Place("entities", "treadle.cli.entities:app", "Kinds of records and their data."),
    Place("audit", "treadle.cli.audit:app", "The audit log."),
    Place(
        "mcp",
        "treadle.cli.mcp:mcp",
        "Serve the Model Context Protocol on standard input and output, for an assistant.",
    ),
)
"""What calls a server, and imports nothing of it."""

app = typer.Typer(
    name="treadle",
    cls=lazy_group(*OF_THE_SERVER, *CALLING),
    help="Jobs, workflows and schedules through an API. Every setting is a TREADLE_… variable; "
    "options here win over them.",
    no_args_is_help=True,
    add_completion=True,
    # Tracebacks with the values of variables would print passwords.
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"treadle {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Jobs, workflows and schedules through an API."""
