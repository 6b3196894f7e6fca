"""What all commands owe the operator: settings that name their variable, faults in one line."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import typer
from pydantic import ValidationError

from treadle.cli.printing import complain
from treadle.client.credentials import KEY_VARIABLE, URL_VARIABLE
from treadle.faults import OPERATOR_FAULTS
from treadle.settings import Settings

CLIENT_VARIABLES: Final = frozenset({URL_VARIABLE, KEY_VARIABLE, "TREADLE_PROFILE"})
"""What the commands go by that call a server."""


def load_settings(**options: Any) -> Settings:
    """The settings: options that were given, then variables, then defaults. Ends the command, with
    a line for each, where a value cannot be used.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for found in error.errors():
            name = str(found["loc"][0])
            complain(f"{variable(name)}: {found['msg']}")
        raise typer.Exit(1) from None
    for name in unknown_variables(os.environ):
        typer.echo(f"Warning: {name} is not a setting of Treadle", err=True)
    return settings


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return f"TREADLE_{setting.upper()}"


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: most likely a slip of the pen."""
    known = {variable(name) for name in Settings.model_fields} | CLIENT_VARIABLES
    return sorted(
        name for name in environ if name.startswith("TREADLE_") and name.upper() not in known
    )


@contextmanager
def faults_in_one_line() -> Generator[None]:
    """What an operator can mend ends the command with its reason and status 1, no traceback."""
    try:
        yield
    except OPERATOR_FAULTS as error:
        complain(str(error))
        raise typer.Exit(1) from None
