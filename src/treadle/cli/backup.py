"""`treadle backup`, `treadle restore`: an installation as one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from treadle.backup import back_up
from treadle.backup import restore as put_back
from treadle.cli.installation import DataDir
from treadle.cli.operator import faults_in_one_line, load_settings
from treadle.cli.serve import say
from treadle.core.clock import utc_now
from treadle.logs import configure_logs


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    without_key: Annotated[
        bool,
        typer.Option(
            "--without-key", help="Leave the master key out; keep it elsewhere, or all is lost."
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Write the installation into one file, while servers run on it.

    Who has the file has every secret in it, unless the master key is left out.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(level=settings.log_level, form=settings.log_format)
    with faults_in_one_line():
        done = uvloop.run(
            back_up(settings, to.absolute(), with_key=not without_key, now=utc_now(), report=say)
        )
    key = "with the master key" if done.has_key else "without the master key"
    say(f"Backed up: {to}, {done.bytes:,} bytes, files: {done.files}, {key}")


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A backup.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Put a backup into a new data directory, or an empty database; then start a server on it.

    Schedules go on from now: what was due since the backup is not fired, and says so.
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(level=settings.log_level, form=settings.log_format)
    with faults_in_one_line():
        done = uvloop.run(put_back(settings, source, now=utc_now(), report=say))
    say(
        f"Restored the backup of {done.made_at}. Files: {done.files}. "
        f"Schedules that go on from now: {done.schedules}"
    )
