"""Jobs: what can be run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from treadle.client.aio.runs import AsyncRunHandle
from treadle.client.aio.transport import AsyncTransport
from treadle.client.decoding import decode
from treadle.client.encoding import camel, plain, segment, sent
from treadle.client.models import Job, JobFile


class AsyncJobs:
    """The jobs that the caller sees."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self, *, text: str | None = None, project: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Job]:
        """Jobs by name; `text` looks in the names. Pages are fetched as they are needed."""
        params = {"filter": text, "project": project, "sortby": "name", "direction": "asc"}
        return self._transport.numbered_pages(Job, "/api/jobconfigs", params, size=page_size)

    async def get(self, job_id: str) -> Job:
        """One job. Raises NotFound."""
        return await self._transport.one(Job, "GET", _path(job_id))

    async def find(self, name: str, *, project: str | None = None) -> Job | None:
        """The oldest job of exactly this name, or None."""
        found = [job async for job in self.list(text=name, project=project) if job.name == name]
        return min(found, key=lambda job: job.created, default=None)

    async def create(
        self,
        name: str,
        *,
        package: str | None = None,
        entry_point: str | None = None,
        **settings: Any,
    ) -> Job:
        """A new job. `package` is the name of a file that is uploaded to it, before or after.
        `settings` are those of the API in snake_case: description, active, blocking, timeout,
        max_retries, retry_backoff_seconds, network, tags, project, … Raises Invalid.
        """
        body = camel({"name": name, **plain(settings)})
        if package is not None or entry_point is not None:
            body["runtimeConfig"] = sent(packageName=package, entryPoint=entry_point)
        return await self._transport.one(Job, "POST", "/api/jobconfigs", json=body)

    async def update(self, job_id: str, **changes: Any) -> Job:
        """Changes what is given and leaves the rest; `package` and `entry_point` as in `create`."""
        runtime = sent(
            packageName=changes.pop("package", None), entryPoint=changes.pop("entry_point", None)
        )
        body = camel(plain(changes))
        if runtime:
            body["runtimeConfig"] = runtime
        return await self._transport.one(Job, "PATCH", _path(job_id), json=body)

    async def delete(self, job_id: str) -> None:
        """Deletes the job; its runs are kept. Raises Conflict while schedules run it."""
        await self._transport.request("DELETE", _path(job_id))

    async def upload(self, job_id: str, file: str | Path, *, name: str | None = None) -> JobFile:
        """Uploads a package, or puts it in the place of the one of that name. Raises Invalid with
        the reason, if it is none.
        """
        path = Path(file)
        answer = await self._transport.json(
            "POST",
            f"{_path(job_id)}/files",
            files={"file": (name or path.name, await asyncio.to_thread(path.read_bytes))},
        )
        return _file(answer)

    async def files(self, job_id: str) -> tuple[JobFile, ...]:
        """What was uploaded to it."""
        found = await self._transport.json("GET", f"{_path(job_id)}/files")
        return tuple(_file(each) for each in found)

    async def download(self, job_id: str, name: str) -> bytes:
        """The bytes of a file that was uploaded to it. Raises NotFound."""
        path = f"{_path(job_id)}/files/{segment(name)}"
        return (await self._transport.request("GET", path)).content

    async def has(self, job_id: str, name: str, content: bytes) -> bool:
        """Whether these bytes were uploaded to it under this name. They are compared by their
        digest: nothing that is the same travels.
        """
        stored = [file for file in await self.files(job_id) if file.name == name]
        if not any(file.size == len(content) for file in stored):
            return False
        answer = await self._transport.request(
            "GET",
            f"{_path(job_id)}/files/{segment(name)}",
            headers={"If-None-Match": f'"{sha256(content).hexdigest()}"'},
        )
        return answer.status_code == HTTPStatus.NOT_MODIFIED

    async def entry_points(self, job_id: str, package: str) -> tuple[str, ...]:
        """Where the package can begin."""
        path = f"{_path(job_id)}/files/entrypoints/{segment(package)}"
        return tuple((await self._transport.json("GET", path))["entryPoints"])

    async def run(
        self,
        job_id: str,
        *,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - what the contract calls it
        macros: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncRunHandle:
        """Starts a run. It is sent under an `Idempotency-Key`, yours or a new one, so that it is
        started once however often it has to be sent. Raises Conflict for a job that is not active.
        """
        given = None if macros is None else [{"key": k, "value": v} for k, v in macros.items()]
        body = await self._transport.json(
            "POST",
            f"{_path(job_id)}/jobs",
            json=sent(input=input, macros=given),
            once=True,
            idempotency_key=idempotency_key,
        )
        return AsyncRunHandle(self._transport, body["id"])


def _file(found: Mapping[str, Any]) -> JobFile:
    return decode(JobFile, {**found, "size": found["metadata"]["size"]})


def _path(job_id: str) -> str:
    return f"/api/jobconfigs/{segment(job_id)}"
