"""Entity definitions and records on the wire."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, Field

from treadle.api.lists import ListBody, list_example
from treadle.api.wire import exact, snake_case
from treadle.core.clock import iso
from treadle.entities.definitions import MOST_DATE_FIELDS, DefinitionDraft
from treadle.entities.model import Definition, Outcome, Record, RecordDraft, Written
from treadle.entities.records import MOST_AT_ONCE

ENTITY_ID: Final = "0198f0a0-2222-7cc3-9d3f-3b1f0c5e2a11"
RECORD_ID: Final = "0198f0a0-3333-7cc3-9d3f-3b1f0c5e2a11"
_ENTITY: Final = {
    "name": "contract",
    "description": "Contracts of customers",
    "schema": {
        "type": "object",
        "required": ["customer", "renews_on"],
        "properties": {
            "customer": {"type": "string", "minLength": 1},
            "renews_on": {"type": "string", "format": "date"},
            "amount": {"type": "number", "minimum": 0},
        },
    },
    "date_fields": ["renews_on"],
    "project_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
}
_TIMES: Final = {
    "created_at": "2026-11-21T09:00:00.000Z",
    "updated_at": "2026-11-21T09:00:00.000Z",
}
_ENTITY_EXAMPLE: Final = {"id": ENTITY_ID, **_ENTITY, **_TIMES}
_RECORD: Final = {
    "external_id": "C-1001",
    "data": {"customer": "Example GmbH", "renews_on": "2026-12-31", "amount": 1200},
}
_RECORD_EXAMPLE: Final = {
    "id": RECORD_ID,
    "entity_definition_id": ENTITY_ID,
    **_RECORD,
    **_TIMES,
}
_BULK_EXAMPLE: Final = {
    "created": 1,
    "updated": 0,
    "unchanged": 0,
    "items": [{"id": RECORD_ID, "external_id": "C-1001", "outcome": "created"}],
}


class EntityInput(BaseModel):
    """What can be said of an entity definition."""

    model_config = exact(example=_ENTITY)

    name: str = Field(description="Unique in the project, 1 to 100 characters.")
    description: str = Field("", description="At most 2,000 characters.")
    data_schema: dict[str, Any] = Field(
        alias="schema",
        description="JSON Schema 2020-12 that a record's data obeys, at most 64 KiB. `$ref` leads "
        "to a place in this schema; `format` is checked; patterns have no look-around.",
    )
    date_fields: list[str] = Field(
        [],
        max_length=MOST_DATE_FIELDS,
        description="Fields that are dates, such as `due` or `customer.renewal`.",
    )
    project_id: str | None = Field(
        None,
        description="Left out: the caller's default project; when it is replaced: where it is.",
    )


class EntityBody(BaseModel):
    """An entity definition."""

    model_config = snake_case(example=_ENTITY_EXAMPLE)

    id: str
    project_id: str
    name: str
    description: str
    data_schema: dict[str, Any] = Field(alias="schema")
    date_fields: list[str]
    created_at: str
    updated_at: str


class EntityList(ListBody[EntityBody]):
    """Some of the entity definitions."""

    model_config = snake_case(example=list_example(_ENTITY_EXAMPLE))


class RecordInput(BaseModel):
    """What can be said of a record."""

    model_config = exact(example=_RECORD)

    external_id: str = Field(
        description="The record's name in the system that it comes from; unique in the entity "
        "definition, 1 to 200 characters."
    )
    data: dict[str, Any] = Field(description="At most 64 KiB, as the schema wants it.")


class BulkInput(BaseModel):
    """Records to be written, all or none."""

    model_config = exact(example={"records": [_RECORD]})

    records: list[RecordInput] = Field(min_length=1, max_length=MOST_AT_ONCE)


class RecordBody(BaseModel):
    """A record."""

    model_config = snake_case(example=_RECORD_EXAMPLE)

    id: str
    entity_definition_id: str
    external_id: str
    data: dict[str, Any]
    created_at: str
    updated_at: str


class RecordList(ListBody[RecordBody]):
    """Some of the records."""

    model_config = snake_case(example=list_example(_RECORD_EXAMPLE))


class BulkItem(BaseModel):
    """What became of one record of the request."""

    id: str
    external_id: str
    outcome: Outcome


class BulkBody(BaseModel):
    """What became of the records, in the order of the request."""

    model_config = snake_case(example=_BULK_EXAMPLE)

    created: int
    updated: int
    unchanged: int
    items: list[BulkItem]


def definition_draft(body: EntityInput) -> DefinitionDraft:
    """What the request says."""
    return DefinitionDraft(
        name=body.name,
        description=body.description,
        data_schema=body.data_schema,
        date_fields=tuple(body.date_fields),
        project_id=body.project_id,
    )


def record_draft(body: RecordInput) -> RecordDraft:
    """What the request says."""
    return RecordDraft(body.external_id, body.data)


def entity_body(definition: Definition) -> EntityBody:
    """The definition as an answer."""
    return EntityBody(
        id=str(definition.id),
        project_id=str(definition.project_id),
        name=definition.name,
        description=definition.description,
        schema=definition.data_schema,
        date_fields=list(definition.date_fields),
        created_at=iso(definition.created_at),
        updated_at=iso(definition.updated_at),
    )


def record_body(record: Record) -> RecordBody:
    """The record as an answer."""
    return RecordBody(
        id=str(record.id),
        entity_definition_id=str(record.definition_id),
        external_id=record.external_id,
        data=record.data,
        created_at=iso(record.created_at),
        updated_at=iso(record.updated_at),
    )


def bulk_body(written: list[Written]) -> BulkBody:
    """What has been written, as an answer."""
    outcomes = [each.outcome for each in written]
    return BulkBody(
        created=outcomes.count(Outcome.CREATED),
        updated=outcomes.count(Outcome.UPDATED),
        unchanged=outcomes.count(Outcome.UNCHANGED),
        items=[
            BulkItem(
                id=str(each.record.id), external_id=each.record.external_id, outcome=each.outcome
            )
            for each in written
        ],
    )
