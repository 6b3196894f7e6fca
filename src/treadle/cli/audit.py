"""`treadle audit`: whether the audit log is whole, and what stands in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop

from treadle.cli.operator import complain, faults_in_one_line, load_settings
from treadle.db.database import Database
from treadle.foundation import database_secret, open_database, owner_url, prepare_data_dir
from treadle.identity import audit
from treadle.identity.audit import Verified
from treadle.identity.audit_chain import INSTALLATION
from treadle.logs import configure_logs
from treadle.settings import Settings

app: Final = typer.Typer(help="The audit log.", no_args_is_help=True)

DataDir = Annotated[Path | None, typer.Option(help="As for `treadle serve`. [treadle-data]")]


@app.callback()
def root() -> None:
    """The audit log."""


@app.command("verify")
def verify(data_dir: DataDir = None) -> None:
    """Walk the chain of every tenant; names the first broken entry and ends with 1 if there is one.

    Keep the printed heads elsewhere: who may write to the database as its owner can make a new
    chain, but not one with the heads that you know.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(level=settings.log_level, form=settings.log_format)
    with faults_in_one_line():
        broken = uvloop.run(_verify(settings))
    if broken:
        raise typer.Exit(1)


async def _verify(settings: Settings) -> bool:
    broken = False
    async with open_installation(settings) as database, aclosing(audit.verify(database)) as found:
        async for verified in found:
            if verified.broken is not None:
                broken = True
                complain(_broken(verified))
            else:
                typer.echo(_whole(verified))
    return broken


def _whole(verified: Verified) -> str:
    head = verified.head
    return f"{_name(verified)}: {head.number} entries, whole; head {head.hash.hex()}"


def _broken(verified: Verified) -> str:
    found = verified.broken
    if found is None:
        raise ValueError("the chain is whole")
    entry = f" ({found.id})" if found.id is not None else ""
    return f"{_name(verified)}: broken at entry {found.number}{entry}: {found.reason}"


def _name(verified: Verified) -> str:
    if verified.tenant_id == INSTALLATION:
        return "installation"
    return f"tenant {verified.tenant_id}"


@asynccontextmanager
async def open_installation(settings: Settings) -> AsyncGenerator[Database]:
    """The migrated database of the installation, whether a server runs on it or not."""

    def quiet(_line: str) -> None:
        """Progress is not what this command was asked for."""

    masters = prepare_data_dir(settings, report=quiet)
    async with (
        owner_url(settings, report=quiet) as url,
        open_database(settings, url, database_secret(masters), report=quiet) as database,
    ):
        yield database
