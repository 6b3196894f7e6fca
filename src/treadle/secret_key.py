"""The installation's master keys: what seals secrets and makes the database roles' passwords.

They come from the setting, or from the file `secret.key` in the data directory, which the first
start makes. Several keys are separated by commas or stand on lines of their own. Who loses the file
loses every sealed secret; who reads it can open them all.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from treadle.faults import StartFault
from treadle.settings import Settings

FILE_NAME: Final = "secret.key"
LEAST_CHARACTERS: Final = 32
_SEPARATOR: Final = re.compile(r"[,\n]")


def load_master_keys(settings: Settings, *, report: Callable[[str], None]) -> tuple[bytes, ...]:
    """The keys, the one that seals first; makes the file if there is neither file nor setting.

    Of several processes that start at once, one makes the file and the others read it. Raises
    StartFault for a key that is too short or a file that cannot be used.
    """
    if settings.secret_key is not None:
        return _parse(settings.secret_key.get_secret_value(), where="TREADLE_SECRET_KEY")
    path = settings.data_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path)
            report(
                f"Made the secret key {path}: keep a copy, sealed secrets cannot be read without it"
            )
        if path.stat().st_mode & 0o077:
            report(f"Warning: {path} can be read by others; `chmod 600 {path}` mends it")
        return _parse(path.read_text(), where=str(path))
    except OSError as error:
        raise StartFault(f"the secret key {path} cannot be used: {error.strerror}") from error


def _parse(text: str, *, where: str) -> tuple[bytes, ...]:
    keys = [part.strip() for part in _SEPARATOR.split(text.strip())]
    if any(len(key) < LEAST_CHARACTERS for key in keys):
        raise StartFault(f"{where}: each key needs at least {LEAST_CHARACTERS} characters")
    return tuple(key.encode() for key in keys)


def _make(path: Path) -> None:
    """The file appears whole or not at all, and is never replaced: a link fails where one is."""
    making = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_urlsafe(48)}\n")
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(making, path)
        except FileExistsError:
            return  # another process was quicker
        _flush_folder(path.parent)
    finally:
        making.unlink()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
