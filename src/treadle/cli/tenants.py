"""`treadle tenants`, and the way back in for who has lost a password: what no request can do."""

from __future__ import annotations

from typing import Annotated, Final

import typer
import uvloop

from treadle.cli.installation import DataDir, open_installation
from treadle.cli.operator import faults_in_one_line, load_settings
from treadle.cli.printing import print_json, print_table
from treadle.core.clock import utc_now
from treadle.identity import installation
from treadle.identity.installation import random_password
from treadle.identity.model import Tenant
from treadle.identity.passwords import Passwords
from treadle.logs import configure_logs
from treadle.settings import Settings

app: Final = typer.Typer(
    help="Who shares this installation, each behind walls.", no_args_is_help=True
)


@app.callback()
def root() -> None:
    """Who shares this installation, each behind walls."""


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Of the tenant.")],
    admin: Annotated[str, typer.Option(help="User name of its first Administrator.")],
    data_dir: DataDir = None,
) -> None:
    """Make a tenant with a project and an Administrator, whose password is printed once."""
    settings, password = _prepared(data_dir), random_password()
    with faults_in_one_line():
        tenant = uvloop.run(_create(settings, name=name, admin=admin, password=password))
    typer.echo(
        f"Tenant {tenant.name} ({tenant.id}) has the project default and this Administrator:"
    )
    _tell(admin, password)


@app.command("list")
def list_tenants(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List all tenants, the oldest first."""
    settings = _prepared(data_dir)
    with faults_in_one_line():
        found = uvloop.run(_list(settings))
    rows = [(str(each.id), each.name, each.created_at.isoformat()) for each in found]
    if as_json:
        print_json([dict(zip(("id", "name", "created_at"), row, strict=True)) for row in rows])
    else:
        print_table(["ID", "NAME", "CREATED"], rows)


def reset_password(
    username: Annotated[str, typer.Argument(help="Of the user, in whichever tenant.")],
    data_dir: DataDir = None,
) -> None:
    """Give a user of any tenant another password, printed once, and end their sessions."""
    settings, password = _prepared(data_dir), random_password()
    with faults_in_one_line():
        active = uvloop.run(_reset(settings, username=username, password=password))
    _tell(username, password)
    if not active:
        typer.echo("Warning: this user is not active, and cannot log in", err=True)


def _prepared(data_dir: DataDir) -> Settings:
    settings = load_settings(data_dir=data_dir)
    configure_logs(level=settings.log_level, form=settings.log_format)
    return settings


def _tell(username: str, password: str) -> None:
    typer.echo(f"  user      {username}\n  password  {password}")
    typer.echo("The password is shown this once and stored nowhere. Change it after logging in.")


async def _create(settings: Settings, *, name: str, admin: str, password: str) -> Tenant:
    async with open_installation(settings) as opened:
        made = await installation.create_tenant(
            opened.database,
            name=name,
            admin_username=admin,
            admin_password=password,
            passwords=Passwords(),
            now=utc_now(),
        )
        return made.tenant


async def _list(settings: Settings) -> list[Tenant]:
    async with open_installation(settings) as opened:
        return await installation.list_tenants(opened.database)


async def _reset(settings: Settings, *, username: str, password: str) -> bool:
    async with open_installation(settings) as opened:
        return await installation.replace_password(
            opened.database,
            username=username,
            password=password,
            passwords=Passwords(),
            now=utc_now(),
        )
