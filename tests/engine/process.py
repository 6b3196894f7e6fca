"""A process with an engine, for tests that kill it: `python process.py <role> <database url>`.

Its handler notes in `treadle.handled` what it begins and ends, and between the two waits until the
test has opened the gate by a row in `treadle.gate`. Roles: `work` consumes the lane `work`; `tick`
moves timers in small batches. SIGTERM stops `work` in order, without grace.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime

from fixtures.database import PREFIX, SECRET
from treadle.db.database import Database
from treadle.engine.lanes import Lane
from treadle.engine.live import LiveHub
from treadle.engine.queue import Entry
from treadle.engine.supervisor import Supervisor
from treadle.engine.timers import Ticker


class Notes:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, event: str, payload: bytes) -> None:
        async with self._database.system() as tx:
            await tx.execute(
                "INSERT INTO handled (process, event, payload) VALUES ($1, $2, $3)",
                os.getpid(),
                event,
                payload,
            )

    async def handle(self, entry: Entry) -> None:
        await self.add("begun", entry.payload)
        is_open = False
        while not is_open:
            async with self._database.system() as tx:
                is_open = await tx.fetchval("SELECT EXISTS (SELECT FROM gate)")
            await asyncio.sleep(0.02)
        await self.add("ended", entry.payload)


async def work(database: Database, heartbeat_seconds: float) -> None:
    hub = LiveHub(database)
    lane = Lane("work", Notes(database).handle, concurrency=2)
    supervisor = Supervisor(database, hub, [lane], heartbeat_seconds=heartbeat_seconds)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    hub.start()
    supervisor.start()
    await stop.wait()
    await supervisor.stop(grace_seconds=0)
    await hub.stop()


async def tick(database: Database) -> None:
    ticker = Ticker(database, LiveHub(database), bound=100_000, batch_size=10)
    while True:
        await ticker.tick(datetime.now(UTC))


async def main(role: str, url: str, heartbeat_seconds: float) -> None:
    database = await Database.connect(url, SECRET, prefix=PREFIX, min_size=0, max_size=4)
    await (tick(database) if role == "tick" else work(database, heartbeat_seconds))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
