"""Jobs as files: an archive with `job.json` and the job's packages. Secret values never leave.

job.json                 what the job is, see `Exported`
files/<key>              its files, as they were uploaded

An archive holds as many bytes of files as one upload may have, so that what is exported can be
imported again.
"""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from treadle.core.errors import BadInput, TooLarge
from treadle.core.json import MAX_DEPTH, dump, parse
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.jobs import definition_store as store
from treadle.jobs import files, macros
from treadle.jobs.context import JobsContext
from treadle.jobs.files import MAX_FILES, CheckedUpload
from treadle.jobs.model import FileSummary, Job, Macro, Place
from treadle.packages.archives import inspect_package
from treadle.packages.names import show

FORMAT: Final = "treadle.job/1"
MANIFEST: Final = "job.json"
OVERHEAD_BYTES: Final = 17 * 1024 * 1024
"""What an archive may have besides its files: `job.json`, names and headers."""
_FILES: Final = "files/"
_MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to a job and goes with it."""

    files: Sequence[FileSummary]
    macros: Sequence[Macro]


@dataclass(frozen=True, slots=True)
class Exported:
    """A job read from an archive: what it says of itself, and its files on disk, all checked."""

    manifest: dict[str, Any]
    uploads: Sequence[CheckedUpload]


async def belongings_of(tx: Transaction, job: Job) -> Belongings:
    """What an archive of this job, which the caller may export, is made of."""
    return Belongings(
        files=await store.list_files(tx, job.id),
        macros=await macros.list_macros(tx, Place("job", str(job.id))),
    )


async def write_export(
    context: JobsContext,
    tenant_id: UUID,
    described: dict[str, Any],
    belongings: Belongings,
    *,
    to: Path,
) -> None:
    """Writes the archive of the job to `to`. `described` is the job as the contract shows it.

    Raises TooLarge for more than an import takes.
    """
    limit = context.archive_limits.archive_bytes
    if sum(file.size for file in belongings.files) > limit:
        raise TooLarge(f"the job's files are over {limit} bytes together: download them one by one")
    own = [_macro(macro) for macro in belongings.macros]
    manifest = dump({**described, "format": FORMAT, "macros": own})
    if len(manifest) > _MAX_MANIFEST_BYTES:
        raise TooLarge(f"the job's macros are over {_MAX_MANIFEST_BYTES} bytes together")
    await asyncio.to_thread(_begin, to, manifest)
    content = to.with_name("content")
    for file in belongings.files:
        await context.storage.download(files.content_key(tenant_id, file.sha256), content)
        await asyncio.to_thread(_add, to, file, content)


async def read_export(context: JobsContext, path: Path, *, folder: Path) -> Exported:
    """What the archive at `path` holds, its files in `folder`. Raises BadInput, TooLarge."""
    limits = context.archive_limits
    limits = replace(limits, archive_bytes=limits.archive_bytes + OVERHEAD_BYTES)
    await asyncio.to_thread(inspect_package, path, "export.zip", limits)
    manifest, names = await asyncio.to_thread(_extract, path, folder)
    uploads = [
        await _checked(context, folder / str(number), key) for number, key in enumerate(names)
    ]
    return Exported(manifest, uploads)


async def store_files(
    database: Database, context: JobsContext, tenant_id: UUID, exported: Exported, *, now: datetime
) -> None:
    """Stores the contents of the archive's files."""
    for upload in exported.uploads:
        await files.store_upload(database, context, tenant_id, upload, now=now)


async def keep_files(
    tx: Transaction, caller: Principal, job: Job, exported: Exported, *, now: datetime
) -> None:
    """Adds the archive's files, which are stored, to the job that was made of its manifest."""
    for upload in exported.uploads:
        await files.keep_upload(tx, caller, job.id, upload, now=now)


async def _checked(context: JobsContext, path: Path, key: str) -> CheckedUpload:
    try:
        return await files.check_upload(context, path, key)
    except BadInput as error:
        raise BadInput(f"{show(_FILES + key)}: {error.message}", field="file") from None


def _macro(macro: Macro) -> dict[str, Any]:
    """A secure macro goes without its value: whoever imports the job sets it again."""
    return {
        "name": macro.name,
        "value": None if macro.secure else macro.value,
        "secure": macro.secure,
        "description": macro.description,
    }


def _begin(path: Path, manifest: bytes) -> None:
    # Not packed: what packs too well is refused as a bomb.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, manifest)


def _add(path: Path, file: FileSummary, content: Path) -> None:
    # Packages are packed already.
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.write(content, _FILES + file.key)


def _extract(path: Path, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The archive passed the inspection of uploads: sizes are bounded and names lead nowhere."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if MANIFEST not in names:
            raise BadInput(f"file: is not an exported job: it has no {MANIFEST}", field="file")
        if archive.getinfo(MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise BadInput(f"file: {MANIFEST} is over {_MAX_MANIFEST_BYTES} bytes", field="file")
        manifest = _parse(archive.read(MANIFEST))
        keys = [
            name.removeprefix(_FILES)
            for name in names
            if name.startswith(_FILES) and not name.endswith("/")
        ]
        if len(keys) > MAX_FILES:
            raise BadInput(f"file: holds more than {MAX_FILES} files", field="file")
        for number, key in enumerate(keys):
            with archive.open(_FILES + key) as source, (folder / str(number)).open("wb") as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
    return manifest, keys


def _parse(raw: bytes) -> dict[str, Any]:
    manifest = parse(raw, what=MANIFEST, max_depth=MAX_DEPTH)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadInput(f"file: {MANIFEST} is not of the format {FORMAT}", field="file")
    if _NUL.search(raw):
        raise BadInput(f"file: {MANIFEST} has a NUL character in a text", field="file")
    return manifest
