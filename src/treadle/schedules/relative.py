"""Relative schedules: the records that are due on a day, page by page, and those that come late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from treadle.core.ids import new_id
from treadle.db.transaction import Transaction
from treadle.engine.live import publish
from treadle.entities import due as entities
from treadle.entities.dates import day_in
from treadle.entities.filters import matches, parse_filter
from treadle.entities.model import DateChange
from treadle.entities.model import Record as EntityRecord
from treadle.schedules import firing_store, schedule_store, tick_store
from treadle.schedules.calendars import DueTime
from treadle.schedules.decisions import Due, Firing
from treadle.schedules.ending import DUE_TOPIC
from treadle.schedules.model import Schedule, ScheduleStatus
from treadle.schedules.planning import MOST_AT_ONCE, Record, Work
from treadle.schedules.timetables import Timetable

NEARBY: Final = timedelta(days=2)
"""A date that is given to a record is looked at again if its schedule is due then around now: the
catch-up window is a day at most, and zones are a day apart."""
_INSTANT = timedelta(microseconds=1)


async def relative_work(
    tx: Transaction, schedule: Schedule, timetable: Timetable, *, now: datetime
) -> Work:
    """The next firings to decide on: a page of the records of the next due time, or those that came
    late to one that is over.
    """
    if schedule.status is not ScheduleStatus.ACTIVE or schedule.deleted_at is not None:
        await tick_store.delete_rechecks(tx, [schedule.id])
        return Work(through=schedule.decided_until)
    work = await _page(tx, schedule, timetable, now=now)
    late = await _late(tx, schedule, timetable)
    return replace(work, due=(*late.due, *work.due), records={**late.records, **work.records})


async def due_on(
    tx: Transaction, schedule: Schedule, timetable: Timetable, due: DueTime
) -> list[EntityRecord]:
    """All records of a due time that pass the filter."""
    found: list[EntityRecord] = []
    after: UUID | None = None
    while True:
        page = await _records(tx, schedule, timetable, due, after=after)
        found += _passing(schedule, page)
        if len(page) < MOST_AT_ONCE:
            return found
        after = page[-1].id


def firing_of(at: datetime, record: EntityRecord) -> tuple[Due, dict[str, Record]]:
    """A firing of a due time for a record, and what it is about."""
    firing = Firing(str(new_id()), at, record_id=str(record.id))
    said = {"id": str(record.id), "external_id": record.external_id, "data": record.data}
    return Due(firing), {firing.id: Record(record.id, said)}


async def records_changed(
    tx: Transaction, definition_id: UUID, changes: Iterable[DateChange], *, now: datetime
) -> None:
    """Has the schedules look again at records whose new date may be due already."""
    dated = [change for change in changes if change.after is not None]
    if not dated:
        return
    rechecks: list[tuple[UUID, UUID]] = []
    for schedule in await schedule_store.relative_schedules(tx, definition_id):
        offset = timedelta(days=schedule.relative_offset_days or 0)
        for change in dated:
            if change.after is None or change.field != schedule.relative_field_name:
                continue
            if abs(change.after.day + offset - now.astimezone(UTC).date()) <= NEARBY:
                rechecks.append((schedule.id, change.record_id))
    if rechecks:
        await tick_store.add_rechecks(tx, rechecks)
        await publish(tx, DUE_TOPIC, "record")


async def _page(
    tx: Transaction, schedule: Schedule, timetable: Timetable, *, now: datetime
) -> Work:
    times = timetable.due(after=schedule.decided_until, until=now, limit=1)
    if not times:
        return Work(through=max(now, schedule.decided_until))
    due = times[0]
    following = timetable.next_to_decide(after=due.at)
    more = following is not None and following <= now
    if due.held:
        held = Due(Firing(str(new_id()), due.at), held=due.reason)
        return Work(through=due.at, due=(held,), more=more)
    page = await _records(tx, schedule, timetable, due, after=schedule.cursor_record_id)
    firings, records = _firings(due.at, _passing(schedule, page))
    if len(page) == MOST_AT_ONCE:
        return Work(
            through=schedule.decided_until,
            due=firings,
            records=records,
            cursor=page[-1].id,
            more=True,
        )
    return Work(through=due.at, due=firings, records=records, more=more)


async def _records(
    tx: Transaction,
    schedule: Schedule,
    timetable: Timetable,
    due: DueTime,
    *,
    after: UUID | None,
) -> list[EntityRecord]:
    """A page of the records of a due time, by id. One that moved here from other days stands for
    theirs too.
    """
    zone = timetable.expression.zone.info
    nominal = [*([due.at] if due.nominal else []), *due.moved_from]
    found: dict[UUID, EntityRecord] = {}
    for day in {at.astimezone(zone).date() for at in nominal}:
        page = await entities.records_due(
            tx,
            definition_id=_definition_id(schedule),
            field=schedule.relative_field_name or "",
            day=day - timedelta(days=schedule.relative_offset_days or 0),
            zone=zone,
            after=after,
            limit=MOST_AT_ONCE,
        )
        found |= {record.id: record for record in page}
    return [found[key] for key in sorted(found)][:MOST_AT_ONCE]


async def _late(tx: Transaction, schedule: Schedule, timetable: Timetable) -> Work:
    """The firings of records that were given a date after its due time was decided on."""
    ids = await tick_store.take_rechecks(tx, schedule.id, limit=MOST_AT_ONCE)
    work = Work(through=schedule.decided_until)
    if not ids:
        return work
    found = await entities.records_by_id(tx, definition_id=_definition_id(schedule), ids=ids)
    due: list[Due] = []
    records: dict[str, Record] = {}
    for record in _passing(schedule, found):
        for at in _decided_times(schedule, timetable, record):
            if schedule.cursor_record_id is not None and at > schedule.decided_until:
                continue
            if await firing_store.fired_records(tx, schedule.id, at, [record.id]):
                continue
            one, said = firing_of(at, record)
            due.append(one)
            records |= said
    due.sort(key=lambda one: one.firing.due_at)
    return replace(work, due=tuple(due), records=records)


def _decided_times(
    schedule: Schedule, timetable: Timetable, record: EntityRecord
) -> list[datetime]:
    """The due times of the record's date that are decided on already."""
    zone = timetable.expression.zone.info
    day = day_in(record.data, schedule.relative_field_name or "", zone)
    if day is None:
        return []
    try:
        local = day + timedelta(days=schedule.relative_offset_days or 0)
        since = datetime.combine(local, time(), zone).astimezone(UTC)
    except OverflowError:
        return []
    until = min(since + timedelta(days=2), schedule.decided_until)
    found = timetable.due(after=since - _INSTANT, until=until, limit=MOST_AT_ONCE)
    return [one.at for one in found if not one.held and _is_of(one, local, zone)]


def _is_of(due: DueTime, day: date, zone: Any) -> bool:
    nominal = [*([due.at] if due.nominal else []), *due.moved_from]
    return any(at.astimezone(zone).date() == day for at in nominal)


def _firings(
    at: datetime, found: Sequence[EntityRecord]
) -> tuple[tuple[Due, ...], Mapping[str, Record]]:
    due: list[Due] = []
    records: dict[str, Record] = {}
    for record in found:
        one, said = firing_of(at, record)
        due.append(one)
        records |= said
    return tuple(due), records


def _passing(schedule: Schedule, found: Iterable[EntityRecord]) -> list[EntityRecord]:
    wanted = parse_filter(schedule.relative_filter)
    return [record for record in found if matches(wanted, record.data)]


def _definition_id(schedule: Schedule) -> UUID:
    if schedule.relative_entity_definition_id is None:
        raise LookupError("a relative schedule names its entity definition")
    return schedule.relative_entity_definition_id
