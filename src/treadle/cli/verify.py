"""`treadle audit verify`: whether the audit log is whole."""

from __future__ import annotations

from contextlib import aclosing

import typer
import uvloop

from treadle.cli.installation import DataDir, open_installation
from treadle.cli.operator import faults_in_one_line, load_settings
from treadle.cli.printing import complain
from treadle.identity import audit
from treadle.identity.audit import Verified
from treadle.identity.audit_chain import INSTALLATION
from treadle.logs import configure_logs
from treadle.settings import Settings


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
    async with (
        open_installation(settings) as installation,
        aclosing(audit.verify(installation.database)) as found,
    ):
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
