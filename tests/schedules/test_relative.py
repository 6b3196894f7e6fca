"""Relative schedules: each record fires once for its date, and again only for another one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import NOW
from fixtures.schedules import Clockwork, at
from treadle.core.errors import Conflict, Unprocessable
from treadle.entities import definitions, records
from treadle.entities.model import RecordDraft
from treadle.schedules.decisions import OverlapPolicy
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import Schedule
from treadle.schedules.relative import records_changed

DAY = 24 * 60
NINE = 0  # NOW is 09:00 on 2026-11-21


@dataclass
class Contracts:
    """An entity definition with a date field `ends_on`, and its records."""

    clockwork: Clockwork
    definition_id: UUID

    async def put(self, *, now: float = 0, **ends: str | dict[str, Any]) -> dict[str, UUID]:
        """Records by external id; as the API writes them."""
        drafts = [
            RecordDraft(name, said if isinstance(said, dict) else {"ends_on": said})
            for name, said in ends.items()
        ]
        caller = self.clockwork.workshop.caller
        async with self.clockwork.workshop.database.tenant(caller.tenant_id) as tx:
            written = await records.upsert_records(
                tx, caller, self.definition_id, drafts, now=at(now)
            )
            moved = [change for one in written for change in one.date_changes]
            await records_changed(tx, self.definition_id, moved, now=at(now))
        return {one.record.external_id: one.record.id for one in written}

    async def schedule(self, *, now: float = 0, **said: Any) -> Schedule:
        fields: dict[str, Any] = {
            "name": "reminder",
            "schedule_type": ScheduleType.RELATIVE,
            "schedule_expression": "10:00",
            "relative_entity_definition_id": self.definition_id,
            "relative_field_name": "ends_on",
            "relative_offset_days": -7,
            "overlap_policy": OverlapPolicy.ALLOW_ALL,
            **said,
        }
        return await self.clockwork.make(now=now, **fields)

    async def told(self, schedule: Schedule) -> list[str]:
        """Day after NOW's, the record, and what became of it."""
        return [
            f"{(row.scheduled_for.date() - NOW.date()).days}"
            f" {(row.record or {}).get('external_id')} {row.status}"
            for row in await self.clockwork.firings(schedule)
        ]


@pytest.fixture
async def contracts(clockwork: Clockwork) -> Contracts:
    job = await clockwork.job()
    caller = clockwork.workshop.caller
    async with clockwork.workshop.database.tenant(caller.tenant_id) as tx:
        made = await definitions.create_definition(
            tx,
            caller,
            definitions.DefinitionDraft(
                name="contract",
                data_schema={"type": "object"},
                date_fields=("ends_on",),
                project_id=str(job.project_id),
            ),
            now=NOW,
        )
    return Contracts(clockwork, made.id)


async def test_records_fire_once_on_their_day_with_the_record_in_the_input(
    contracts: Contracts,
) -> None:
    await contracts.put(a="2026-11-28", b="2026-11-29", c="2026-12-24", d={})
    schedule = await contracts.schedule()
    assert schedule.next_run_at == at(60)
    await contracts.clockwork.tick(59)
    assert await contracts.told(schedule) == []
    await contracts.clockwork.tick(61)
    await contracts.clockwork.tick(62)
    assert await contracts.told(schedule) == ["0 a running"]
    [firing] = await contracts.clockwork.firings(schedule)
    run = await contracts.clockwork.run_of(firing)
    assert run.input["record"]["data"] == {"ends_on": "2026-11-28"}
    await contracts.clockwork.tick(DAY + 61)
    assert await contracts.told(schedule) == ["0 a running", "1 b running"]


async def test_the_filter_chooses_records(contracts: Contracts) -> None:
    await contracts.put(
        a={"ends_on": "2026-11-28", "kind": "lease", "value": 5},
        b={"ends_on": "2026-11-28", "kind": "loan", "value": 50},
        c={"ends_on": "2026-11-28", "kind": "lease", "value": 500},
    )
    schedule = await contracts.schedule(
        relative_filter={"kind": {"in": ["lease"]}, "value": {"gte": 100}}
    )
    await contracts.clockwork.tick(61)
    assert await contracts.told(schedule) == ["0 c running"]


async def test_a_record_that_moves_fires_for_its_new_date(contracts: Contracts) -> None:
    await contracts.put(a="2026-11-28")
    schedule = await contracts.schedule()
    await contracts.clockwork.tick(61)
    await contracts.put(now=70, a="2026-11-30")
    await contracts.clockwork.tick(2 * DAY + 61)
    assert await contracts.told(schedule) == ["0 a running", "2 a running"]


async def test_a_record_that_moves_away_in_time_does_not_fire(contracts: Contracts) -> None:
    await contracts.put(a="2026-11-28")
    schedule = await contracts.schedule()
    await contracts.put(now=30, a="2027-01-01")
    await contracts.clockwork.tick(2 * DAY)
    assert await contracts.told(schedule) == []


async def test_a_record_that_comes_late_fires_within_the_catch_up_window(
    contracts: Contracts,
) -> None:
    schedule = await contracts.schedule(catchup_window_minutes=120)
    await contracts.clockwork.tick(61)
    await contracts.put(now=100, late="2026-11-28")
    await contracts.clockwork.tick(100)
    await contracts.put(now=300, later="2026-11-28")
    await contracts.clockwork.tick(300)
    await contracts.clockwork.tick(301)
    assert sorted(await contracts.told(schedule)) == ["0 late running", "0 later missed"]


async def test_a_day_that_moves_back_and_forth_fires_once(contracts: Contracts) -> None:
    await contracts.put(a="2026-11-28")
    schedule = await contracts.schedule(catchup_window_minutes=1440)
    await contracts.clockwork.tick(61)
    await contracts.put(now=70, a="2027-01-01")
    await contracts.put(now=80, a="2026-11-28")
    await contracts.clockwork.tick(90)
    assert await contracts.told(schedule) == ["0 a running"]


async def test_more_records_than_a_page_all_fire(contracts: Contracts) -> None:
    names = [f"r{number}" for number in range(1_200)]
    for begin in range(0, 1_200, 600):
        some: dict[str, Any] = dict.fromkeys(names[begin : begin + 600], "2026-11-28")
        await contracts.put(**some)
    schedule = await contracts.schedule()
    await contracts.clockwork.tick(61)
    async with contracts.clockwork.workshop.database.tenant(schedule.tenant_id) as tx:
        counts = await tx.fetchrow(
            "SELECT count(*) AS rows, count(DISTINCT record_id) AS records FROM firings"
        )
        runs = await tx.fetchval("SELECT count(*) FROM runs")
    assert counts is not None
    assert (counts["rows"], counts["records"], runs) == (1_200, 1_200, 1_200)
    now = await contracts.clockwork.get(schedule)
    assert (now.cursor_record_id, now.next_run_at) == (None, at(60 + DAY))


async def test_overlap_is_by_record(contracts: Contracts) -> None:
    await contracts.put(a="2026-11-28", b="2026-11-28")
    schedule = await contracts.schedule(overlap_policy=OverlapPolicy.SKIP)
    await contracts.clockwork.tick(61)
    await contracts.put(now=70, a="2026-11-29")
    await contracts.clockwork.tick(DAY + 61)
    assert sorted(await contracts.told(schedule)) == [
        "0 a running",
        "0 b running",
        "1 a skipped",
    ]


async def test_the_day_is_the_schedules_own(contracts: Contracts) -> None:
    # 00:00 in Sydney on the 22nd is 13:00 UTC on the 21st.
    await contracts.put(a="2026-11-22", b="2026-11-21")
    schedule = await contracts.schedule(
        schedule_expression="00:00", timezone="Australia/Sydney", relative_offset_days=0
    )
    assert schedule.next_run_at == NOW + timedelta(hours=4)
    await contracts.clockwork.tick(4 * 60)
    assert await contracts.told(schedule) == ["0 a running"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"relative_field_name": "name"}, "relative_field_name"),
        ({"relative_field_name": None}, "relative_field_name"),
        ({"relative_entity_definition_id": None}, "relative_entity_definition_id"),
        ({"relative_entity_definition_id": UUID(int=1)}, "relative_entity_definition_id"),
        ({"relative_filter": {"kind": {"like": "x"}}}, "relative_filter.kind.like"),
        ({"schedule_expression": "25:00"}, "schedule_expression"),
    ],
)
async def test_a_bad_relative_schedule_is_refused_by_field(
    contracts: Contracts, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(Unprocessable) as caught:
        await contracts.schedule(**said)
    assert caught.value.field == field


async def test_a_definition_that_a_schedule_looks_at_stays(contracts: Contracts) -> None:
    schedule = await contracts.schedule()
    caller = contracts.clockwork.workshop.caller
    database = contracts.clockwork.workshop.database
    with pytest.raises(Conflict):
        async with database.tenant(caller.tenant_id) as tx:
            await definitions.delete_definition(tx, caller, contracts.definition_id)
    await contracts.clockwork.delete(schedule, now=1)
    async with database.tenant(caller.tenant_id) as tx:
        await definitions.delete_definition(tx, caller, contracts.definition_id)
