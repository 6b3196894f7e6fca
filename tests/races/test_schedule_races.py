"""Tickers, callers and workers at one schedule at the same moment, on the real database.

All begin together, at a barrier, and again and again; whoever comes first, the books must balance.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from factories import NOW
from fixtures.schedules import Clockwork, at
from treadle.core.errors import Conflict, NotFound
from treadle.engine.live import LiveHub
from treadle.schedules import schedules
from treadle.schedules.decisions import FiringStatus, OverlapPolicy
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import ActionType, Definition, Schedule
from treadle.schedules.schedules import Draft
from treadle.schedules.ticker import ScheduleTicker

TICKERS = 4
LOGS: dict[str, Any] = {"action_type": ActionType.LOG_EVENT, "action_config": {}}


async def together(*works: Callable[[], Awaitable[object]]) -> list[object]:
    """What each gave or raised; none begins before all are there."""
    barrier = asyncio.Barrier(len(works))

    async def begin(work: Callable[[], Awaitable[object]]) -> object:
        await barrier.wait()
        return await work()

    return await asyncio.gather(*(begin(work) for work in works), return_exceptions=True)


def tickers(clockwork: Clockwork) -> list[ScheduleTicker]:
    database = clockwork.workshop.database
    return [
        ScheduleTicker(database, LiveHub(database), clockwork.context, batch_size=batch_size)
        for batch_size in (7, 50, 50, 500)
    ]


def ticking(ticker: ScheduleTicker, minutes: float) -> Callable[[], Awaitable[object]]:
    """One process decides on everything that is due and that nobody else has."""

    async def tick() -> None:
        while await ticker.tick(at(minutes)):
            pass

    return tick


async def books(clockwork: Clockwork, schedule: Schedule) -> Counter[float]:
    """How often each minute after NOW has a firing of the schedule's own, spans unrolled."""
    counts: Counter[float] = Counter()
    for row in await clockwork.firings(schedule):
        if row.trigger == "manual":
            continue
        due, last = row.scheduled_for, row.span_until or row.scheduled_for
        while due <= last:
            counts[(due - NOW) / timedelta(minutes=1)] += 1
            due += timedelta(minutes=1)
    return counts


async def test_four_tickers_decide_on_each_due_time_once(clockwork: Clockwork) -> None:
    made = [
        await clockwork.make(
            now=0.5, schedule_expression="* * * * *", overlap_policy=OverlapPolicy.ALLOW_ALL, **LOGS
        )
        for _ in range(30)
    ]
    several = tickers(clockwork)
    for minute in range(1, 9):
        results = await together(*(ticking(ticker, minute) for ticker in several))
        assert results == [None] * TICKERS
    await clockwork.tick(9.5)
    for schedule in made:
        assert await books(clockwork, schedule) == Counter(range(1, 10))
        assert {row.status for row in await clockwork.firings(schedule)} == {"succeeded"}


async def test_no_attempt_is_started_twice(clockwork: Clockwork) -> None:
    made = [
        await clockwork.make(
            now=0.5, schedule_expression="* * * * *", overlap_policy=OverlapPolicy.ALLOW_ALL
        )
        for _ in range(15)
    ]
    several = tickers(clockwork)
    for minute in range(1, 5):
        await together(*(ticking(ticker, minute) for ticker in several))
    async with clockwork.workshop.database.tenant(made[0].tenant_id) as tx:
        origins = [row["origin"] for row in await tx.fetch("SELECT origin FROM runs")]
    assert len(origins) == len(set(origins)) == 4 * len(made)


async def test_callers_change_schedules_at_the_moment_when_they_are_due(
    clockwork: Clockwork,
) -> None:
    made = [
        await clockwork.make(
            now=0.5, schedule_expression="* * * * *", overlap_policy=OverlapPolicy.ALLOW_ALL, **LOGS
        )
        for _ in range(4)
    ]
    edited, paused, triggered, deleted = made
    several = tickers(clockwork)
    for minute in range(1, 9):
        # Odd ones are asked a moment before the tickers' time, and may still come after them.
        moment = minute - (0.001 if minute % 2 else 0)
        expression = "*/1 * * * *" if minute % 2 else "* * * * *"
        pausing = clockwork.pause if minute % 2 else clockwork.resume
        results = await together(
            *(ticking(ticker, minute) for ticker in several),
            lambda moment=moment, text=expression: clockwork.change(
                edited, now=moment, schedule_expression=text
            ),
            lambda moment=moment, pausing=pausing: pausing(paused, now=moment),
            lambda moment=moment: clockwork.trigger(triggered, now=moment),
        )
        assert [found for found in results if isinstance(found, BaseException)] == []
    results = await together(
        *(ticking(ticker, 9) for ticker in several), lambda: clockwork.delete(deleted, now=9)
    )
    assert results == [None] * (TICKERS + 1)
    await clockwork.tick(9)
    for schedule in (edited, triggered):
        assert await books(clockwork, schedule) == Counter(range(1, 10))
    assert await books(clockwork, paused) == Counter(range(1, 10))
    assert await books(clockwork, deleted) == Counter(range(1, 10))
    by_hand = [row for row in await clockwork.firings(triggered) if row.trigger == "manual"]
    assert len(by_hand) == 8
    assert (await clockwork.get(edited)).version == 9


async def test_one_deduplication_key_makes_one_schedule(clockwork: Clockwork) -> None:
    caller, database = clockwork.workshop.caller, clockwork.workshop.database

    async def upsert(number: int) -> object:
        definition = Definition(
            name="same" if number < 8 else "other",
            schedule_type=ScheduleType.CRON,
            schedule_expression="0 9 * * *",
            action_type=ActionType.LOG_EVENT,
            action_config={},
        )
        draft = Draft(definition, deduplication_key="key")
        async with database.tenant(caller.tenant_id) as tx:
            return await schedules.create_schedule(tx, clockwork.context, caller, draft, now=NOW)

    made = await together(*(lambda number=number: upsert(number) for number in range(8)))
    answers = [one for one in made if isinstance(one, schedules.Made)]
    assert len(answers) == 8
    assert len({one.schedule.id for one in answers}) == 1
    assert [one.existed for one in answers].count(False) == 1
    [refused] = await together(lambda: upsert(8))
    assert isinstance(refused, Conflict)


async def test_a_run_that_ends_while_its_schedule_is_deleted_ends_its_firing(
    clockwork: Clockwork,
) -> None:
    made = [await clockwork.make(now=0.5, schedule_expression="* * * * *") for _ in range(10)]
    await clockwork.tick(1)
    several = tickers(clockwork)
    for schedule in made:
        [firing] = await clockwork.firings(schedule)
        run = await clockwork.workshop.begin(await clockwork.run_of(firing))
        results = await together(
            lambda run=run: clockwork.workshop.end(run),
            lambda schedule=schedule: clockwork.delete(schedule, now=1.5),
            ticking(several[0], 1.5),
        )
        assert not any(isinstance(found, BaseException) for found in results), results
    await clockwork.tick(2)
    for schedule in made:
        [firing] = await clockwork.firings(schedule)
        assert (firing.status, firing.phase) == (FiringStatus.SUCCEEDED, None)


async def test_a_deletion_and_an_edit_do_not_bring_a_schedule_back(clockwork: Clockwork) -> None:
    made = [
        await clockwork.make(now=0.5, schedule_expression="* * * * *", **LOGS) for _ in range(8)
    ]
    several = tickers(clockwork)
    for schedule in made:
        edit, deletion, *_ = await together(
            lambda schedule=schedule: clockwork.change(schedule, now=1, name="other"),
            lambda schedule=schedule: clockwork.delete(schedule, now=1),
            ticking(several[0], 1),
        )
        assert deletion is None
        assert not isinstance(edit, BaseException) or isinstance(edit, NotFound)
    await clockwork.tick(5)
    for schedule in made:
        assert await books(clockwork, schedule) == Counter([1])
