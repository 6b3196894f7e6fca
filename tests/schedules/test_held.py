"""Calendars and maintenance windows over the real database: what they hold, and what they delay."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from factories import NOW
from fixtures.schedules import Clockwork, at
from treadle.core.errors import Conflict, Unprocessable
from treadle.schedules import maintenance_windows, reading, stored_calendars
from treadle.schedules.day_model import CalendarDraft
from treadle.schedules.decisions import FiringStatus
from treadle.schedules.maintenance import WindowPolicy
from treadle.schedules.maintenance_windows import WindowDraft
from treadle.schedules.schedules import calendar_changed, windows_changed

DAY = 24 * 60


async def calendar(clockwork: Clockwork, *dates: date) -> UUID:
    """A calendar with these days."""
    workshop = clockwork.workshop
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        made = await stored_calendars.create_calendar(
            tx, workshop.caller, CalendarDraft("holidays", dates=dates), now=NOW
        )
    return made.id


async def window(clockwork: Clockwork, policy: WindowPolicy, *, tags: tuple[str, ...] = ()) -> UUID:
    """A maintenance window from the third minute to the twelfth."""
    workshop = clockwork.workshop
    draft = WindowDraft(
        "patching", reason="new kernel", policy=policy, start_at=at(3), end_at=at(12), tags=tags
    )
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        return (await maintenance_windows.create_window(tx, workshop.caller, draft, now=NOW)).id


async def test_a_due_time_on_an_excluded_day_is_skipped_with_the_reason(
    clockwork: Clockwork,
) -> None:
    holidays = await calendar(clockwork, date(2026, 11, 22))
    schedule = await clockwork.make(
        now=0.5,
        schedule_expression="0 9 * * *",
        calendars=({"calendar_id": str(holidays), "mode": "exclude"},),
    )
    assert schedule.next_run_at == at(2 * DAY)
    await clockwork.tick(DAY)
    [held] = await clockwork.firings(schedule)
    assert (held.scheduled_for, held.status) == (at(DAY), FiringStatus.SKIPPED)
    assert held.reason == "2026-11-22 is excluded by calendar 'holidays'"


async def test_a_changed_calendar_moves_the_next_time(clockwork: Clockwork) -> None:
    holidays = await calendar(clockwork)
    schedule = await clockwork.make(
        now=0.5,
        schedule_expression="0 9 * * *",
        calendars=({"calendar_id": str(holidays), "mode": "exclude"},),
    )
    workshop = clockwork.workshop
    draft = CalendarDraft("holidays", dates=(date(2026, 11, 22),))
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await stored_calendars.replace_calendar(tx, workshop.caller, holidays, draft, now=at(1))
        await calendar_changed(tx, holidays, now=at(1))
    await clockwork.tick(2)
    assert (await clockwork.get(schedule)).next_run_at == at(2 * DAY)


async def test_a_calendar_that_a_schedule_uses_stays_until_it_is_deleted(
    clockwork: Clockwork,
) -> None:
    holidays = await calendar(clockwork)
    schedule = await clockwork.make(calendars=({"calendar_id": str(holidays), "mode": "exclude"},))
    workshop = clockwork.workshop
    with pytest.raises(Conflict):
        async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
            await stored_calendars.delete_calendar(tx, workshop.caller, holidays)
    await clockwork.delete(schedule, now=0.5)
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await stored_calendars.delete_calendar(tx, workshop.caller, holidays)


async def test_a_calendar_that_is_not_there_is_refused(clockwork: Clockwork) -> None:
    with pytest.raises(Unprocessable) as caught:
        await clockwork.make(calendars=({"calendar_id": str(UUID(int=1)), "mode": "exclude"},))
    assert caught.value.field == "calendars"


async def test_a_window_skips_what_is_due_in_it(clockwork: Clockwork) -> None:
    await window(clockwork, WindowPolicy.SKIP)
    schedule = await clockwork.make(now=0.5)
    for minute in (5, 10, 15):
        await clockwork.tick(minute)
    assert await clockwork.told(schedule) == ["5 skipped", "10 skipped", "15 running"]
    assert (await clockwork.firings(schedule))[0].reason == "in maintenance window: new kernel"


async def test_a_window_for_other_tags_does_nothing(clockwork: Clockwork) -> None:
    await window(clockwork, WindowPolicy.SKIP, tags=("warehouse",))
    schedule = await clockwork.make(now=0.5, tags=("shop",))
    await clockwork.tick(5)
    assert await clockwork.told(schedule) == ["5 running"]


async def test_a_window_that_delays_starts_what_was_due_at_its_end(clockwork: Clockwork) -> None:
    await window(clockwork, WindowPolicy.DELAY)
    schedule = await clockwork.make(now=0.5)
    await clockwork.tick(5)
    [waiting] = await clockwork.firings(schedule)
    assert (waiting.status, waiting.not_before) == (FiringStatus.PENDING, at(12))
    assert waiting.reason == "waits for the maintenance window: new kernel"
    await clockwork.tick(12)
    [started, _] = await clockwork.firings(schedule)
    assert (started.status, started.started_at) == (FiringStatus.RUNNING, at(12))


async def test_a_window_that_is_taken_away_lets_go_at_once(clockwork: Clockwork) -> None:
    made = await window(clockwork, WindowPolicy.DELAY)
    schedule = await clockwork.make(now=0.5)
    await clockwork.tick(5)
    workshop = clockwork.workshop
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await maintenance_windows.delete_window(tx, workshop.caller, made)
        await windows_changed(tx, now=at(6))
    await clockwork.tick(6)
    assert await clockwork.told(schedule) == ["5 running"]


async def test_what_a_window_will_do_is_explained_before_it_does(clockwork: Clockwork) -> None:
    await window(clockwork, WindowPolicy.SKIP)
    schedule = await clockwork.make(now=0.5)
    async with clockwork.workshop.database.tenant(schedule.tenant_id) as tx:
        found = await reading.explain(tx, schedule, at(5), now=at(1))
        later = await reading.explain(tx, schedule, at(15), now=at(1))
        never = await reading.explain(tx, schedule, at(6), now=at(1))
    assert (found.outcome, found.reason) == (
        "upcoming",
        "the maintenance window 'patching' will skip it",
    )
    assert (later.outcome, later.reason) == ("upcoming", "it is not due yet")
    assert (never.due, never.after) == (False, NOW + timedelta(minutes=10))
