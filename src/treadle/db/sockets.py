"""Where the embedded server's socket is: inside its data folder, unless that path is too long."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

from treadle.db.account import Account
from treadle.db.cluster import identity
from treadle.db.errors import EmbeddedPostgresError
from treadle.db.postmaster import read_postmaster

NAME = ".s.PGSQL.5432"
LONGEST_PATH = 103
"""Bytes of a socket's path that every system accepts (Linux would take 107)."""


def fits_inside(data: Path) -> bool:
    """Whether a socket in `data` has a path that is short enough for clients."""
    return len(os.fsencode(data / NAME)) <= LONGEST_PATH


def socket_folder(data: Path) -> Path:
    """The folder with the socket of the server on `data`, for clients."""
    if fits_inside(data):
        return data
    # The server may have been started by a process with another temporary folder.
    found = read_postmaster(data)
    if found is not None and found.socket_folder:
        return Path(found.socket_folder)
    return _private_folder(data)


def make_private_folder(data: Path, account: Account) -> Path:
    """The folder for the socket outside of `data`, which only `account` (and root) may enter.

    Its name under the system's temporary folder is no secret: one that somebody else made there
    before is refused with EmbeddedPostgresError.
    """
    folder = _private_folder(data)
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != account.uid:
            raise EmbeddedPostgresError(
                f"{folder} should be private to {account.name}; remove it"
            ) from None
    return folder


def is_listening(data: Path) -> bool:
    """Whether the server on `data` takes connections; its files alone prove nothing."""
    found = read_postmaster(data)
    if found is None or not found.is_ready:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(socket_folder(data) / NAME))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def _private_folder(data: Path) -> Path:
    return Path(tempfile.gettempdir()).resolve() / identity(data)
