"""Short ways to make expressions in tests."""

from __future__ import annotations

from datetime import UTC, datetime

from treadle.schedules.due_times import Expression, ScheduleType, upcoming
from treadle.schedules.expressions import parse_expression

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def expression(
    text: str | None,
    zone: str = "UTC",
    *,
    kind: ScheduleType = ScheduleType.CRON,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    created_at: datetime = CREATED,
) -> Expression:
    """A compiled expression."""
    return parse_expression(
        kind, text, timezone=zone, start_at=start_at, end_at=end_at, created_at=created_at
    )


def utc(text: str) -> datetime:
    """`2026-03-29 01:30` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(compiled: Expression, after: str, count: int) -> list[str]:
    """The next due times as the schedule's own clock shows them, with its offset from UTC."""
    times = upcoming(compiled, utc(after), limit=count)
    return [f"{at.astimezone(compiled.zone.info):%Y-%m-%d %H:%M%z}" for at in times]
