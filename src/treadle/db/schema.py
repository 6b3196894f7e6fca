"""The schema that all migrations together make, recorded in `schema.sql` for readers and reviews.

python -m treadle.db.schema            writes schema.sql
python -m treadle.db.schema --check    fails when it is not what the migrations make
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from difflib import unified_diff
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from treadle.db.cluster import find_install
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.errors import DatabaseSetupError
from treadle.db.prepare import prepare_database

RECORDED = Path(__file__).with_name("schema.sql")

HEADER = "-- Made by `python -m treadle.db.schema` from the migrations; never edited.\n\n"


async def schema_dump(owner_url: str) -> str:
    """The definition of the schemas treadle and queue, spelled the same for the same schema.

    Raises DatabaseSetupError when pg_dump cannot make it.
    """
    parts = urlsplit(owner_url)
    who, _, host = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    # The password goes by the environment: arguments are readable by everybody.
    url = urlunsplit(parts._replace(netloc=f"{user}@{host}"))
    process = await asyncio.create_subprocess_exec(
        find_install() / "bin" / "pg_dump",
        "--schema-only",
        "--no-owner",
        "--schema=treadle",
        "--schema=queue",
        url,
        env={**os.environ, "PGPASSWORD": unquote(password)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, problem = await process.communicate()
    if process.returncode != 0:
        raise DatabaseSetupError(f"pg_dump failed: {problem.decode(errors='replace').strip()}")
    return normalised(output.decode())


def normalised(dump: str) -> str:
    """`dump` without what differs from one run or server to the next."""
    lines: list[str] = []
    for line in dump.splitlines():
        if line.startswith(("--", "SET ", "SELECT pg_catalog.set_config", "\\")):
            continue
        if line or (lines and lines[-1]):
            lines.append(line)
    return HEADER + "\n".join(lines).strip() + "\n"


async def migrated_schema(server: EmbeddedPostgres) -> str:
    """The schema of a fresh database on `server`, whose own database it uses."""
    await prepare_database(server.owner_url, b"only for the schema")
    return await schema_dump(server.owner_url)


def main(arguments: list[str]) -> int:
    """The command; its exit code."""
    with tempfile.TemporaryDirectory(prefix="treadle-schema-") as folder:
        server = EmbeddedPostgres(Path(folder), settings={"fsync": "off"})
        server.start()
        try:
            found = asyncio.run(migrated_schema(server))
        finally:
            server.stop()
    if arguments != ["--check"]:
        RECORDED.write_text(found)
        return 0
    recorded = RECORDED.read_text() if RECORDED.exists() else ""
    difference = unified_diff(
        recorded.splitlines(), found.splitlines(), "schema.sql", "migrations", lineterm=""
    )
    for line in difference:
        sys.stdout.write(f"{line}\n")
    return 0 if recorded == found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
