"""Export and import of job configs (contract §3)."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from treadle.api.bodies import EdgeRoute, takes_upload
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.integration_manager.downloads import attachment
from treadle.api.integration_manager.jobconfig_bodies import (
    JobConfigBody,
    JobConfigInput,
    MacroInput,
    draft_of_input,
)
from treadle.api.integration_manager.jobconfig_files import UPLOAD_SCHEMA
from treadle.api.integration_manager.jobconfigs import job_answer
from treadle.api.integration_manager.uploads import received_upload
from treadle.core.errors import BadInput
from treadle.core.ids import parse_number
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.jobs import definitions, exchange, macros
from treadle.jobs.model import Place

router: Final = APIRouter(route_class=EdgeRoute, tags=["Job configs"])

Writer = Annotated[Principal, needs_somewhere(Right.JOBS_WRITE)]
_EXPORT_FIELDS: Final = frozenset(JobConfigInput.model_fields) - {"project", "destination_id"}
_CHUNK_BYTES: Final = 256 * 1024


@router.post(
    "/api/jobconfigs/{id}/export",
    summary="Export a job",
    operation_id="exportJobConfig",
    response_class=StreamingResponse,
)
async def export_job_config(
    id: str,  # noqa: A002
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
) -> StreamingResponse:
    """A zip with the job and its files, to be imported elsewhere. Secret values are not in it."""
    job = await definitions.get_job_for(tx, caller, parse_number(id), Right.JOBS_WRITE)
    answer = await job_answer(tx, job, base)
    described = answer.model_dump(mode="json", by_alias=True, include=set(_EXPORT_FIELDS))
    described.get("runtimeConfig", {}).pop("macros", None)  # they stand beside it
    place = tempfile.TemporaryDirectory(prefix="export-", dir=_folder(context.settings.data_dir))
    path = Path(place.name) / "export.zip"
    try:
        await exchange.write_export(tx, context.jobs, caller, job.id, described, to=path)
    except BaseException:
        place.cleanup()
        raise
    return await attachment(_file(path, place), name=f"job-{job.id}.zip", size=path.stat().st_size)


@router.post(
    "/api/jobconfigs/import",
    summary="Import a job",
    operation_id="importJobConfig",
    status_code=201,
    openapi_extra=UPLOAD_SCHEMA,
)
@takes_upload
async def import_job_config(
    request: Request, response: Response, caller: Writer, base: Base, context: Context
) -> JobConfigBody:
    """A new job from an export, with its files. Secure macros come without values: set them."""
    now = context.clock()
    async with received_upload(request, context, key=None) as upload:
        folder = upload.path.parent
        exported = await exchange.read_export(context.jobs, upload.path, folder=folder)
        body, sent = _read(exported.manifest)
        async with context.database.tenant(caller.tenant_id) as tx:
            job = await definitions.create_job(tx, caller, draft_of_input(body), now=now)
            place = Place("job", str(job.id))
            await macros.replace_macros(
                tx, context.jobs.sealer, caller, place, [macro.draft() for macro in sent], now=now
            )
            await exchange.keep_files(tx, context.jobs, caller, job, exported, now=now)
            created = await job_answer(tx, job, base)
    response.headers["Location"] = created.href
    return created


def _read(manifest: dict[str, Any]) -> tuple[JobConfigInput, list[MacroInput]]:
    """The job and its macros; a secure one becomes empty, for its value stayed behind."""
    try:
        body = JobConfigInput.model_validate(manifest)
        sent = [MacroInput.model_validate(macro) for macro in manifest.get("macros", [])]
    except (ValidationError, TypeError) as error:
        count = error.error_count() if isinstance(error, ValidationError) else 1
        raise BadInput(f"file: job.json is not a job ({count} faults)", field="file") from None
    blank = [
        macro.model_copy(update={"value": ""}) if macro.value is None else macro for macro in sent
    ]
    return body, blank


def _folder(data_dir: Path) -> Path:
    folder = data_dir / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


async def _file(path: Path, place: tempfile.TemporaryDirectory[str]) -> AsyncIterator[bytes]:
    with place, path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
