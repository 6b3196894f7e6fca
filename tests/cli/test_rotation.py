"""Another master key, brought in one process at a time, while both answer."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from fixtures.server import ServeProcess
from treadle.core.sealing import Sealer
from treadle.db.errors import DatabaseSetupError
from treadle.db.role_secret import reseal_role_secret, role_secret
from treadle.jobs.macros import macro_context
from treadle.jobs.model import Place

OLD, NEW = "the old master key: it is long enough", "the new master key: it is long enough"
PASSWORD = "admin of the rotation tests"

Serve = Callable[..., ServeProcess]


@asynccontextmanager
async def administrator(process: ServeProcess) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        login = {"username": "admin", "password": PASSWORD}
        token = (await client.post("/api/login", json=login)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def put(process: ServeProcess, name: str) -> None:
    """The process seals a secret, over a session that it has to open anew."""
    async with administrator(process) as admin:
        body = {"key": name, "value": f"value of {name}", "secure": True}
        answer = await admin.put(f"/api/macros/{name}", json=body)
        assert answer.status_code == 200, answer.text


async def cut_sessions(owner: asyncpg.Connection) -> None:
    """Every process has to log in again, with the passwords that it knows."""
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND usename LIKE ANY(ARRAY['%\\_tenant', '%\\_system'])"
    )


async def opened(owner: asyncpg.Connection, key: str) -> dict[str, str]:
    """All secure macros, as this key alone opens them."""
    sealer = Sealer([key.encode()])
    return {
        record["name"]: sealer.unseal(
            record["secret"],
            context=macro_context(record["tenant_id"], Place("tenant"), record["name"]),
        ).decode()
        for record in await owner.fetch("SELECT tenant_id, name, secret FROM treadle.macros")
    }


async def test_a_new_master_key_comes_in_without_a_stop(
    serve: Serve, database_url: str, owner: asyncpg.Connection
) -> None:
    def start(keys: str) -> ServeProcess:
        return serve(
            "--only",
            "api",
            "--port",
            "0",
            TREADLE_DATABASE_URL=database_url,
            TREADLE_SECRET_KEY=keys,
            TREADLE_ADMIN_PASSWORD=PASSWORD,
            TREADLE_LOG_LEVEL="warning",
        )

    living: list[ServeProcess] = []
    names: list[str] = []

    async def all_work(step: str) -> None:
        await cut_sessions(owner)
        for number, process in enumerate(living):
            names.append(f"{step}_{number}")
            await put(process, names[-1])

    for _ in range(2):
        living.append(start(OLD))
        await living[-1].ready()
    await all_work("OLD")
    for step, keys in (("BEHIND", f"{OLD},{NEW}"), ("BEFORE", f"{NEW},{OLD}")):
        for number in range(2):
            follower = start(keys)
            await follower.ready()
            leaving, living[number] = living[number], follower
            assert await leaving.stop() == 0, leaving.log
            await all_work(f"{step}_{number}")
    rotating = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("treadle"),
        "secrets",
        "rotate",
        env={
            "PATH": os.environ["PATH"],
            "TREADLE_DATA_DIR": str(living[0].data_dir),
            "TREADLE_DATABASE_URL": database_url,
            "TREADLE_SECRET_KEY": f"{NEW},{OLD}",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(rotating.communicate(), 60)
    assert rotating.returncode == 0
    assert b"1 database roles" in said
    await all_work("ROTATED")
    for number in range(2):
        follower = start(NEW)
        await follower.ready()
        leaving, living[number] = living[number], follower
        assert await leaving.stop() == 0, leaving.log
        await all_work(f"NEW_{number}")
    assert await opened(owner, NEW) == {name: f"value of {name}" for name in names}


async def test_a_process_without_the_key_does_not_start(serve: Serve, database_url: str) -> None:
    await role_secret(database_url, Sealer([OLD.encode()]))
    process = serve(TREADLE_DATABASE_URL=database_url, TREADLE_SECRET_KEY=NEW)
    assert await process.ended() == 1
    assert "made with another master key" in process.said + process.log
    assert NEW not in process.said + process.log


async def test_the_secret_stays_and_its_seal_changes(
    database_url: str, owner: asyncpg.Connection
) -> None:
    old, both, new = (Sealer([key.encode() for key in keys]) for keys in ([OLD], [NEW, OLD], [NEW]))
    secret = await role_secret(database_url, old)
    assert await role_secret(database_url, both) == secret
    assert await reseal_role_secret(database_url, old) is False
    assert await reseal_role_secret(database_url, both) is True
    assert await reseal_role_secret(database_url, both) is False
    assert await role_secret(database_url, new) == secret
    with pytest.raises(DatabaseSetupError, match="another master key"):
        await role_secret(database_url, old)
    sealed = await owner.fetchval("SELECT sealed FROM treadle.role_secret")
    assert sealed is not None
    assert secret not in sealed
    for role in ("treadle_tenant", "treadle_system"):
        assert not await owner.fetchval(
            "SELECT has_table_privilege($1, 'treadle.role_secret', 'SELECT')", role
        )
