"""Who may do what: API keys, roles, projects, the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime

from treadle.client.aio.transport import AsyncTransport
from treadle.client.encoding import plain, segment, sent
from treadle.client.models import ApiKey, AuditEntry, IssuedApiKey, Member, Project


class AsyncKeys:
    """The API keys of the tenant."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(self, *, page_size: int = 100) -> AsyncIterator[ApiKey]:
        """Keys; pages are fetched as they are needed."""
        return self._transport.offset_pages(ApiKey, "/v1/api-keys", {}, size=page_size)

    async def get(self, key_id: str) -> ApiKey:
        """One key, without its secrets. Raises NotFound."""
        return await self._transport.one(ApiKey, "GET", _path(key_id))

    async def create(
        self,
        description: str,
        *,
        expires_at: datetime | date,
        firewall_rules: Sequence[Mapping[str, str]] = (),
    ) -> IssuedApiKey:
        """A new key, with the secrets that are told this once. It may do nothing until it has a
        role: see `give_role`.
        """
        body = sent(
            description=description, expires_at=expires_at, firewall_rules=list(firewall_rules)
        )
        return await self._transport.one(IssuedApiKey, "POST", "/v1/api-keys", json=body)

    async def give_role(self, key_id: str, role: str, *, project: str | None = None) -> Member:
        """A role in a project, or in the whole tenant where none is named."""
        body = sent(member_type="api_key", member_id=key_id, role=role, project_id=project)
        return await self._transport.one(Member, "POST", "/v1/members", json=body)

    async def rotate(self, key_id: str, *, overlap_seconds: int | None = None) -> IssuedApiKey:
        """New secrets; the old ones live on for so long."""
        body = sent(overlap_seconds=overlap_seconds)
        return await self._transport.one(IssuedApiKey, "POST", f"{_path(key_id)}/rotate", json=body)

    async def delete(self, key_id: str) -> None:
        """Deletes the key, and with it at once every token that it got."""
        await self._transport.request("DELETE", _path(key_id))


class AsyncProjects:
    """The projects that the caller sees."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(self, *, page_size: int = 100) -> AsyncIterator[Project]:
        """Projects; pages are fetched as they are needed."""
        return self._transport.offset_pages(Project, "/v1/projects", {}, size=page_size)


class AsyncAudit:
    """The audit log of the tenant."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[AuditEntry]:
        """Entries, the newest first; pages are fetched as they are needed."""
        params = {
            "actor": actor,
            "action": action,
            "outcome": outcome,
            "from": plain(since),
            "to": plain(until),
        }
        return self._transport.cursor_pages(AuditEntry, "/v1/audit", params, size=page_size)


def _path(key_id: str) -> str:
    return f"/v1/api-keys/{segment(key_id)}"
