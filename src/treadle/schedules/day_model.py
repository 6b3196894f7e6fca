"""Calendars and maintenance windows as rows, and what callers say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from treadle.schedules.maintenance import WindowPolicy


@dataclass(frozen=True, slots=True)
class CalendarDraft:
    """What a caller says of a calendar. Weekdays count from Sunday, which is 0; `yearly_dates` are
    like `12-25`.
    """

    name: str
    description: str = ""
    dates: tuple[date, ...] = ()
    weekly_days: tuple[int, ...] = ()
    yearly_dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredCalendar(CalendarDraft):
    """A calendar of the tenant."""

    id: UUID = field(kw_only=True)
    created_at: datetime = field(kw_only=True)
    created_by: str = field(kw_only=True)
    updated_at: datetime = field(kw_only=True)
    updated_by: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class WindowRow:
    """The columns of a maintenance window that a caller decides."""

    project_id: UUID | None
    name: str
    reason: str
    policy: WindowPolicy
    tags: tuple[str, ...]
    timezone: str
    start_at: datetime | None
    end_at: datetime | None
    schedule_expression: str | None
    duration_minutes: int | None


@dataclass(frozen=True, slots=True)
class StoredWindow(WindowRow):
    """A maintenance window."""

    id: UUID = field(kw_only=True)
    created_at: datetime = field(kw_only=True)
    created_by: str = field(kw_only=True)
    updated_at: datetime = field(kw_only=True)
    updated_by: str = field(kw_only=True)
