"""What is promised of processes that die, hang and stop is tried on processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.bench import Bench, until
from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.engine.timers import Ticker, Timer, set_timers

Start = Callable[..., "subprocess.Popen[bytes]"]
Note = tuple[str, bytes]

NEVER = 3600.0
"""A heartbeat time-out that no test waits for."""


@pytest.fixture
def start(database_url: str, database: Database, tmp_path: Path) -> Generator[Start]:
    children: list[subprocess.Popen[bytes]] = []

    def start_one(role: str, *, heartbeat_seconds: float = 2.0) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("process.py")
        child = subprocess.Popen(
            [sys.executable, script, role, database_url, str(heartbeat_seconds)],
            env={**os.environ, "PYTHONPATH": str(script.parent.parent)},
        )
        children.append(child)
        return child

    yield start_one
    for child in children:
        child.kill()
        child.wait()


@pytest.fixture
async def notes(bench: Bench) -> Callable[[subprocess.Popen[bytes]], Any]:
    """What a process has noted so far."""
    await bench.owner.execute(
        """
        CREATE TABLE treadle.handled (
            id bigint GENERATED ALWAYS AS IDENTITY, process int, event text, payload bytea);
        CREATE TABLE treadle.gate (opened_at timestamptz);
        GRANT ALL ON treadle.handled, treadle.gate TO treadle_system;
        """
    )

    async def of(process: subprocess.Popen[bytes]) -> list[Note]:
        rows: list[Any] = await bench.owner.fetch(
            "SELECT event, payload FROM treadle.handled WHERE process = $1 ORDER BY id",
            process.pid,
        )
        return [(row["event"], row["payload"]) for row in rows]

    return of


async def open_gate(bench: Bench) -> None:
    await bench.owner.execute("INSERT INTO treadle.gate VALUES (now())")


async def test_the_entries_of_a_killed_process_are_taken_over(
    bench: Bench, start: Start, notes: Any, alice: UUID
) -> None:
    await bench.submit(alice, b"one", b"two")
    victim = start("work")

    async def has(process: subprocess.Popen[bytes], *wanted: Note) -> bool:
        return sorted(await notes(process)) == sorted(wanted)

    await until(lambda: has(victim, ("begun", b"one"), ("begun", b"two")))
    victim.kill()
    await open_gate(bench)
    heir = start("work")
    await until(bench.is_idle)
    assert sorted(await notes(heir)) == [
        ("begun", b"one"),
        ("begun", b"two"),
        ("ended", b"one"),
        ("ended", b"two"),
    ]


async def test_a_suspended_process_cannot_end_what_another_has_taken_over(
    bench: Bench, start: Start, notes: Any, alice: UUID
) -> None:
    await bench.submit(alice, b"entry")
    sleeper = start("work")

    async def has(process: subprocess.Popen[bytes], *wanted: Note) -> bool:
        return await notes(process) == list(wanted)

    await until(lambda: has(sleeper, ("begun", b"entry")))
    sleeper.send_signal(signal.SIGSTOP)
    heir = start("work")
    await until(lambda: has(heir, ("begun", b"entry")))
    heir.send_signal(signal.SIGSTOP)
    await open_gate(bench)
    sleeper.send_signal(signal.SIGCONT)
    # The next entry shows that the sleeper has written the end of the first before.
    await until(lambda: has(sleeper, ("begun", b"entry"), ("ended", b"entry")))
    await bench.submit(alice, b"next")

    async def is_next_done() -> bool:
        return await bench.queued() == [b"entry"]

    await until(is_next_done)
    assert await bench.count("treadle.admissions") == 1
    heir.send_signal(signal.SIGCONT)
    await until(bench.is_idle)
    assert (await notes(heir))[-1][0] == "ended"


async def test_a_process_that_is_told_to_stop_hands_its_entries_to_another_at_once(
    bench: Bench, start: Start, notes: Any, alice: UUID
) -> None:
    await bench.submit(alice, b"entry")
    first = start("work", heartbeat_seconds=NEVER)

    async def has_begun(process: subprocess.Popen[bytes]) -> bool:
        return await notes(process) == [("begun", b"entry")]

    await until(lambda: has_begun(first))
    second = start("work", heartbeat_seconds=NEVER)
    first.terminate()
    await until(lambda: has_begun(second))
    await until(lambda: first.poll() is not None)
    assert first.returncode == 0
    await open_gate(bench)
    await until(bench.is_idle)


async def test_a_ticker_that_is_killed_half_way_moves_no_timer_twice_and_loses_none(
    bench: Bench, database: Database, start: Start, hub: LiveHub, alice: UUID
) -> None:
    keys = [f"{number:04}" for number in range(3000)]
    due_at = datetime.now(UTC) - timedelta(seconds=1)
    async with database.tenant(alice) as tx:
        await set_timers(tx, [Timer(alice, "work", key, due_at, key.encode()) for key in keys])
    victims = [start("tick"), start("tick")]

    async def is_half_way() -> bool:
        return 100 < await bench.count("treadle.timers") < 2800

    await until(is_half_way)
    for victim in victims:
        victim.kill()
    for victim in victims:
        victim.wait()

    ticker = Ticker(database, hub, bound=100_000)

    async def is_all_moved() -> bool:
        # Rows that a victim had locked stay locked until the server notices its death.
        await ticker.tick(datetime.now(UTC))
        return await bench.count("treadle.timers") == 0

    await until(is_all_moved)
    assert sorted(await bench.queued()) == [key.encode() for key in keys]
