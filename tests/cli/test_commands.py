"""The commands that do one thing and end: doctor, openapi, migrate."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest
import structlog
from openapi_spec_validator import validate
from typer.testing import CliRunner, Result

from fixtures.database import with_database
from treadle import __version__
from treadle.cli.main import app
from treadle.cli.operator import unknown_variables
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.migrate import load_migrations


@pytest.fixture(autouse=True)
def logs_of_before() -> Generator[None]:
    """A command sends the process's logs to its own standard error, which ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def treadle(*arguments: str, **environ: str) -> Result:
    """Runs the command in this process; logs go where they always go."""
    return CliRunner().invoke(app, list(arguments), env=environ)


def test_the_version_is_told() -> None:
    done = treadle("--version")
    assert (done.exit_code, done.stdout.strip()) == (0, f"treadle {__version__}")


def test_without_a_command_there_is_help() -> None:
    assert "Usage" in treadle().output
    for command in ("serve", "migrate", "openapi", "doctor"):
        assert command in treadle().output
        assert treadle(command, "--help").exit_code == 0


# ---------------------------------------------------------------- openapi


def test_openapi_prints_the_document(tmp_path: Path) -> None:
    done = treadle("openapi")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    validate(document)
    assert "/api/login" in document["paths"]
    path = tmp_path / "openapi.json"
    assert treadle("openapi", "--out", str(path)).stdout == ""
    assert json.loads(path.read_text()) == document


# ---------------------------------------------------------------- migrate


async def test_migrate_fills_an_empty_database(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    name = "test_migrate_command"
    administrator = await asyncpg.connect(postgres.owner_url)
    await administrator.execute(f"CREATE DATABASE {name}")
    url = with_database(postgres.owner_url, name)
    try:
        for _ in range(2):
            done = await in_thread("migrate", "--data-dir", str(tmp_path), TREADLE_DATABASE_URL=url)
            assert done.exit_code == 0, done.output
            assert f"migration {len(load_migrations())}, the newest" in done.stdout
        owner = await asyncpg.connect(url)
        assert await owner.fetchval("SELECT count(*) FROM treadle.tenants") == 0
        await owner.close()
    finally:
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await administrator.close()


# ---------------------------------------------------------------- doctor


def looks(done: Result) -> dict[str, tuple[str, str]]:
    """Mark and text of each line by what was looked at."""
    found: dict[str, tuple[str, str]] = {}
    for line in done.stdout.splitlines():
        mark, _, rest = line.partition("  ")
        name, _, text = rest.strip().partition("  ")
        found[name.strip()] = (mark.strip(), text.strip())
    return found


def test_doctor_finds_a_machine_fine_and_changes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = treadle("doctor", "--data-dir", str(data), "--port", "0")
    assert done.exit_code == 0, done.output
    found = looks(done)
    assert set(found) == {"port", "data", "secret key", "database", "files", "sandbox", "uv"}
    assert {mark for mark, _ in found.values()} == {"ok"}
    assert not data.exists()


def test_doctor_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    key = tmp_path / "secret.key"
    key.write_text("k" * 40)
    key.chmod(0o644)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = treadle(
            "doctor",
            "--port",
            str(port),
            "--data-dir",
            str(tmp_path),
            TREADLE_DATABASE_URL="postgresql://nobody:word@127.0.0.1:1/nowhere",
            TREADLE_STORAGE_URL="ftp://files",
            PATH=str(tmp_path),
        )
    found = looks(done)
    assert done.exit_code == 1
    failed = {name for name, (mark, _) in found.items() if mark == "FAIL"}
    assert failed == {"port", "secret key", "database", "files", "sandbox"}
    assert "choose another --port" in found["port"][1]
    assert f"chmod 600 {key}" in found["secret key"][1]
    assert "TREADLE_DATABASE_URL" in found["database"][1]
    assert "word" not in found["database"][1]
    assert "TREADLE_STORAGE_URL" in found["files"][1]
    assert "bwrap" in found["sandbox"][1]


def test_doctor_sees_a_data_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = treadle("doctor", "--port", "0", "--data-dir", str(tmp_path / "file"))
    assert looks(done)["data"][0] == "FAIL"


async def test_doctor_looks_into_a_database(database_url: str, tmp_path: Path) -> None:
    done = await in_thread(
        "doctor", "--port", "0", "--data-dir", str(tmp_path), TREADLE_DATABASE_URL=database_url
    )
    assert looks(done)["database"] == ("ok", "PostgreSQL 18 answers; up to date")


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("command", ["serve", "migrate", "doctor"])
def test_a_setting_that_cannot_be_used_is_named_with_its_variable(command: str) -> None:
    done = treadle(command, TREADLE_DATABASE_POOL_SIZE="none", TREADLE_LOG_FORMAT="xml")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["treadle", "TREADLE_DATABASE_POOL_SIZE"],
        ["treadle", "TREADLE_LOG_FORMAT"],
    ]


def test_variables_that_are_no_settings_are_found() -> None:
    environ = {"TREADLE_PORT": "1", "TREADLE_PROT": "2", "PATH": "x", "treadle_host": "y"}
    assert unknown_variables(environ) == ["TREADLE_PROT"]


async def in_thread(*arguments: str, **environ: str) -> Result:
    """As `treadle`, for tests with a running event loop: the command brings its own."""
    return await asyncio.to_thread(treadle, *arguments, **environ)
