"""`treadle secrets`: what is sealed under the master key."""

from __future__ import annotations

from typing import Final

import typer
import uvloop

from treadle.cli.installation import DataDir, open_installation
from treadle.cli.operator import faults_in_one_line, load_settings
from treadle.cli.printing import complain
from treadle.core.clock import utc_now
from treadle.db.resealing import Resealed, reseal_all
from treadle.db.role_secret import reseal_role_secret
from treadle.identity import audit
from treadle.identity.audit_chain import INSTALLATION
from treadle.integrations import resealing as integrations
from treadle.jobs import resealing as jobs
from treadle.logs import configure_logs
from treadle.mail import outbox
from treadle.schedules import resealing as schedules
from treadle.settings import Settings

KINDS: Final = (*jobs.SEALED, integrations.SEALED, *schedules.SEALED, outbox.SEALED)
"""Everything that is sealed."""

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
    typer.echo("Sealed anew: " + ", ".join(f"{n} {name}" for name, n in done.counts.items()))
    if done.unreadable:
        complain(f"{done.unreadable} values are sealed under a key that is not here; see the log")
        raise typer.Exit(1)


async def _rotate(settings: Settings) -> Resealed:
    async with open_installation(settings) as installation:
        done = await reseal_all(installation.database, installation.sealer, KINDS)
        roles = await reseal_role_secret(installation.owner_url, installation.sealer)
        done = Resealed({**done.counts, "database roles": int(roles)}, done.unreadable)
        async with installation.database.system() as tx:
            await audit.record(
                tx,
                audit.OPERATOR,
                tenant_id=INSTALLATION,
                action="secrets.rotate",
                target="secrets",
                # Not by their names: what is called a secret is struck out.
                after={"sealed_anew": sum(done.counts.values()), "unreadable": done.unreadable},
                now=utc_now(),
            )
        return done
