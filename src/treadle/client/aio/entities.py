"""Entities and their records: data with dates, which relative schedules look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from treadle.client.aio.transport import AsyncTransport
from treadle.client.encoding import plain, segment, sent
from treadle.client.models import Entity, Record, Upserted


class AsyncEntities:
    """The entity definitions that the caller sees, and their records."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self, *, name: str | None = None, project: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Entity]:
        """Definitions; pages are fetched as they are needed."""
        params = {"name": name, "project_id": project}
        return self._transport.offset_pages(Entity, "/v1/entities", params, size=page_size)

    async def get(self, entity_id: str) -> Entity:
        """One definition. Raises NotFound."""
        return await self._transport.one(Entity, "GET", _path(entity_id))

    async def create(
        self,
        name: str,
        *,
        schema: Mapping[str, Any],
        date_fields: Sequence[str] = (),
        description: str = "",
        project: str | None = None,
    ) -> Entity:
        """A new definition: a JSON Schema, and which of its fields are dates. Raises Invalid."""
        body = sent(
            name=name,
            schema=schema,
            date_fields=list(date_fields),
            description=description,
            project_id=project,
        )
        return await self._transport.one(Entity, "POST", "/v1/entities", json=body)

    async def delete(self, entity_id: str) -> None:
        """Deletes the definition and its records. Raises Conflict while a schedule looks at it."""
        await self._transport.request("DELETE", _path(entity_id))

    def records(
        self, entity_id: str, *, external_id: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Record]:
        """Records; pages are fetched as they are needed."""
        params = {"external_id": external_id}
        path = f"{_path(entity_id)}/records"
        return self._transport.offset_pages(Record, path, params, size=page_size)

    async def create_record(
        self, entity_id: str, external_id: str, data: Mapping[str, Any]
    ) -> Record:
        """A new record. Raises Conflict for an external id that is there, Invalid."""
        body = {"external_id": external_id, "data": plain(data)}
        return await self._transport.one(Record, "POST", f"{_path(entity_id)}/records", json=body)

    async def upsert(self, entity_id: str, records: Mapping[str, Mapping[str, Any]]) -> Upserted:
        """Makes or replaces records by their external ids, all or none."""
        sent_records = [
            {"external_id": external_id, "data": plain(data)}
            for external_id, data in records.items()
        ]
        path = f"{_path(entity_id)}/records/bulk"
        return await self._transport.one(Upserted, "POST", path, json={"records": sent_records})

    async def delete_record(self, entity_id: str, record_id: str) -> None:
        """Deletes a record."""
        await self._transport.request("DELETE", f"{_path(entity_id)}/records/{segment(record_id)}")


def _path(entity_id: str) -> str:
    return f"/v1/entities/{segment(entity_id)}"
