"""`treadle`: the server's own commands, one file each."""

from __future__ import annotations

from typing import Annotated

import typer

from treadle import __version__
from treadle.cli import audit, doctor, migrate, openapi, secrets, serve

app = typer.Typer(
    name="treadle",
    help="Jobs, workflows and schedules through an API. Every setting is a TREADLE_… variable; "
    "options here win over them.",
    no_args_is_help=True,
    add_completion=False,
    # Tracebacks with the values of variables would print passwords.
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("migrate")(migrate.migrate)
app.command("openapi")(openapi.openapi)
app.command("doctor")(doctor.doctor)
app.add_typer(audit.app, name="audit")
app.add_typer(secrets.app, name="secrets")


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
