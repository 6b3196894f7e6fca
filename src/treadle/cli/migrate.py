"""`treadle migrate`: brings the database up to this program, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from treadle.cli.operator import faults_in_one_line, load_settings
from treadle.cli.serve import say
from treadle.core.sealing import Sealer
from treadle.db.migrate import load_migrations
from treadle.foundation import owner_url, prepare_data_dir, prepare_in_time
from treadle.logs import configure_logs
from treadle.settings import Settings


def migrate(
    data_dir: Annotated[
        Path | None, typer.Option(help="As for `treadle serve`. [treadle-data]")
    ] = None,
) -> None:
    """Bring the database up to this version; `treadle serve` does it too, at every start."""
    settings = load_settings(data_dir=data_dir)
    configure_logs(level=settings.log_level, form=settings.log_format)
    with faults_in_one_line():
        uvloop.run(_migrate(settings))


async def _migrate(settings: Settings) -> None:
    sealer = Sealer(prepare_data_dir(settings, report=say))
    async with owner_url(settings, report=say) as url:
        await prepare_in_time(url, sealer, report=say)
    say(f"The database is at migration {len(load_migrations())}, the newest of this version")
