"""The embedded server: made, shared, watched, killed, adopted. Each test has its own."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from treadle.db import cluster, sockets
from treadle.db.account import account_for, reach
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.errors import EmbeddedPostgresError
from treadle.db.postmaster import command_line, find_processes, read_postmaster
from treadle.db.prepare import prepare_database

ALICE = UUID("0193a000-0000-7000-8000-00000000000a")

# Processes are killed here, machines are not.
QUICK = {"fsync": "off", "autovacuum": "off"}

SUPERVISOR = """
import pathlib, sys
from treadle.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), settings={"fsync": "off"})
server.start()
print("started", flush=True)
sys.stdin.read()
"""

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def make(quick_path: Path) -> Generator[Callable[..., EmbeddedPostgres]]:
    """Makes servers on one folder and stops them at the end, who supervises last."""
    made: list[EmbeddedPostgres] = []

    def make(folder: Path = quick_path / "database", **settings: str) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder, settings={**QUICK, **settings}))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@asynccontextmanager
async def watched(server: EmbeddedPostgres) -> AsyncGenerator[None]:
    task = asyncio.create_task(server.watch(every_seconds=0.02))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def until_computing(url: str, session: int) -> None:
    """Waits until the server works at what the session has asked for."""
    query = "SELECT state = 'active' AND wait_event IS NULL AND query LIKE '%generate_series%'"
    async with asyncio.timeout(60):
        while not await ask(url, f"{query} FROM pg_stat_activity WHERE pid = {session}"):
            await asyncio.sleep(0.01)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def postmaster_pid(server: EmbeddedPostgres) -> int:
    found = read_postmaster(server.data)
    assert found is not None
    return found.pid


def replaced(server: EmbeddedPostgres, pid: int) -> Callable[[], bool]:
    """Whether another server than `pid` is ready."""

    def check() -> bool:
        found = read_postmaster(server.data)
        return found is not None and found.is_ready and found.pid != pid

    return check


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def test_first_start_makes_an_empty_database(make: Callable[..., EmbeddedPostgres]) -> None:
    said: list[str] = []
    url = make().start(said.append)
    assert await ask(url, "SELECT current_database()") == "treadle"
    assert await ask(url, "SHOW server_encoding") == "UTF8"
    locale = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'treadle'"
    assert await ask(url, locale) == "bC.UTF-8"
    assert any("Making" in line for line in said)


async def test_nobody_else_gets_in(make: Callable[..., EmbeddedPostgres]) -> None:
    server = make()
    url = server.start()
    assert await ask(url, "SHOW listen_addresses") == ""
    assert await ask(url, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'trust'") == 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(url.replace("treadle:", "treadle:wrong"), "SELECT 1")
    for path in (server.folder, server.data, server.folder / "postgres.password"):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_data_outlives_a_stop(make: Callable[..., EmbeddedPostgres]) -> None:
    server = make()
    url = server.start()
    await ask(url, "CREATE TABLE kept (id int)")
    server.stop()
    assert read_postmaster(server.data) is None
    assert server.start() == url
    assert await ask(url, "SELECT count(*) FROM kept") == 0


async def test_stop_without_start_is_nothing(make: Callable[..., EmbeddedPostgres]) -> None:
    make().stop()


async def test_second_process_attaches_and_never_stops_it(
    make: Callable[..., EmbeddedPostgres],
) -> None:
    first, second = make(), make()
    url = first.start()
    assert second.start() == url
    assert (first.is_supervisor, second.is_supervisor) == (True, False)
    second.stop()
    assert await ask(url, "SELECT 1") == 1


async def test_attached_process_takes_over_when_the_supervisor_stops(
    make: Callable[..., EmbeddedPostgres],
) -> None:
    first, second = make(), make()
    url = first.start()
    pid = postmaster_pid(first)
    second.start()
    async with watched(second):
        first.stop()
        await eventually(replaced(second, pid))
        assert second.is_supervisor
        assert await ask(url, "SELECT 1") == 1


async def test_killed_server_is_started_again_and_pools_recover(
    make: Callable[..., EmbeddedPostgres],
) -> None:
    server = make()
    url = server.start()
    await prepare_database(url, b"secret")
    database = await Database.connect(url, b"secret", min_size=2, max_size=4)
    pid = postmaster_pid(server)
    async with watched(server):
        # A session that computes does not notice that its server is gone, and keeps its memory.
        busy = await asyncpg.connect(url)
        session = busy.get_server_pid()
        computing = asyncio.create_task(
            busy.fetchval("SELECT count(*) FROM generate_series(1, 1000000000)")
        )
        await until_computing(url, session)
        kill(pid)
        await eventually(replaced(server, pid))
        assert command_line(session) is None
        # The pools of the old server, not new ones: no restart of our process is needed.
        for _ in range(8):
            async with database.tenant(ALICE) as tx:
                assert await tx.fetchval("SELECT treadle.current_tenant()") == ALICE
            async with database.system() as tx:
                assert await tx.fetchval("SELECT 1") == 1
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await computing
        busy.terminate()
    await database.close()


async def test_transaction_waits_for_a_server_that_comes_back(
    make: Callable[..., EmbeddedPostgres],
) -> None:
    server = make()
    url = server.start()
    await prepare_database(url, b"secret")
    database = await Database.connect(url, b"secret", acquire_timeout_seconds=60)
    server.stop()
    waiting = asyncio.create_task(use(database))
    await asyncio.sleep(0)
    server.start()
    assert await waiting == 1
    await database.close()


async def use(database: Database) -> int:
    async with database.system() as tx:
        return await tx.fetchval("SELECT 1")


def supervisor_process(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def kill_process(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


async def test_server_of_a_killed_supervisor_is_adopted(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    process = supervisor_process(quick_path / "database")
    server = make()
    pid = postmaster_pid(server)
    kill_process(process)
    url = server.start()
    assert server.is_supervisor
    assert postmaster_pid(server) == pid
    assert await ask(url, "SELECT 1") == 1
    server.stop()
    assert command_line(pid) is None


async def test_adopted_server_is_watched_too(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    process = supervisor_process(quick_path / "database")
    kill_process(process)
    server = make()
    url = server.start()
    pid = postmaster_pid(server)
    async with watched(server):
        kill(pid)
        await eventually(replaced(server, pid))
        assert await ask(url, "SELECT 1") == 1


async def test_attached_process_takes_over_from_a_killed_supervisor(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    process = supervisor_process(quick_path / "database")
    server = make()
    url = server.start()
    pid = postmaster_pid(server)
    async with watched(server):
        kill_process(process)
        await eventually(lambda: server.is_supervisor)
        kill(pid)
        await eventually(replaced(server, pid))
        assert await ask(url, "SELECT 1") == 1


async def test_start_after_all_were_killed(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    process = supervisor_process(quick_path / "database")
    server = make()
    pid = postmaster_pid(server)
    kill_process(process)
    kill(pid)
    url = server.start()
    assert postmaster_pid(server) != pid
    assert await ask(url, "SELECT 1") == 1


async def test_pid_file_that_names_a_stranger_is_removed(
    make: Callable[..., EmbeddedPostgres],
) -> None:
    """After a reboot the number may be anybody's; PostgreSQL itself would refuse to start."""
    server = make()
    url = server.start()
    lines = (server.data / "postmaster.pid").read_text().splitlines()
    server.stop()
    (server.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert server.start() == url
    assert await ask(url, "SELECT 1") == 1


def foreign_server(server: EmbeddedPostgres) -> subprocess.Popen[Any]:
    """What `pg_ctl start` would make of the data folder: nothing says that it is Treadle's."""
    account = account_for(server.data)
    with reach(server.data, account) as data:
        return subprocess.Popen(
            cluster.server_command(
                cluster.find_install(),
                data=data,
                socket_folder=data.path,
                settings={"listen_addresses": ""},
            ),
            **account.process_options(),
            pass_fds=data.descriptors,
            stderr=subprocess.DEVNULL,
        )


async def test_server_that_somebody_else_started_is_left_alone(
    make: Callable[..., EmbeddedPostgres],
) -> None:
    server = make()
    server.start()
    server.stop()
    foreign = foreign_server(server)
    try:
        await eventually(replaced(server, 0))
        with pytest.raises(EmbeddedPostgresError, match=f"process {foreign.pid}.* stop it first"):
            server.start()
        assert foreign.poll() is None
        assert not server.is_supervisor
    finally:
        foreign.send_signal(signal.SIGINT)
        foreign.wait(timeout=30)


async def test_making_that_was_interrupted_starts_afresh(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    half = quick_path / "database" / "data.new" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    url = make().start()
    assert await ask(url, "SELECT 1") == 1
    assert not half.parent.exists()


async def test_path_too_long_for_a_socket(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    server = make(quick_path / ("long" * 30) / 'with space, comma and "quote"')
    url = server.start()
    outside = sockets.socket_folder(server.data)
    assert outside != server.data
    assert outside.stat().st_mode & 0o077 == 0
    assert await ask(url, "SELECT 1") == 1
    other = EmbeddedPostgres(server.folder)
    assert other.start() == url
    server.stop()
    assert not outside.exists()


async def test_socket_folder_of_somebody_else_is_refused(
    make: Callable[..., EmbeddedPostgres], quick_path: Path
) -> None:
    server = make(quick_path / ("long" * 30))
    server.start()
    outside = sockets.socket_folder(server.data)
    server.stop()
    outside.mkdir(mode=0o755)
    try:
        with pytest.raises(EmbeddedPostgresError, match="should be private"):
            server.start()
    finally:
        outside.rmdir()


async def test_failed_start_says_why_and_lets_go(make: Callable[..., EmbeddedPostgres]) -> None:
    broken = make(shared_buffers="a lot")
    with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "shared_buffers"'):
        broken.start()
    assert not broken.is_supervisor
    assert await ask(make().start(), "SELECT 1") == 1


async def test_data_of_another_version_is_refused(make: Callable[..., EmbeddedPostgres]) -> None:
    server = make()
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 17"):
        server.start()


async def test_lost_password_file_is_told(make: Callable[..., EmbeddedPostgres]) -> None:
    server = make()
    server.start()
    server.stop()
    (server.folder / "postgres.password").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"postgres\.password is missing"):
        server.start()


@root_only
def test_programs_that_the_user_cannot_run_are_copied(quick_path: Path) -> None:
    """As in a virtual environment in root's home."""
    with tempfile.TemporaryDirectory() as shared:
        Path(shared).chmod(0o755)
        package = cluster.find_install().parent
        blocked = quick_path / "blocked"
        blocked.mkdir(mode=0o700)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            subprocess.run(["cp", "-a", folder, blocked / folder.name], check=True)
        server = EmbeddedPostgres(
            quick_path / "database",
            settings=QUICK,
            install=blocked / package.name / cluster.find_install().name,
            shared=Path(shared),
        )
        url = server.start()
        try:
            assert asyncio.run(ask(url, "SELECT 1")) == 1
            program = command_line(postmaster_pid(server))
            assert program is not None
            assert program.startswith(shared)
        finally:
            server.stop()
        assert blocked.stat().st_mode & 0o777 == 0o700


@root_only
def test_ordinary_user_runs_the_server_itself() -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        # The modules are loaded first: the user may not be able to read them.
        script = (
            "import asyncio, asyncpg, encodings.idna, os, pathlib, sys\n"
            "from treadle.db.embedded import EmbeddedPostgres\n"
            f"os.setgroups([]); os.setgid({nobody.pw_gid}); os.setuid({nobody.pw_uid})\n"
            "server = EmbeddedPostgres(pathlib.Path(sys.argv[1]) / 'database')\n"
            "server.start()\n"
            "print(server.data.stat().st_uid, server.is_supervisor)\n"
            "server.stop()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, folder],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stdout == f"{nobody.pw_uid} True\n", done.stderr
        # What an ordinary user made is run as that user when root starts it later.
        server = EmbeddedPostgres(Path(folder) / "database")
        server.start()
        try:
            (pid, *_) = find_processes(cluster.identity(server.data))
            assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
        finally:
            server.stop()


@root_only
def test_folder_of_another_user_is_refused(quick_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "database").mkdir(mode=0o700)
        script = (
            "import os, pathlib, sys\n"
            "from treadle.db.embedded import EmbeddedPostgres\n"
            "from treadle.db.errors import EmbeddedPostgresError\n"
            "os.setuid(65534)\n"
            "try:\n"
            "    EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()\n"
            "except EmbeddedPostgresError as error:\n"
            "    print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, f"{folder}/database"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "may not be used by this user" in done.stdout, done.stderr
