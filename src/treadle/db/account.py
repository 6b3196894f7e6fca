"""Which user of the operating system runs the embedded PostgreSQL, and how it gets at its files.

PostgreSQL refuses to run as root. Started by root, it runs as a system user of its own, which may
not enter every folder that root may: a home folder has mode 0700, and nobody's home is opened here.
So the data folder is handed over as an open descriptor (`/proc/self/fd/N` leads into it whatever
the modes above it), and programs that the user cannot run are copied to a folder where it can.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.db.errors import EmbeddedPostgresError

USER = "treadle-postgres"
"""The system user that runs PostgreSQL when Treadle is started by root."""

SHARED_FOLDER = Path("/var/lib/treadle-postgres")
"""Where programs are copied to that `USER` cannot run where they are installed. Who looks
for `USER` holds a lock in it."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that runs PostgreSQL. `switches`: it is not the one that runs us."""

    uid: int
    gid: int
    switches: bool

    @property
    def name(self) -> str:
        """The user's name, or its number when it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def process_options(self) -> dict[str, Any]:
        """Arguments of `subprocess` that make a child run as this user, with nothing of ours."""
        options: dict[str, Any] = {
            "cwd": "/",
            "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        }
        if self.switches:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def own(self, path: Path) -> None:
        """Gives `path` to this user."""
        if self.switches:
            os.chown(path, self.uid, self.gid)

    def own_tree(self, folder: Path) -> None:
        """Gives `folder` and all in it to this user."""
        self.own(folder)
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """A folder as the child spells it, and the descriptors that the child needs for that."""

    path: str
    descriptors: tuple[int, ...]


def account_for(data: Path) -> Account:
    """The user that runs a server on `data`: ourselves, or a system user when we are root.

    A data folder that is there already is run by its owner; what belongs to root (a restored
    backup) is given to the system user. Raises EmbeddedPostgresError.
    """
    if os.geteuid() != 0:
        _refuse_foreign(data)
        return Account(uid=os.geteuid(), gid=os.getegid(), switches=False)
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid, switches=True)
    entry = _system_user()
    account = Account(uid=entry.pw_uid, gid=entry.pw_gid, switches=True)
    if data.exists():
        account.own_tree(data)
    return account


@contextmanager
def reach(folder: Path, account: Account) -> Generator[Reach]:
    """A spelling of `folder` that works for `account` whatever the modes of the folders above.

    Only a child that is started inside the block, with the descriptors, can use it.
    """
    if not (account.switches and sys.platform == "linux"):
        yield Reach(path=str(folder), descriptors=())
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Reach(path=f"/proc/self/fd/{descriptor}", descriptors=(descriptor,))
    finally:
        os.close(descriptor)


def runnable_install(install: Path, account: Account, *, shared: Path = SHARED_FOLDER) -> Path:
    """`install` if `account` can run it, else a copy in `shared`. Raises EmbeddedPostgresError."""
    if _can_run(install, account):
        return install
    if not account.switches:
        raise EmbeddedPostgresError(f"{install}/bin/postgres cannot be run on this machine")
    copy = _copy_install(install, shared)
    if not _can_run(copy, account):
        where = blocking_folder(copy, account)
        hint = f"; `chmod o+x {where}` mends it" if where else ""
        raise EmbeddedPostgresError(f"the user {account.name} cannot run {copy}/bin/postgres{hint}")
    return copy


def blocking_folder(path: Path, account: Account) -> Path | None:
    """The first folder above `path` that `account` may not enter, by its mode; None if it may."""
    for folder in reversed(path.resolve().parents):
        found = folder.stat()
        bit = stat.S_IXOTH
        if found.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif found.st_gid == account.gid:
            bit = stat.S_IXGRP
        if not found.st_mode & bit:
            return folder
    return None


def _refuse_foreign(data: Path) -> None:
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return
    except PermissionError:
        raise EmbeddedPostgresError(f"{data.parent} may not be entered by this user") from None
    if owner != os.geteuid():
        raise EmbeddedPostgresError(
            f"{data} belongs to another user (number {owner}), perhaps because Treadle ran as root "
            f"before; start it as that user, or as root run `chown -R {os.geteuid()} {data.parent}`"
        )


def _system_user() -> pwd.struct_passwd:
    """The user, made where there is none. One process at a time may look and make it: while several
    `useradd` run, each sees and undoes what the others have half done.
    """
    with _alone():
        try:
            return pwd.getpwnam(USER)
        except KeyError:
            return _make_system_user()


@contextmanager
def _alone() -> Generator[None]:
    """Among all processes of this machine that start a server as root."""
    lock = _open_lock()
    if lock is None:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open_lock() -> int | None:
    """None where nothing can be written: there nobody makes a user either."""
    try:
        _make_shared_folder(SHARED_FOLDER)
        # Not for others to open: a lock of theirs would keep us from starting.
        return os.open(SHARED_FOLDER / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


def _make_shared_folder(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o755)


def _make_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", USER]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        problem = done.stderr.strip()
    except FileNotFoundError:
        problem = "there is no useradd here"
    try:
        # Somebody else may have made the user meanwhile; only that it is there counts.
        return pwd.getpwnam(USER)
    except KeyError:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and its own user could not be made "
            f"({problem}); make it with `{' '.join(command)}`, or start Treadle as another user"
        ) from None


def _can_run(install: Path, account: Account) -> bool:
    """Asks the system rather than the modes: ACLs and mount options decide too."""
    try:
        done = subprocess.run(
            [install / "bin" / "postgres", "--version"],
            **account.process_options(),
            capture_output=True,
            check=False,
        )
    except PermissionError as error:
        if error.errno == errno.EPERM:  # not the program: the change of user itself is forbidden
            raise EmbeddedPostgresError(
                "PostgreSQL does not run as root, and this process may not switch to the user "
                f"{account.name} (CAP_SETUID is missing); start Treadle as an ordinary user"
            ) from error
        return False
    return done.returncode == 0


def _copy_install(install: Path, shared: Path) -> Path:
    """A copy of the wheel's programs and libraries that everybody can run; made once."""
    program = (install / "bin" / "postgres").stat()
    key = f"{install.resolve()} {program.st_size} {program.st_mtime_ns}"
    folder = shared / f"postgres-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    # The programs find their libraries beside their package, so the copy has the same shape.
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = folder / package.name / install.name
    if target.exists():
        return target
    making = shared / f"{folder.name}.{os.getpid()}"
    try:
        _make_shared_folder(shared)
        ignored = shutil.ignore_patterns("*.a", "include", "pkgconfig")
        shutil.copytree(install, making / package.name / install.name, ignore=ignored)
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name)
        _open_tree(making)
        making.rename(folder)
    except OSError as error:
        if not target.exists():  # else another process was quicker, and its copy is the same
            raise EmbeddedPostgresError(
                f"PostgreSQL's programs in {install} cannot be run by the user {USER}, and could "
                f"not be copied to {shared}: {error.strerror}"
            ) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return target


def _open_tree(folder: Path) -> None:
    """Lets everybody read what is in `folder`, and run what its owner can run."""
    folder.chmod(0o755)
    for parent, folders, files in os.walk(folder):
        for name in folders:
            Path(parent, name).chmod(0o755)
        for name in files:
            path = Path(parent, name)
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
