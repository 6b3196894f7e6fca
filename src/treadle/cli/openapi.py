"""`treadle openapi`: prints the API's description; nothing has to run for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from treadle.app import openapi_document


def openapi(
    out: Annotated[
        Path | None, typer.Option(help="File to write instead of standard output.")
    ] = None,
) -> None:
    """Print the OpenAPI 3.1 document of this version."""
    text = json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
