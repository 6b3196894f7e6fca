"""Jobs as files: an archive with `job.json` and the job's packages. Secret values never leave.

job.json                 what the job is, see `Exported`
files/<key>              its files, as they were uploaded
"""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from treadle.core.errors import BadInput
from treadle.core.json import MAX_DEPTH, dump, parse
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.jobs import definition_store as store
from treadle.jobs import definitions, files, macros
from treadle.jobs.context import JobsContext
from treadle.jobs.files import CheckedUpload
from treadle.jobs.model import Job, JobFile, Macro, Place
from treadle.packages.archives import inspect_package

FORMAT: Final = "treadle.job/1"
MANIFEST: Final = "job.json"
_FILES: Final = "files/"
_MAX_MANIFEST_BYTES: Final = 1_048_576
_MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True)
class Exported:
    """A job read from an archive: what it says of itself, and its files on disk, all checked."""

    manifest: dict[str, Any]
    uploads: Sequence[CheckedUpload]


async def write_export(
    tx: Transaction,
    context: JobsContext,
    caller: Principal,
    job_id: int | None,
    described: dict[str, Any],
    *,
    to: Path,
) -> None:
    """Writes the archive of the job to `to`. `described` is the job as the contract shows it."""
    job = await definitions.get_job(tx, caller, job_id)
    found = await store.list_files(tx, job.id)
    own = await macros.list_macros(tx, Place("job", str(job.id)))
    manifest = {**described, "format": FORMAT, "macros": [_macro(macro) for macro in own]}
    await asyncio.to_thread(_begin, to, manifest)
    for file in found:
        content = to.with_name("content")
        await context.storage.download(files.content_key(tx.tenant, file.sha256), content)
        await asyncio.to_thread(_add, to, file, content)


async def read_export(context: JobsContext, path: Path, *, folder: Path) -> Exported:
    """What the archive at `path` holds, its files in `folder`. Raises BadInput, TooLarge."""
    await asyncio.to_thread(inspect_package, path, "export.zip", context.archive_limits)
    manifest, names = await asyncio.to_thread(_extract, path, folder)
    uploads = [
        await files.check_upload(context, folder / str(number), key)
        for number, key in enumerate(names)
    ]
    return Exported(manifest, uploads)


async def keep_files(
    tx: Transaction,
    context: JobsContext,
    caller: Principal,
    job: Job,
    exported: Exported,
    *,
    now: datetime,
) -> None:
    """Adds the archive's files to the job that was made of its manifest."""
    for upload in exported.uploads:
        await files.keep_upload(tx, context, caller, job.id, upload, now=now)


def _macro(macro: Macro) -> dict[str, Any]:
    """A secure macro goes without its value: whoever imports the job sets it again."""
    return {
        "name": macro.name,
        "value": None if macro.secure else macro.value,
        "secure": macro.secure,
        "description": macro.description,
    }


def _begin(path: Path, manifest: dict[str, Any]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, dump(manifest))


def _add(path: Path, file: JobFile, content: Path) -> None:
    # Packages are compressed already.
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.write(content, _FILES + file.key)


def _extract(path: Path, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The archive passed the inspection of uploads: sizes are bounded and names lead nowhere."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise BadInput(f"file: is not an exported job: it has no {MANIFEST}", field="file")
        manifest = parse(archive.read(MANIFEST), what=MANIFEST, max_depth=MAX_DEPTH)
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise BadInput(f"file: {MANIFEST} is not of the format {FORMAT}", field="file")
        keys = [
            name.removeprefix(_FILES)
            for name in names
            if name.startswith(_FILES) and not name.endswith("/")
        ]
        if len(keys) > _MAX_FILES:
            raise BadInput(f"file: holds more than {_MAX_FILES} files", field="file")
        for number, key in enumerate(keys):
            with archive.open(_FILES + key) as source, (folder / str(number)).open("wb") as target:
                while chunk := source.read(1_048_576):
                    target.write(chunk)
    return manifest, keys
