"""The database as one file, and back: PostgreSQL's own programs, which come along."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from treadle.db.cluster import find_install
from treadle.db.errors import DatabaseSetupError
from treadle.db.role_secret import connect_owner
from treadle.db.roles import database_name, ensure_roles, role_prefix

_LAST_WORDS: Final = 500


def dump_database(owner_url: str, to: Path) -> None:
    """Writes all that is committed at this moment; others go on working. Blocks. Raises
    DatabaseSetupError.
    """
    # Who owns what is the business of the installation that it is restored in.
    _run("pg_dump", owner_url, "--format=custom", "--no-owner", f"--file={to}")


async def make_ready(owner_url: str) -> None:
    """The roles that the tables of a dump name. Raises DatabaseSetupError for a database that is in
    use already.
    """
    connection = await connect_owner(owner_url)
    try:
        if await connection.fetchval("SELECT to_regnamespace('treadle') IS NOT NULL"):
            raise DatabaseSetupError(
                "there is an installation in this database already; restore into an empty one"
            )
        # They get their passwords from the restored installation's secret at its next start.
        await ensure_roles(
            connection,
            prefix=role_prefix(database_name(owner_url)),
            secret=secrets.token_bytes(32),
        )
    finally:
        await connection.close()


def restore_database(owner_url: str, dump: Path) -> None:
    """Puts the dump into the database, whole or not at all. Blocks. Raises DatabaseSetupError."""
    _run("pg_restore", owner_url, "--single-transaction", "--no-owner", str(dump))


def _run(program: str, owner_url: str, *arguments: str) -> None:
    url, password = _without_password(owner_url)
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [find_install() / "bin" / program, f"--dbname={url}", *arguments],
        env={**environ, "LC_ALL": "C", "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DatabaseSetupError(f"{program} failed: {done.stderr.strip()[-_LAST_WORDS:]}")


def _without_password(url: str) -> tuple[str, str]:
    """The URL as everybody may see it in the list of processes, and the password."""
    parts = urlsplit(url)
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    netloc = f"{user}@{where}" if who else where
    return urlunsplit(parts._replace(netloc=netloc)), unquote(password)
