"""The installation on this machine, for commands that work on it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.foundation import open_database, owner_url, prepare_data_dir
from treadle.settings import Settings

DataDir = Annotated[Path | None, typer.Option(help="As for `treadle serve`. [treadle-data]")]


@dataclass(frozen=True, slots=True)
class Installation:
    """The database, the URL of its owner, and what seals."""

    database: Database
    owner_url: str = field(repr=False)
    sealer: Sealer = field(repr=False)


@asynccontextmanager
async def open_installation(settings: Settings) -> AsyncGenerator[Installation]:
    """The migrated database of the installation, whether a server runs on it or not."""

    def quiet(_line: str) -> None:
        """Progress is not what this command was asked for."""

    sealer = Sealer(prepare_data_dir(settings, report=quiet))
    async with (
        owner_url(settings, report=quiet) as url,
        open_database(settings, url, sealer, report=quiet) as opened,
    ):
        yield Installation(opened.database, url, sealer)
