"""What the statements of schedules read: as much as is due or shown, whatever lies beside.

Beside lie 100,000 idle schedules, their old firings, and 20,000 ends of others. What counts are the
rows that PostgreSQL says it has read, not a time; first as long as it knows nothing of the tables'
sizes, then with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from factories import NOW
from fixtures.schedules import Clockwork, at
from treadle.core.pages import Window
from treadle.db.page_store import COUNTED
from treadle.db.transaction import Transaction
from treadle.schedules import firing_store, schedule_store, tick_store
from treadle.schedules.decisions import EndStatus
from treadle.schedules.model import AttemptEnd, FiringRow, Schedule

IDLE = 100_000
DUE = 10
ENDS = 20_000
WRITES = ("UPDATE", "DELETE", "WITH")
LIMIT = 500


class Explained(Transaction):
    """A transaction that adds up the rows that its statements read."""

    __slots__ = ("read", "scans")

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx.connection, tenant_id=tx.tenant_id)
        self.read = 0
        self.scans: set[str] = set()

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        await self._explain(query, args)
        return await super().fetch(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        await self._explain(query, args)
        return await super().fetchval(query, *args)

    async def execute(self, query: str, *args: object) -> int:
        if query.startswith(WRITES):
            await self._explain(query, args)
        return await super().execute(query, *args)

    async def _explain(self, query: str, args: tuple[object, ...]) -> None:
        # ANALYZE does what it explains.
        await self.connection.execute("SAVEPOINT explained")
        explained: list[dict[str, Any]] | None = await self.connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *args
        )
        assert explained is not None
        await self.connection.execute("ROLLBACK TO explained")
        for node in nodes_of(explained[0]["Plan"]):
            if "Relation Name" in node and node["Node Type"] != "ModifyTable":
                self.scans.add(f"{node['Node Type']} {node['Relation Name']}")
                removed = sum(count for name, count in node.items() if name.startswith("Rows Rem"))
                self.read += round((node["Actual Rows"] + removed) * node["Actual Loops"])
            elif node["Node Type"] == "Bitmap Index Scan":
                self.read += round(node["Actual Rows"] * node["Actual Loops"])


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


async def fill(owner: asyncpg.Connection, pattern: Schedule) -> None:
    """Idle schedules like this one, each with a firing that is over; some ends are not noted."""
    names = [
        record["column_name"]
        for record in await owner.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'treadle' AND table_name = 'schedules'"
        )
    ]
    values = {"id": "gen_random_uuid()", "tick_at": "$2::timestamptz + n * interval '1 second'"}
    await owner.execute("SET session_replication_role = replica")  # nobody checks the references
    await owner.execute(
        f"INSERT INTO treadle.schedules ({', '.join(names)})"
        f" SELECT {', '.join(values.get(name, f's.{name}') for name in names)}"
        " FROM treadle.schedules s, generate_series(1, $3::int) AS n WHERE s.id = $1",
        pattern.id,
        NOW + timedelta(days=1),
        IDLE,
    )
    await owner.execute(
        "INSERT INTO treadle.firings (id, tenant_id, project_id, schedule_id, schedule_version,"
        " scheduled_for, trigger, status, reason, created_at, finished_at)"
        " SELECT gen_random_uuid(), tenant_id, project_id, id, 1, tick_at - interval '9 days',"
        " 'schedule', 'succeeded', '', $1, $1 FROM treadle.schedules WHERE tick_at > $1",
        NOW,
    )
    await owner.execute(
        "INSERT INTO treadle.firing_ends"
        " (tenant_id, schedule_id, firing_id, attempt, status, error, final, ended_at)"
        " SELECT tenant_id, schedule_id, id, 1, 'succeeded', '', false, $1"
        " FROM treadle.firings WHERE scheduled_for < $1 LIMIT $2",
        NOW,
        ENDS,
    )
    await owner.execute("SET session_replication_role = origin")


def end_of(firing: FiringRow) -> AttemptEnd:
    return AttemptEnd(
        schedule_id=firing.schedule_id,
        firing_id=firing.id,
        attempt=1,
        status=EndStatus.SUCCEEDED,
        error="",
        result=None,
        final=False,
        ended_at=NOW,
    )


@pytest.mark.timeout(300)
async def test_statements_read_what_is_due_and_not_what_is_idle(
    clockwork: Clockwork, owner: asyncpg.Connection
) -> None:
    made = [await clockwork.make(schedule_expression="* * * * *") for _ in range(DUE)]
    await clockwork.tick(0)
    ids = [schedule.id for schedule in made]
    database, tenant_id = clockwork.workshop.database, made[0].tenant_id
    async with database.tenant(tenant_id) as tx:
        firings = await firing_store.open_firings(tx, ids)
        assert len(firings) == DUE
        await firing_store.insert_ends(tx, [end_of(firing) for firing in firings])
    await fill(owner, made[0])
    now = at(1)

    async def read(
        statement: Callable[[Transaction], Awaitable[object]],
        *,
        system: bool = False,
        counts: bool = False,
    ) -> int:
        async with database.system() if system else database.tenant(tenant_id) as tx:
            explained = Explained(tx)
            found = await statement(explained)
            assert found is None or found, "nothing was found"
            # Who counts thousands of rows may as well begin with the table's first.
            assert counts or not explained.scans & {"Seq Scan schedules", "Seq Scan firings"}
        return explained.read

    since = NOW - timedelta(days=1)
    moved = [replace(firing, reason="moved") for firing in firings]
    window = Window(limit=20)
    for _ in range(2):
        # Due ones, those with ends, and no rechecks.
        assert (
            await read(lambda tx: tick_store.due_schedules(tx, now=now, limit=LIMIT), system=True)
            <= DUE + LIMIT
        )
        assert await read(lambda tx: tick_store.next_tick_at(tx, after=now), system=True) <= 1
        assert await read(lambda tx: tick_store.lock_due(tx, ids, now=now)) <= 5 * DUE
        assert await read(lambda tx: firing_store.open_firings(tx, ids)) <= 2 * DUE
        assert await read(lambda tx: schedule_store.save(tx, made)) <= 2 * DUE
        assert await read(lambda tx: firing_store.update_firings(tx, moved)) <= 2 * DUE
        # Of lists, what is counted for the total comes to it.
        shown = await read(
            lambda tx: schedule_store.list_schedules(tx, window, project_ids=None), counts=True
        )
        assert shown <= COUNTED + 5 * window.limit
        assert await read(lambda tx: firing_store.list_firings(tx, ids[0], window)) <= 5
        assert (
            await read(
                lambda tx: firing_store.firings_between(
                    tx, project_ids=None, since=since, until=at(1), limit=100
                )
            )
            <= 100 + 2 * DUE
        )
        assert await read(lambda tx: firing_store.firings_at(tx, ids[0], NOW, limit=5)) <= 5
        assert (
            await read(lambda tx: firing_store.decided_times(tx, ids[0], since=since, until=now))
            <= 5
        )
        await owner.execute("ANALYZE treadle.schedules, treadle.firings, treadle.firing_ends")
    assert await read(lambda tx: firing_store.take_ends(tx, ids)) <= 3 * DUE
