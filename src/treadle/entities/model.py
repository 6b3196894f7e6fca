"""The words of entities as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind of record: what its data must look like, and which of its fields are dates."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    data_schema: dict[str, Any]
    date_fields: tuple[str, ...]
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a definition. `external_id` is its name in the system that it comes from."""

    id: UUID
    definition_id: UUID
    external_id: str
    data: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RecordDate:
    """What a date field says: a date, or the instant of a date-time that has an offset.

    `day` is the date as it is written; of an instant it is the day in UTC.
    """

    day: date
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DateChange:
    """What a write has done to one date field of one record; None where there is no date."""

    record_id: UUID
    field: str
    before: RecordDate | None
    after: RecordDate | None


class Outcome(StrEnum):
    """What a write has done to a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Written:
    """A record after a write (as it was, if it is gone), with the dates that have changed."""

    record: Record
    outcome: Outcome
    date_changes: tuple[DateChange, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """What a caller says of a record."""

    external_id: str
    data: dict[str, Any]
