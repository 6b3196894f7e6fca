"""What the operator does at the machine, over a database of its own: `treadle audit verify`,
`secrets rotate`, `tenants`, `reset-password`."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import structlog
from typer.testing import CliRunner, Result

from factories import log_in, make_tenant
from fixtures.database import with_database
from treadle.cli.main import app
from treadle.core.errors import Unauthenticated
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.role_secret import role_secret

NAME = "test_upkeep_commands"
KEY = "k" * 40


@contextmanager
def logs_of_before() -> Generator[None]:
    """A command sends the process's logs to its own standard error, which ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()


async def treadle(folder: Path, url: str, *arguments: str) -> Result:
    """The command in a thread, whose event loop is its own."""
    environ = {"TREADLE_DATABASE_URL": url, "TREADLE_SECRET_KEY": KEY}
    given = [*arguments, "--data-dir", str(folder)]
    with logs_of_before():
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, given, env=environ))


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncGenerator[str]:
    """An empty database, by its owner."""
    owner = await asyncpg.connect(postgres.owner_url)
    await owner.execute(f"CREATE DATABASE {NAME}")
    try:
        yield with_database(postgres.owner_url, NAME)
    finally:
        await owner.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        await owner.close()


async def connect(url: str) -> Database:
    return await Database.connect(url, await role_secret(url, Sealer([KEY.encode()])))


async def test_verify_tells_heads_and_breaks_and_rotate_tells_counts(
    url: str, tmp_path: Path
) -> None:
    rotated = await treadle(tmp_path, url, "secrets", "rotate")
    assert rotated.exit_code == 0, rotated.output
    assert "Sealed anew: 0 macros, 0 runs' macros" in rotated.output
    database = await connect(url)
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


def told_password(done: Result) -> str:
    """The one that the command printed."""
    found = re.search(r"^  password  (\S+)$", done.output, re.MULTILINE)
    assert found is not None, done.output
    return found[1]


async def test_a_tenant_is_made_and_its_administrator_comes_in(url: str, tmp_path: Path) -> None:
    made = await treadle(tmp_path, url, "tenants", "create", "acme", "--admin", "ada")
    assert made.exit_code == 0, made.output
    for taken in (("acme", "bob"), ("other", "ADA")):
        refused = await treadle(tmp_path, url, "tenants", "create", taken[0], "--admin", taken[1])
        assert (refused.exit_code, "password" in refused.output) == (1, False)
        assert refused.output.startswith("treadle: "), refused.output
    listed = await treadle(tmp_path, url, "tenants", "list", "--json")
    (tenant,) = json.loads(listed.stdout)
    assert (tenant["name"], tenant["id"] in made.output) == ("acme", True)
    assert "acme" in (await treadle(tmp_path, url, "tenants", "list")).output

    database = await connect(url)
    await log_in(database, "ada", password=told_password(made))
    reset = await treadle(tmp_path, url, "reset-password", "Ada")
    assert reset.exit_code == 0, reset.output
    with pytest.raises(Unauthenticated):
        await log_in(database, "ada", password=told_password(made))
    await log_in(database, "ada", password=told_password(reset))
    async with database.tenant(UUID(tenant["id"])) as tx:
        await tx.execute("UPDATE users SET active = false")
    await database.close()

    inactive = await treadle(tmp_path, url, "reset-password", "ada")
    assert (inactive.exit_code, "Warning: this user is not active" in inactive.output) == (0, True)
    nobody = await treadle(tmp_path, url, "reset-password", "nobody")
    assert (nobody.exit_code, nobody.output) == (1, "treadle: There is no user nobody.\n")
