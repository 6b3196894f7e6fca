"""The guide's table of what happens when the clocks change is what our own code computes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from treadle.schedules.due_times import ScheduleType, between
from treadle.schedules.expressions import parse_expression

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "schedules.md"
BERLIN = ZoneInfo("Europe/Berlin")
SPRING = (datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))
AUTUMN = (datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC))
"""From 01:00 on the wall clock to 04:00, and to 03:00."""
YEAR = datetime(2026, 1, 1, tzinfo=UTC)

_ROW = re.compile(r"^\| `(.+?)` \| ([^|]+) \| ([^|]+) \|$")


def rows_of(page: str) -> list[tuple[str, str, str]]:
    section = page.partition("### When the clocks change")[2].partition("\n## ")[0]
    found = [_ROW.match(line) for line in section.splitlines()]
    return [(row[1], row[2], row[3]) for row in found if row is not None]


def computed(text: str, stretch: tuple[datetime, datetime]) -> str:
    expression = parse_expression(
        ScheduleType.INTERVAL if text.startswith("PT") else ScheduleType.CRON,
        text,
        timezone="Europe/Berlin",
        start_at=YEAR,
        end_at=None,
        created_at=YEAR,
    )
    due = between(expression, stretch[0] - timedelta(seconds=1), stretch[1], limit=100)
    return ", ".join(f"{at.astimezone(BERLIN):%H:%M%z}"[:8] for at in due) or "–"


def test_the_table_is_what_our_code_computes() -> None:
    rows = rows_of(PAGE.read_text(encoding="utf-8"))
    assert len(rows) == 8
    for text, spring, autumn in rows:
        assert (spring, autumn) == (computed(text, SPRING), computed(text, AUTUMN)), text
