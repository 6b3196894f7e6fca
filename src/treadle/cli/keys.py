"""`treadle keys`: what programs come in with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import typer

from treadle.cli.calling import AsJson, ProfileName, calling
from treadle.cli.finding import find_project
from treadle.cli.printing import print_list, print_one

app: Final = typer.Typer(help="What programs come in with.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its client id.")]
_COLUMNS: Final = {
    "CLIENT ID": "client_id",
    "DESCRIPTION": "description",
    "EXPIRES": "expires_at",
    "LAST USED": "last_used_at",
    "FROM": "last_used_from",
}


@app.command("list")
def list_keys(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """List API keys."""
    with calling(profile) as treadle:
        print_list(treadle.keys.list(), _COLUMNS, as_json=as_json, empty="There is no API key.")


@app.command("show")
def show(key: KeyId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show a key, without its secrets."""
    with calling(profile) as treadle:
        print_one(treadle.keys.get(key), as_json=as_json)


@app.command("create")
def create(
    description: str,
    expires: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="2027-12-31")],
    role: Annotated[
        str | None, typer.Option(help="Such as Manager; without one it may do nothing.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(help="Where it has the role: id or name; else in the whole tenant."),
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Create a key; its secrets are printed this once."""
    with calling(profile) as treadle:
        where = None if project is None else find_project(treadle, project).id
        made = treadle.keys.create(description, expires_at=expires.date())
        if role is not None:
            treadle.keys.give_role(made.id, role, project=where)
        print_one(made, as_json=as_json)


@app.command("rotate")
def rotate(
    key: KeyId,
    overlap_seconds: Annotated[
        int | None, typer.Option(min=0, help="The old secret lives on for so long.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Give a key new secrets, printed this once."""
    with calling(profile) as treadle:
        print_one(treadle.keys.rotate(key, overlap_seconds=overlap_seconds), as_json=as_json)


@app.command("delete")
def delete(key: KeyId, profile: ProfileName = None) -> None:
    """Delete a key, and with it at once every token that it got."""
    with calling(profile) as treadle:
        treadle.keys.delete(key)
