"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from treadle.client.models import Answer

_PIPE_WIDTH: Final = 1000
"""Columns where there is no terminal: what a program reads is never cut off."""
_COLOURS: Final = {
    "FINISHED": "green",
    "active": "green",
    "succeeded": "green",
    "ERROR": "red",
    "FAILED": "red",
    "failed": "red",
    "missed": "yellow",
    "paused": "yellow",
    "CANCELLED": "yellow",
    "ACTIVE": "green",
    "Completed": "green",
    "Failed": "red",
    "Terminated": "yellow",
    "Awaiting Response": "yellow",
}


def complain(reason: str) -> None:
    """One line to standard error, as programs do."""
    typer.echo(f"treadle: {reason}", err=True)


def print_json(value: Any) -> None:
    """JSON, indented."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_list(
    found: Iterable[Answer], columns: Mapping[str, str], *, as_json: bool, empty: str
) -> None:
    """Objects as the rows of a table; `columns` are headings and attributes (`job_config.name`)."""
    if as_json:
        print_json([each.raw for each in found])
        return
    rows = [[cell(_attribute(each, place)) for place in columns.values()] for each in found]
    if not rows:
        typer.echo(empty, err=True)
        return
    print_table(list(columns), rows)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table without lines: what is copied from it is what it says."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(text, style=_COLOURS.get(text, "")) for text in row))
    _console().print(table)


def print_one(found: Answer, *, as_json: bool) -> None:
    """An object: its fields below each other."""
    if as_json:
        print_json(found.raw)
    else:
        print_fields(found.raw)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Fields below each other; what is empty is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in fields.items():
        if value not in (None, "", [], {}) and name != "href":
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            table.add_row(Text(name, style="bold"), Text(text, style=_COLOURS.get(text, "")))
    _console().print(table)


def cell(value: Any) -> str:
    """A value in a table."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(str(each) for each in value) or "-"
    return str(value)


def _attribute(found: Any, place: str) -> Any:
    for name in place.split("."):
        found = getattr(found, name, None)
    return found


def _console() -> Console:
    return Console(
        file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False
    )
