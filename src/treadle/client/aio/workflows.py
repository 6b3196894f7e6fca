"""Workflows: definitions in versions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from treadle.client.aio.transport import AsyncTransport
from treadle.client.decoding import decode
from treadle.client.encoding import plain, segment
from treadle.client.errors import NotFound
from treadle.client.workflow_models import Definition, Validation, Workflow, WorkflowVersion

_PAGE = 30
"""What a page of this API has at most."""


class AsyncWorkflows:
    """The workflows that the caller sees."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        project: str | None = None,
        status: str | None = None,
        all_versions: bool = False,
        page_size: int = _PAGE,
    ) -> AsyncIterator[WorkflowVersion]:
        """The highest version of each workflow, or all of them, the newest workflow first; pages
        are fetched as they are needed.
        """
        params = {
            "workspace_id": project,
            "workflow_status": status,
            "latest": None if all_versions else "true",
        }
        path = "/v1/workflows/getOrganizationWorkflows"
        return self._transport.keyed_pages(WorkflowVersion, path, params, size=page_size)

    def versions(
        self, workflow_id: str, *, page_size: int = _PAGE
    ) -> AsyncIterator[WorkflowVersion]:
        """The versions of one workflow, the highest first. Raises NotFound."""
        path = f"/v1/workflows/{segment(workflow_id)}/versions"
        return self._transport.keyed_pages(WorkflowVersion, path, {}, size=page_size)

    async def get(self, workflow_id: str, version: int | None = None) -> Workflow:
        """A version, or the highest. Raises NotFound."""
        if version is None:
            version = await self._highest(workflow_id)
        params = {"workflow_id": workflow_id, "workflow_version": version}
        return await self._item("GET", "/v1/workflows/getWorkflowById", params=params)

    async def find(self, name: str, *, project: str | None = None) -> WorkflowVersion | None:
        """The highest version of the oldest workflow that is called exactly so now, or None."""
        found = [each async for each in self.list(project=project) if each.name == name]
        return found[-1] if found else None

    async def create(self, definition: Definition, *, project: str | None = None) -> Workflow:
        """A new workflow, version 1, a DRAFT. Raises Invalid with the path of each fault."""
        body = {**_body(definition), "workspace_id": project}
        return await self._item("POST", "/v1/workflows", json=body)

    async def save(self, workflow_id: str, version: int, definition: Definition) -> Workflow:
        """Replaces what a DRAFT says; of others it makes the next DRAFT. Raises Invalid."""
        return await self._item("PUT", _path(workflow_id, version), json=_body(definition))

    async def validate(self, definition: Definition, *, project: str | None = None) -> Validation:
        """What would be refused of it; nothing is saved."""
        body = {**_body(definition), "workspace_id": project}
        return await self._transport.one(Validation, "POST", "/v1/workflows/validate", json=body)

    async def validate_version(self, workflow_id: str, version: int) -> Validation:
        """What would be refused of a version by now."""
        path = f"{_path(workflow_id, version)}/validate"
        return await self._transport.one(Validation, "POST", path)

    async def activate(self, workflow_id: str, version: int) -> Workflow:
        """Puts a version into force: it can be started, and does not change any more."""
        return await self._item("POST", f"{_path(workflow_id, version)}/activate")

    async def archive(self, workflow_id: str, version: int) -> Workflow:
        """Takes a version out of force; what runs of it goes on."""
        return await self._item("POST", f"{_path(workflow_id, version)}/archive")

    async def delete(self, workflow_id: str, version: int) -> None:
        """Deletes a DRAFT, and with its last version the workflow. Raises Conflict for others."""
        await self._transport.request("DELETE", _path(workflow_id, version))

    async def pause(self, workflow_id: str) -> None:
        """Its own schedule starts nothing until it is resumed. Raises Conflict without one."""
        await self._toggle(workflow_id, "PAUSE")

    async def resume(self, workflow_id: str) -> None:
        """Its own schedule goes on; nothing is made up for."""
        await self._toggle(workflow_id, "PLAY")

    async def _toggle(self, workflow_id: str, action: str) -> None:
        body = {"workflow_id": workflow_id, "action": action}
        path = "/v1/workflows/toggleScheduledWorkflow"
        await self._transport.request("POST", path, json=body)

    async def _highest(self, workflow_id: str) -> int:
        async for found in self.versions(workflow_id, page_size=1):
            return found.version
        raise NotFound(404, "workflow not found")

    async def _item(self, method: str, path: str, **more: Any) -> Workflow:
        return decode(Workflow, (await self._transport.json(method, path, **more))["item"])


def _body(definition: Definition) -> dict[str, Any]:
    return plain(definition.as_json())


def _path(workflow_id: str, version: int) -> str:
    return f"/v1/workflows/{segment(workflow_id)}/{version}"
