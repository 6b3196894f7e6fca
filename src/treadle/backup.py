"""An installation as one file, and back.

    treadle-backup.json   what made it, and when
    database.dump         of one moment: everything that was committed before
    secret.key            unless it is to be kept elsewhere
    files/…               uploaded packages and files of runs, where a folder holds them

The database is dumped first and the files are copied after it: a file that no row names does no
harm, a row whose file is missing does.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from treadle import __version__
from treadle.core.clock import iso
from treadle.db.dumping import dump_database, make_ready, restore_database
from treadle.db.errors import DatabaseSetupError
from treadle.domains import make_domains
from treadle.faults import StartFault
from treadle.foundation import Report, open_foundation, owner_url, prepare_data_dir
from treadle.metrics import Metrics
from treadle.schedules.restoring import skip_the_past
from treadle.secret_key import FILE_NAME
from treadle.settings import Settings
from treadle.storage.location import FolderLocation, parse_location

FORMAT: Final = "treadle.backup/1"
_MANIFEST: Final = "treadle-backup.json"
_DUMP: Final = "database.dump"
_FILES: Final = "files/"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds: bytes of the whole, how many files, and whether the master key."""

    bytes: int
    files: int
    has_key: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back."""

    made_at: str
    files: int
    schedules: int


async def back_up(
    settings: Settings, to: Path, *, with_key: bool, now: datetime, report: Report
) -> BackedUp:
    """Writes the backup to `to`, which appears when it is whole and belongs to its owner alone.
    Servers may run meanwhile. Raises one of OPERATOR_FAULTS.
    """
    if await asyncio.to_thread(to.exists):
        raise StartFault(f"{to} is there already")
    folder = _files_folder(settings)
    if folder is None:
        report("The files are in a bucket and not in this backup: back that up by its own means")
    key = settings.data_dir.absolute() / FILE_NAME
    with_key = with_key and settings.secret_key is None and key.exists()
    async with owner_url(settings, report=report) as url:
        with _beside(to) as making:
            dump = making / _DUMP
            report("Dumping the database")
            await asyncio.to_thread(dump_database, url, dump)
            report("Copying the files")
            count = await asyncio.to_thread(
                _pack, making / "backup", dump, folder, key if with_key else None, now
            )
            size = (making / "backup").stat().st_size
            (making / "backup").replace(to)
    return BackedUp(size, count, with_key)


async def restore(settings: Settings, source: Path, *, now: datetime, report: Report) -> Restored:
    """Puts a backup into an installation that has nothing yet. What was due between it and `now` is
    not fired. Raises one of OPERATOR_FAULTS.
    """
    try:
        with tarfile.open(source) as archive:
            manifest = _read_manifest(archive)
            count = await asyncio.to_thread(_unpack_files, archive, settings)
            prepare_data_dir(settings, report=report)
            async with owner_url(settings, report=report) as url:
                await make_ready(url)
                with tempfile.TemporaryDirectory(dir=settings.data_dir.absolute()) as folder:
                    report("Restoring the database")
                    archive.extract(_DUMP, folder, filter="data")
                    await asyncio.to_thread(restore_database, url, Path(folder) / _DUMP)
            schedules = await _go_on(settings, now=now, report=report)
    except (tarfile.TarError, KeyError, OSError) as error:
        raise StartFault(f"{source} cannot be restored: {error}") from error
    return Restored(manifest["made_at"], count, schedules)


async def _go_on(settings: Settings, *, now: datetime, report: Report) -> int:
    async with open_foundation(settings, report=report) as foundation:
        context = make_domains(foundation, Metrics()).schedules
        return await skip_the_past(foundation.database, context, now=now)


def _files_folder(settings: Settings) -> Path | None:
    """Where the files are, if that is a folder. Raises StartFault."""
    try:
        location = parse_location(settings.storage_location())
    except ValueError as error:
        raise StartFault(f"TREADLE_STORAGE_URL: {error}") from None
    return location.path if isinstance(location, FolderLocation) else None


class _beside:  # noqa: N801 - read as a word of the with statement
    """A private folder on the disk of `to`, gone with the block."""

    def __init__(self, to: Path) -> None:
        self._to = to

    def __enter__(self) -> Path:
        try:
            self._path = Path(tempfile.mkdtemp(prefix=f".{self._to.name}.", dir=self._to.parent))
        except OSError as error:
            raise StartFault(f"{self._to} cannot be written: {error.strerror}") from error
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def _pack(to: Path, dump: Path, folder: Path | None, key: Path | None, now: datetime) -> int:
    """Writes the archive; how many files it holds."""
    manifest = {"format": FORMAT, "version": __version__, "made_at": iso(now)}
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        _add_text(archive, _MANIFEST, json.dumps(manifest))
        archive.add(dump, _DUMP)
        if key is not None:
            archive.add(key, FILE_NAME)
        count = 0
        for path in _files_in(folder):
            try:
                archive.add(path, _FILES + str(path.relative_to(folder or path)), recursive=False)
            except FileNotFoundError:
                continue  # a server has deleted it since: its time was over
            count += 1
        archive.close()
        file.flush()
        os.fsync(file.fileno())
    return count


def _files_in(folder: Path | None) -> Iterator[Path]:
    if folder is not None and folder.exists():
        yield from (path for path in folder.rglob("*") if path.is_file())


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    archive.addfile(entry, io.BytesIO(text.encode()))


def _read_manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    member = archive.extractfile(_MANIFEST)
    manifest: dict[str, Any] = {} if member is None else json.loads(member.read())
    if manifest.get("format") != FORMAT:
        raise DatabaseSetupError(f"this is no backup of the format {FORMAT}")
    return manifest


def _unpack_files(archive: tarfile.TarFile, settings: Settings) -> int:
    """The master key, if this installation has none, and the files; how many."""
    data_dir = settings.data_dir.absolute()
    if (data_dir / "postgres").exists() and settings.database_url is None:
        raise DatabaseSetupError(f"there is an installation in {data_dir}; choose another folder")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = data_dir / FILE_NAME
    if settings.secret_key is None and not key.exists():
        if FILE_NAME not in archive.getnames():
            raise StartFault(
                f"this backup is without its master key; put it into {key}, or set "
                "TREADLE_SECRET_KEY"
            )
        archive.extract(FILE_NAME, data_dir, filter="data")
        key.chmod(0o600)
    folder, count = _files_folder(settings), 0
    for member in archive.getmembers():
        if folder is not None and member.name.startswith(_FILES):
            member.name = member.name.removeprefix(_FILES)
            archive.extract(member, folder, filter="data")
            count += 1
    return count
