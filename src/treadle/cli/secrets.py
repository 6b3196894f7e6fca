"""`treadle secrets`: what is sealed under the master key."""

from __future__ import annotations

from typing import Final

import typer
import uvloop

from treadle.cli.audit import DataDir, open_installation
from treadle.cli.operator import complain, faults_in_one_line, load_settings
from treadle.core.clock import utc_now
from treadle.core.sealing import Sealer
from treadle.jobs.resealing import Resealed, reseal_all
from treadle.logs import configure_logs
from treadle.secret_key import load_master_keys
from treadle.settings import Settings

app: Final = typer.Typer(help="What is sealed under the master key.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """What is sealed under the master key."""


@app.command("rotate")
def rotate(data_dir: DataDir = None) -> None:
    """Seal every secret anew under the first master key; servers may run meanwhile.

    Ends with 1 if something is sealed under a key that is not here.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(level=settings.log_level, form=settings.log_format)
    with faults_in_one_line():
        done = uvloop.run(_rotate(settings))
    typer.echo(f"Sealed anew: {done.macros} macros, {done.runs} runs' macros")
    if done.unreadable:
        complain(f"{done.unreadable} values are sealed under a key that is not here; see the log")
        raise typer.Exit(1)


async def _rotate(settings: Settings) -> Resealed:
    async with open_installation(settings) as database:
        sealer = Sealer(load_master_keys(settings, report=_quiet))
        return await reseal_all(database, sealer, now=utc_now())


def _quiet(_line: str) -> None:
    """The keys are there already."""
