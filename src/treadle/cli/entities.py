"""`treadle entities`: kinds of records and their data."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.finding import find_entity
from treadle.cli.printing import print_list, print_one
from treadle.cli.runs import Limit

app: Final = typer.Typer(help="Kinds of records and their data.", no_args_is_help=True)

EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help="Its id, or its name.")]
_COLUMNS: Final = {
    "ID": "id",
    "NAME": "name",
    "DATE FIELDS": "date_fields",
    "CHANGED": "updated_at",
}
_RECORD_COLUMNS: Final = {"ID": "id", "EXTERNAL ID": "external_id", "DATA": "data"}


@app.command("list")
def list_entities(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """List entity definitions."""
    with calling(profile) as treadle:
        found = treadle.entities.list()
        print_list(found, _COLUMNS, as_json=as_json, empty="There is no entity.")


@app.command("create")
def create(
    name: str,
    schema: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="A JSON Schema.")],
    date_field: Annotated[list[str] | None, typer.Option(help="May be given again.")] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Create an entity definition."""
    with calling(profile) as treadle:
        made = treadle.entities.create(
            name, schema=json.loads(schema.read_text()), date_fields=date_field or []
        )
        print_one(made, as_json=as_json)


@app.command("records")
def records(
    entity: EntityName, limit: Limit = 25, profile: ProfileName = None, as_json: AsJson = False
) -> None:
    """List the records of an entity."""
    with calling(profile) as treadle:
        found = treadle.entities.records(find_entity(treadle, entity).id, page_size=min(limit, 100))
        shown = islice(found, limit)
        print_list(shown, _RECORD_COLUMNS, as_json=as_json, empty="There is no record.")


@app.command("upsert")
def upsert(
    entity: EntityName,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Make or replace records: FILE is JSON, an object of data by external id."""
    with calling(profile) as treadle:
        found: dict[str, dict[str, Any]] = json.loads(file.read_text())
        print_one(treadle.entities.upsert(find_entity(treadle, entity).id, found), as_json=as_json)


@app.command("delete")
def delete(entity: EntityName, profile: ProfileName = None) -> None:
    """Delete an entity definition and its records."""
    with calling(profile) as treadle:
        treadle.entities.delete(find_entity(treadle, entity).id)
