from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from engine.bench import Bench
from treadle.db.database import Database
from treadle.engine.depths import Depth, queue_depths
from treadle.engine.live import LiveHub
from treadle.engine.prune import BATCH, KEEP_LOG, Pruned, prune
from treadle.engine.timers import set_timer

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


async def test_old_notes_of_the_queue_go_in_batches(
    bench: Bench, database: Database, alice: UUID
) -> None:
    await bench.owner.execute("TRUNCATE queue.pgqueuer_log")
    await bench.owner.execute(
        "INSERT INTO queue.pgqueuer_log (created, job_id, status, priority, entrypoint) "
        "SELECT $1, number, 'picked', 0, 'work' FROM generate_series(1, $2) number",
        NOW - KEEP_LOG - timedelta(seconds=1),
        BATCH + 10,
    )
    await bench.owner.execute(
        "INSERT INTO queue.pgqueuer_log (created, job_id, status, priority, entrypoint) "
        "VALUES ($1, 1, 'picked', 0, 'work')",
        NOW - KEEP_LOG,
    )
    assert await prune(database, NOW) == Pruned(log_rows=BATCH + 10, admissions=0)
    assert await bench.count("queue.pgqueuer_log") == 1
    assert await prune(database, NOW) == Pruned(log_rows=0, admissions=0)


async def test_counts_of_entries_that_were_removed_by_hand_go(
    bench: Bench, database: Database, alice: UUID
) -> None:
    await bench.submit(alice, b"removed", b"stays")
    await bench.owner.execute("DELETE FROM queue.pgqueuer WHERE payload LIKE '%removed'")
    assert (await prune(database, NOW)).admissions == 1
    assert await bench.count("treadle.admissions") == 1


async def test_depths_tell_where_work_stands(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, bob: UUID
) -> None:
    assert await queue_depths(database, NOW) == {}
    await bench.submit(alice, *[b"x"] * 5, bound=3)
    await bench.submit(bob, b"y", b"z", lane="other", bound=1)
    await bench.owner.execute(
        "UPDATE queue.pgqueuer SET status = 'picked' "
        "WHERE id = (SELECT min(id) FROM queue.pgqueuer)"
    )
    async with database.tenant(alice) as tx:
        await set_timer(tx, alice, "work", "due", NOW, b"")
        await set_timer(tx, alice, "third", "due", NOW, b"")
        await set_timer(tx, alice, "work", "later", NOW + timedelta(seconds=1), b"")
    assert await queue_depths(database, NOW) == {
        "work": Depth(queued=2, picked=1, backlog=2, timers_due=1),
        "other": Depth(queued=1, backlog=1),
        "third": Depth(timers_due=1),
    }
