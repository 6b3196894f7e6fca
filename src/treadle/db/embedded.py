"""A PostgreSQL of our own, for one machine: made at the first start, looked after while we run.

Any number of processes may share one data folder. Who holds the lock on it *supervises*: starts the
server, starts it again when it dies, and stops it at the end. The others *attach*; when the
supervisor goes away, one of them takes over. The server outlives a supervisor that is killed, and
is adopted by the next one.

    <folder>/data                the cluster (its socket is inside)
    <folder>/postgres.log        what the server says, bounded
    <folder>/postgres.password   the owner's password, readable only by who runs Treadle
    <folder>/postgres.lock       held by the supervisor
    <folder>/postgres.alive      held by each process of the server: as long as one lives, no other
                                 server starts, whatever a pid file or a process list may say
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from treadle.db import cluster, sockets
from treadle.db.account import SHARED_FOLDER, Account, account_for, reach, runnable_install
from treadle.db.errors import EmbeddedPostgresError
from treadle.db.lock import try_lock
from treadle.db.postmaster import (
    Postmaster,
    command_line,
    find_processes,
    is_postmaster,
    names_a_cluster,
    read_postmaster,
)
from treadle.db.server_log import bound_log, log_tail

log = structlog.get_logger()

READY_SECONDS = 300.0
"""A server that replays its log after a crash may need minutes."""


def say_nothing(message: str) -> None:
    """A reporter for those who don't want to know."""


class EmbeddedPostgres:
    """The PostgreSQL in one data folder. Its methods block; only one thread should call them."""

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        install: Path | None = None,
        shared: Path = SHARED_FOLDER,
    ) -> None:
        """`settings` are server settings over our own; with `fsync` off nothing survives a crash of
        the machine, which only tests can accept."""
        self.folder = data_dir.absolute()
        self.data = self.folder / "data"
        self.log_path = self.folder / "postgres.log"
        self._settings = {**cluster.SETTINGS, **(settings or {})}
        self._given_install = install
        self._shared = shared
        # `watch` starts the server in another thread; a stop must come before or after, not within.
        self._mutex = threading.RLock()
        self._lock: int | None = None
        self._child: subprocess.Popen[Any] | None = None
        self._pid: int | None = None
        self._stopped = False

    @property
    def is_supervisor(self) -> bool:
        """Whether this process looks after the server, and stops it at the end."""
        return self._lock is not None

    @property
    def owner_url(self) -> str:
        """The URL of the application's database for its owner; it holds the password."""
        password = quote(self._password(), safe="")
        folder = quote(str(sockets.socket_folder(self.data)), safe="/")
        return f"postgresql://{cluster.OWNER}:{password}@/{cluster.OWNER}?host={folder}"

    def start(self, report: Callable[[str], None] = say_nothing) -> str:
        """Makes the cluster if there is none, starts its server or attaches to it; the owner's URL.

        Raises EmbeddedPostgresError. `report` gets a line for each thing that takes time.
        """
        with self._mutex:
            self._stopped = False
            _make_private_folder(self.folder)
            deadline = time.monotonic() + READY_SECONDS
            while not self._take_lock():
                if sockets.is_listening(self.data):
                    return self.owner_url
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"another process holds {self.folder}, but its PostgreSQL does not answer"
                    )
                time.sleep(0.05)
            try:
                self._ensure_running(report)
            except BaseException:
                self._abandon()
                raise
            return self.owner_url

    def stop(self) -> None:
        """Stops the server if this process supervises it; who only attached just lets go."""
        self._stopped = True  # a start that waits in another thread gives up
        with self._mutex:
            if self._lock is None:
                return
            socket_folder = sockets.socket_folder(self.data)
            if self._pid is not None:
                self._shut_down(self._pid)
            if socket_folder != self.data:
                shutil.rmtree(socket_folder, ignore_errors=True)
            self._child = self._pid = None
            self._release_lock()

    async def watch(self, *, every_seconds: float = 0.25) -> None:
        """Keeps the server up until cancelled, and takes over from a supervisor that is gone."""
        next_bounding = 0.0
        while True:
            if not self._stopped and not self._is_fine():
                recovered = await asyncio.to_thread(self._recover)
                await asyncio.sleep(0 if recovered else 1)
            if self.is_supervisor and time.monotonic() > next_bounding:
                next_bounding = time.monotonic() + 60
                await asyncio.to_thread(bound_log, self.log_path)
            await asyncio.sleep(every_seconds)

    # ------------------------------------------------------------ start and recovery

    def _ensure_running(self, report: Callable[[str], None]) -> None:
        """Adopts the server that runs, or starts one. The lock is held."""
        account = account_for(self.data)
        install = runnable_install(
            self._given_install or cluster.find_install(), account, shared=self._shared
        )
        if not self.data.exists():
            cluster.create_cluster(
                self.data,
                install=install,
                account=account,
                password=self._new_password(),
                sync=self._settings["fsync"] != "off",
                report=report,
            )
        cluster.check_version(self.data)
        self._password()
        alive = try_lock(self.folder / "postgres.alive")
        running = None if alive is not None else self._running()
        if running is not None:
            report(f"Adopting the PostgreSQL server {running.pid} in {self.data}")
            self._pid = running.pid
        else:
            if alive is None:
                alive = self._end_orphans()
            try:
                self._launch(install, account, alive)
            finally:
                os.close(alive)  # the server has its own
        self._wait_until_ready(report)

    def _launch(self, install: Path, account: Account, alive: int) -> None:
        bound_log(self.log_path)
        self._remove_stale_files()
        with reach(self.data, account) as data, self.log_path.open("ab") as server_log:
            socket_folder = data.path
            if not sockets.fits_inside(self.data):
                socket_folder = str(sockets.make_private_folder(self.data, account))
            settings = {**self._settings, "cluster_name": cluster.identity(self.data)}
            child: subprocess.Popen[Any] = subprocess.Popen(
                cluster.server_command(
                    install, data=data, socket_folder=socket_folder, settings=settings
                ),
                **account.process_options(),
                pass_fds=(*data.descriptors, alive),
                stdin=subprocess.DEVNULL,
                stdout=server_log,
                stderr=server_log,
                # Ctrl-C in a terminal is for us: the server must outlive our own orderly end.
                start_new_session=True,
            )
        self._child, self._pid = child, child.pid

    def _wait_until_ready(self, report: Callable[[str], None]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        next_report = time.monotonic() + 2
        while True:
            found = read_postmaster(self.data)
            if found is not None and found.pid == self._pid and found.is_ready:
                return
            if self._has_died():
                tail = log_tail(self.log_path)
                raise EmbeddedPostgresError(
                    f"PostgreSQL did not start; {self.log_path} ends with:\n{tail}"
                )
            if self._stopped:
                raise EmbeddedPostgresError("PostgreSQL was stopped before it was ready")
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"PostgreSQL was not ready within {READY_SECONDS:.0f} s; see {self.log_path}"
                )
            if time.monotonic() > next_report:
                next_report += 5
                report("PostgreSQL is starting (after a crash it replays its log first)")
            time.sleep(0.01)

    def _is_fine(self) -> bool:
        """Cheap enough to ask several times a second."""
        if self._lock is None:
            return not self._take_lock()
        return not self._has_died()

    def _recover(self) -> bool:
        """Starts a server again that has died, or that a vanished supervisor has left."""
        with self._mutex:
            if self._stopped or not (self._pid is None or self._has_died()):
                return True
            if self._pid is None:
                log.info("postgres_supervision_taken", folder=str(self.folder))
            else:
                code = self._child.poll() if self._child else None
                log.warning("postgres_died", pid=self._pid, exit_code=code)
            self._child = self._pid = None
            try:
                self._ensure_running(say_nothing)
            except (EmbeddedPostgresError, OSError) as error:
                # The next round tries again: the disk may have room, the orphans be gone by then.
                log.error("postgres_restart_failed", error=str(error))
                return False
            log.info("postgres_running", pid=self._pid)
            return True

    def _running(self) -> Postmaster | None:
        """The server that is alive, to be adopted; None when only sessions of a dead one are."""
        found = read_postmaster(self.data)
        command = None if found is None else command_line(found.pid)
        if command is None or not is_postmaster(command, cluster.identity(self.data)):
            return None
        return found

    def _end_orphans(self) -> int:
        """Ends the sessions of a server that was killed: a busy one would block the next server."""
        deadline = time.monotonic() + 30
        while True:
            for pid in find_processes(cluster.identity(self.data)):
                _signal(pid, signal.SIGKILL)
            alive = try_lock(self.folder / "postgres.alive")
            if alive is not None:
                return alive
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"processes of a PostgreSQL on {self.data} live on that cannot be ended from "
                    "here, perhaps in another container"
                )
            time.sleep(0.02)

    def _remove_stale_files(self) -> None:
        """No server of ours is alive, but the number in the file may be somebody's by now (after a
        reboot, in a new container) or a zombie's, and PostgreSQL would refuse to start."""
        found = read_postmaster(self.data)
        command = (command_line(found.pid) if found else None) or ""
        if found and "postgres" in command.split(" ")[0] and not names_a_cluster(command):
            raise EmbeddedPostgresError(
                f"another PostgreSQL (process {found.pid}) runs on {self.data}; stop it first"
            )
        (sockets.socket_folder(self.data) / f"{sockets.NAME}.lock").unlink(missing_ok=True)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    # ------------------------------------------------------------ the server's life

    def _has_died(self) -> bool:
        if self._child is not None:
            return self._child.poll() is not None
        # Adopted, not our child: its number may belong to somebody else by now.
        command = None if self._pid is None else command_line(self._pid)
        return command is None or not is_postmaster(command, cluster.identity(self.data))

    def _shut_down(self, pid: int) -> None:
        """Fast, so that sessions end and all is written; after a minute without that."""
        for number, seconds in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0)):
            if self._has_died():
                return
            _signal(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if self._has_died():
                    return
                time.sleep(0.01)
        raise EmbeddedPostgresError(f"the PostgreSQL server {pid} does not stop")

    # ------------------------------------------------------------ files

    def _take_lock(self) -> bool:
        self._lock = try_lock(self.folder / "postgres.lock")
        return self._lock is not None

    def _abandon(self) -> None:
        """Lets go after a start that failed; nothing of it goes on."""
        if self._child is not None and not self._has_died() and self._pid is not None:
            self._shut_down(self._pid)
        self._child = self._pid = None
        self._release_lock()

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _password_path(self) -> Path:
        return self.folder / "postgres.password"

    def _new_password(self) -> str:
        path = self._password_path()
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(secrets.token_urlsafe(32))
        return path.read_text()

    def _password(self) -> str:
        try:
            return self._password_path().read_text().strip()
        except FileNotFoundError:
            raise EmbeddedPostgresError(
                f"{self._password_path()} is missing: it belongs to {self.data}, restore both"
            ) from None


def _make_private_folder(folder: Path) -> None:
    """The folder holds a password: nobody else enters it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresError(f"cannot make {folder}: {error.strerror}") from error


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
