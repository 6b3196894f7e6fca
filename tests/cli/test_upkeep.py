"""`treadle audit verify` and `treadle secrets rotate`, over a database of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest
import structlog
from typer.testing import CliRunner, Result

from factories import make_tenant
from fixtures.database import with_database
from treadle.cli.main import app
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.role_secret import role_secret

NAME = "test_upkeep_commands"
KEY = "k" * 40


@pytest.fixture(autouse=True)
def logs_of_before() -> Generator[None]:
    """A command sends the process's logs to its own standard error, which ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def treadle(folder: Path, url: str, *arguments: str) -> Result:
    """The command in a thread, whose event loop is its own."""
    environ = {"TREADLE_DATABASE_URL": url, "TREADLE_SECRET_KEY": KEY}
    given = [*arguments, "--data-dir", str(folder)]
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, given, env=environ))


async def test_verify_tells_heads_and_breaks_and_rotate_tells_counts(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(postgres.owner_url)
    await owner.execute(f"CREATE DATABASE {NAME}")
    url = with_database(postgres.owner_url, NAME)
    try:
        rotated = await treadle(tmp_path, url, "secrets", "rotate")
        assert rotated.exit_code == 0, rotated.output
        assert "Sealed anew: 0 macros, 0 runs' macros" in rotated.output
        secret = await role_secret(url, Sealer([KEY.encode()]))
        database = await Database.connect(url, secret)
        tenant = await make_tenant(database)
        await database.close()
        whole = await treadle(tmp_path, url, "audit", "verify")
        assert whole.exit_code == 0, whole.output
        assert f"tenant {tenant.tenant.id}: 1 entries, whole; head " in whole.output
        assert "installation: 1 entries, whole" in whole.output  # the rotation
        inside = await asyncpg.connect(url)
        await inside.execute(
            "UPDATE treadle.audit_log SET actor = 'x' WHERE tenant_id = $1", tenant.tenant.id
        )
        await inside.close()
        broken = await treadle(tmp_path, url, "audit", "verify")
        assert broken.exit_code == 1
        assert f"tenant {tenant.tenant.id}: broken at entry 1 (" in broken.output
    finally:
        await owner.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        await owner.close()
