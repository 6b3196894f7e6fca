"""The calendars of a tenant: everybody who works in a project reads them, Administrators write."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from treadle.core.errors import Conflict, Faulty, FieldFault, NotFound, Unprocessable
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right, require
from treadle.identity.texts import check_text
from treadle.schedules import calendar_store as store
from treadle.schedules.calendars import Calendar
from treadle.schedules.day_model import CalendarDraft, StoredCalendar

MOST_CALENDARS: Final = 500
MOST_DATES: Final = 5_000
MOST_NAME: Final = 100
MOST_DESCRIPTION: Final = 2_000
YEARLY_RULE: Final = "must be a month and a day like 12-25"

_YEARLY: Final = re.compile(r"([0-9]{2})-([0-9]{2})")
_LEAP_YEAR: Final = 2000
_TAKEN: Final = "There is a calendar of this name."


async def create_calendar(
    tx: Transaction, caller: Principal, draft: CalendarDraft, *, now: datetime
) -> StoredCalendar:
    """The new calendar. Raises Forbidden, BadInput, Faulty, and Conflict for a name that is taken
    and where the tenant has as many calendars as it may have.
    """
    require(caller, Right.CALENDARS_WRITE)
    checked = _checked(draft)
    if await store.count_calendars(tx) >= MOST_CALENDARS:
        raise Conflict(f"There are {MOST_CALENDARS} calendars already.")
    made = await store.insert_calendar(tx, checked, by=caller.ref, now=now)
    if made is None:
        raise Conflict(_TAKEN, field="name")
    return made


async def get_calendar(tx: Transaction, calendar_id: UUID) -> StoredCalendar:
    """The calendar. Raises NotFound. Who may read is the edge's question: they are the tenant's."""
    found = await store.find_calendar(tx, calendar_id)
    if found is None:
        raise NotFound(MISSING)
    return found


async def list_calendars(
    tx: Transaction, window: Window, *, name: str | None = None
) -> Slice[StoredCalendar]:
    """The calendars by name; only that of a name, if given."""
    return await store.list_calendars(tx, window, name=name)


async def replace_calendar(
    tx: Transaction, caller: Principal, calendar_id: UUID, draft: CalendarDraft, *, now: datetime
) -> StoredCalendar:
    """The calendar with everything as the draft says. Raises as `create_calendar`, and NotFound.

    Its schedules (`schedules_using`) are due at other times from then on.
    """
    require(caller, Right.CALENDARS_WRITE)
    await get_calendar(tx, calendar_id)
    changed = await store.update_calendar(tx, calendar_id, _checked(draft), by=caller.ref, now=now)
    if changed is None:
        raise Conflict(_TAKEN, field="name")
    return changed


async def delete_calendar(tx: Transaction, caller: Principal, calendar_id: UUID) -> None:
    """The calendar is gone. Raises Forbidden, NotFound, and Conflict while a schedule uses it."""
    require(caller, Right.CALENDARS_WRITE)
    await get_calendar(tx, calendar_id)
    if not await store.delete_calendar(tx, calendar_id):
        raise Conflict("A schedule uses this calendar.")


async def find_calendars(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, Calendar]:
    """The calendars as due times are laid over them, by id. Raises Unprocessable for one that is
    not there.
    """
    wanted = frozenset(ids)
    if not wanted:
        return {}
    found = {stored.id: rules_of(stored) for stored in await store.find_calendars(tx, wanted)}
    missing = sorted(wanted - found.keys())
    if missing:
        raise Unprocessable(f"there is no calendar {missing[0]}", field="calendars")
    return found


async def use_calendars(tx: Transaction, schedule_id: UUID, ids: Collection[UUID]) -> None:
    """The schedule uses these calendars and no others: they stay meanwhile. Raises Unprocessable
    for one that is not there.
    """
    if not await store.put_uses(tx, schedule_id, frozenset(ids)):
        raise Unprocessable("one of the calendars is not there", field="calendars")


async def schedules_using(tx: Transaction, calendar_id: UUID) -> list[UUID]:
    """The schedules that use the calendar, by their ids."""
    return await store.list_users(tx, calendar_id)


def rules_of(stored: CalendarDraft) -> Calendar:
    """The calendar without its place in the database."""
    return Calendar(
        stored.name,
        dates=frozenset(stored.dates),
        weekdays=frozenset(stored.weekly_days),
        yearly=frozenset(_month_and_day(text) for text in stored.yearly_dates),
    )


def _month_and_day(text: str) -> tuple[int, int]:
    """Raises ValueError for what is no day of any year."""
    found = _YEARLY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day = date(_LEAP_YEAR, int(found[1]), int(found[2]))
    return day.month, day.day


def _checked(draft: CalendarDraft) -> CalendarDraft:
    """The draft in order, each day once."""
    faults: list[FieldFault] = []
    for number, text in enumerate(draft.yearly_dates):
        try:
            _month_and_day(text)
        except ValueError:
            faults.append(FieldFault(("yearly_dates", number), YEARLY_RULE))
    for number, day in enumerate(draft.weekly_days):
        if not 0 <= day <= 6:
            faults.append(FieldFault(("weekly_days", number), "must be a day of the week"))
    dates = tuple(sorted(set(draft.dates)))
    if len(dates) > MOST_DATES:
        faults.append(FieldFault(("dates",), f"must have at most {MOST_DATES} dates"))
    if faults:
        raise Faulty(faults)
    return replace(
        draft,
        name=check_text(draft.name, field="name", least=1, most=MOST_NAME),
        description=check_text(draft.description, field="description", most=MOST_DESCRIPTION),
        dates=dates,
        weekly_days=tuple(sorted(set(draft.weekly_days))),
        yearly_dates=tuple(sorted(set(draft.yearly_dates))),
    )
