"""Export and import of job configs (contract §3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from treadle.api.bodies import EdgeRoute, takes_upload
from treadle.api.dependencies import Base, Context, needs_somewhere
from treadle.api.integration_manager.downloads import BYTES, attachment
from treadle.api.integration_manager.jobconfig_bodies import (
    JobConfigBody,
    JobConfigInput,
    MacroInput,
    draft_of_input,
)
from treadle.api.integration_manager.jobconfig_files import UPLOAD_SCHEMA
from treadle.api.integration_manager.jobconfigs import job_answer
from treadle.api.integration_manager.uploads import received_upload, request_folder
from treadle.api.streaming import ClosingResponse
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
    responses=BYTES,
)
async def export_job_config(
    id: str,  # noqa: A002
    caller: Writer,
    base: Base,
    context: Context,
) -> ClosingResponse:
    """A zip with the job and its files, to be imported elsewhere. Secret values and schedules are
    not in it.
    """
    async with context.database.tenant(caller.tenant_id) as tx:
        job = await definitions.get_job_for(tx, caller, parse_number(id), Right.JOBS_WRITE)
        answer = await job_answer(tx, job, base)
        belongings = await exchange.belongings_of(tx, job)
    described = answer.model_dump(mode="json", by_alias=True, include=set(_EXPORT_FIELDS))
    described.get("runtimeConfig", {}).pop("macros", None)  # they stand beside it
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(request_folder(context.settings.data_dir))
        path = folder / "export.zip"
        await exchange.write_export(context.jobs, caller.tenant_id, described, belongings, to=path)
        content = _content(path, stack.pop_all())
        return await attachment(content, name=f"job-{job.id}.zip", size=path.stat().st_size)


@router.post(
    "/api/jobconfigs/import",
    summary="Import a job",
    operation_id="importJobConfig",
    status_code=201,
    openapi_extra=UPLOAD_SCHEMA,
)
@takes_upload
async def import_job_config(
    request: Request,
    response: Response,
    caller: Writer,
    base: Base,
    context: Context,
    project: Annotated[
        str | None, Query(max_length=100, description="Name or id; none: `default`.")
    ] = None,
) -> JobConfigBody:
    """A new job from an export, with its files. Secure macros come without values: set them.

    Everything is checked before anything is stored.
    """
    now = context.clock()
    async with context.database.tenant(caller.tenant_id) as tx:
        project_id = await definitions.project_to_write(tx, caller, project)
    limit = context.settings.max_package_bytes + exchange.OVERHEAD_BYTES
    async with received_upload(request, context, key=None, max_bytes=limit) as upload:
        folder = upload.path.parent
        exported = await exchange.read_export(context.jobs, upload.path, folder=folder)
        body, own = _read(exported.manifest)
        draft = draft_of_input(body.model_copy(update={"project": str(project_id)}))
        drafts = [macro.draft() for macro in own]
        macros.check_macros(drafts)
        async with context.database.tenant(caller.tenant_id) as tx:
            await definitions.check_new_job(tx, caller, draft)
        await exchange.store_files(
            context.database, context.jobs, caller.tenant_id, exported, now=now
        )
        async with context.database.tenant(caller.tenant_id) as tx:
            job = await definitions.create_job(tx, caller, draft, now=now)
            place = Place("job", str(job.id))
            await macros.replace_macros(tx, context.jobs.sealer, caller, place, drafts, now=now)
            await exchange.keep_files(tx, caller, job, exported, now=now)
            created = await job_answer(tx, job, base)
    response.headers["Location"] = created.href
    return created


def _read(manifest: dict[str, Any]) -> tuple[JobConfigInput, list[MacroInput]]:
    """The job and its macros; a secure one becomes empty, for its value stayed behind."""
    try:
        body = JobConfigInput.model_validate(manifest)
        sent = [MacroInput.model_validate(macro) for macro in manifest.get("macros", [])]
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, fault["loc"])) or "it" for fault in error.errors())
        raise BadInput(f"file: job.json is not a job: see {wrong[:200]}", field="file") from None
    except TypeError:
        raise BadInput("file: job.json is not a job: see macros", field="file") from None
    blank = [
        macro.model_copy(update={"value": ""}) if macro.value is None else macro for macro in sent
    ]
    return body, blank


async def _content(path: Path, closing: AsyncExitStack) -> AsyncGenerator[bytes]:
    """The file's bytes; at their end, or when nobody wants more, its folder goes."""
    async with closing:
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk
