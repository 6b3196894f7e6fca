"""Files of a job config (contract §3): the packages that it runs."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from treadle.api.bodies import EdgeRoute, takes_upload
from treadle.api.context import AppContext
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.integration_manager.downloads import BYTES, attachment
from treadle.api.integration_manager.uploads import received_upload
from treadle.api.wire import Camel, camel_case
from treadle.core.clock import iso
from treadle.core.ids import parse_number
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.jobs import definitions, files
from treadle.jobs.model import FileSummary

router: Final = APIRouter(route_class=EdgeRoute, tags=["Job configs"])

Reader = Annotated[Principal, needs_somewhere(Right.JOBS_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.JOBS_WRITE)]

_FILE_EXAMPLE: Final = {
    "name": "samplePackage.djar",
    "href": "https://treadle.example/api/jobconfigs/44/files/samplePackage.djar",
    "metadata": {"size": 5732, "lastModified": "2026-11-21T09:00:00.000Z"},
}
UPLOAD_SCHEMA: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "key": {"type": "string", "description": "Name; none: the file's own."},
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                },
                "example": {"key": "samplePackage.djar", "file": "(the bytes of the file)"},
            }
        },
    }
}


_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "The caller has these bytes already."}
}
REPLACE_SCHEMA: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "contentMediaType": "application/octet-stream"},
                "example": "(the bytes of the file)",
            },
            **UPLOAD_SCHEMA["requestBody"]["content"],
        },
    }
}


class FileMetadata(Camel):
    """Size in bytes, and when it was uploaded."""

    size: int
    last_modified: str


class FileBody(Camel):
    """An uploaded file."""

    model_config = camel_case(example=_FILE_EXAMPLE)

    name: str
    href: str
    metadata: FileMetadata


class EntryPointsBody(Camel):
    """What a job can name as the entry point of a package."""

    model_config = camel_case(
        example={"packageName": "samplePackage.djar", "entryPoints": ["integrateXYZ.process"]}
    )

    package_name: str
    entry_points: list[str] = Field(description="At most 1,000.")


def file_body(file: FileSummary, base: str) -> FileBody:
    """The file on the wire."""
    return FileBody(
        name=file.key,
        href=f"{base}/api/jobconfigs/{file.job_id}/files/{quote(file.key, safe='')}",
        metadata=FileMetadata(size=file.size, last_modified=iso(file.last_modified)),
    )


@router.post(
    "/api/jobconfigs/{id}/files",
    summary="Upload a file",
    operation_id="uploadJobConfigFile",
    openapi_extra=UPLOAD_SCHEMA,
)
@takes_upload
async def upload_file(
    id: str,  # noqa: A002
    request: Request,
    caller: Writer,
    context: Context,
    base: Base,
) -> FileBody:
    """Adds a package, or replaces the one of this name. It is checked whole before it is kept."""
    return await _upload(id, None, request, caller, context, base)


@router.put(
    "/api/jobconfigs/{id}/files/{key}",
    summary="Replace a file",
    operation_id="replaceJobConfigFile",
    openapi_extra=REPLACE_SCHEMA,
)
@takes_upload
async def replace_file(
    id: str,  # noqa: A002
    key: str,
    request: Request,
    caller: Writer,
    context: Context,
    base: Base,
) -> FileBody:
    """As the upload, under this name; the body may also be the file's bytes alone."""
    return await _upload(id, key, request, caller, context, base)


@router.get("/api/jobconfigs/{id}/files", summary="List files", operation_id="listJobConfigFiles")
async def list_files(id: str, caller: Reader, tx: Tx, base: Base) -> list[FileBody]:  # noqa: A002
    """The files of the job, by name."""
    found = await files.list_files(tx, caller, parse_number(id))
    return [file_body(file, base) for file in found]


@router.get(
    "/api/jobconfigs/{id}/files/entrypoints/{key}",
    summary="List the entry points of a package",
    operation_id="listEntryPoints",
)
async def list_entry_points(id: str, key: str, caller: Reader, tx: Tx) -> EntryPointsBody:  # noqa: A002
    """The functions and scripts that the job can begin with."""
    file = await files.get_file(tx, caller, parse_number(id), key)
    return EntryPointsBody(package_name=file.key, entry_points=files.entry_points(file))


@router.get(
    "/api/jobconfigs/{id}/files/{key}",
    summary="Download a file",
    operation_id="downloadJobConfigFile",
    response_class=StreamingResponse,
    responses=BYTES | _UNCHANGED,
)
async def download_file(
    id: str,  # noqa: A002
    key: str,
    caller: Reader,
    tx: Tx,
    context: Context,
    if_none_match: Annotated[
        str | None, Header(description='The SHA-256 that the caller has: `"e3b0c4…"`.')
    ] = None,
) -> Response:
    """The bytes of the file. Its `ETag` is their SHA-256 in hex: who has the same bytes, and says
    so with `If-None-Match`, is answered 304 and gets none.
    """
    file = await files.get_file(tx, caller, parse_number(id), key)
    tag = f'"{file.sha256.hex()}"'
    if if_none_match is not None and tag in [each.strip() for each in if_none_match.split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    content = files.read_content(context.jobs, caller.tenant_id, file)
    answer = await attachment(content, name=file.key, size=file.size)
    answer.headers["ETag"] = tag
    return answer


@router.delete(
    "/api/jobconfigs/{id}/files/{key}",
    summary="Delete a file",
    operation_id="deleteJobConfigFile",
    status_code=204,
)
async def delete_file(id: str, key: str, caller: Writer, tx: Tx, context: Context) -> None:  # noqa: A002
    """The file is gone; runs that were submitted with it still have it."""
    await files.delete_file(tx, caller, parse_number(id), key, now=context.clock())


async def _upload(
    id: str,  # noqa: A002
    key: str | None,
    request: Request,
    caller: Principal,
    context: AppContext,
    base: str,
) -> FileBody:
    """In steps, so that no transaction is open while a slow client sends or the storage works."""
    job_id = parse_number(id)
    async with context.database.tenant(caller.tenant_id) as tx:
        await definitions.get_job_for(tx, caller, job_id, Right.JOBS_WRITE)
    async with received_upload(request, context, key=key) as upload:
        checked = await files.check_upload(context.jobs, upload.path, upload.key)
        async with context.database.tenant(caller.tenant_id) as tx:
            await files.require_room(tx, caller, job_id, checked)
        now = context.clock()
        await files.store_upload(context.database, context.jobs, caller.tenant_id, checked, now=now)
        async with context.database.tenant(caller.tenant_id) as tx:
            file = await files.keep_upload(tx, caller, job_id, checked, now=now)
    return file_body(file, base)
