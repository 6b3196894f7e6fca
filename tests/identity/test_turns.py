from __future__ import annotations

import asyncio

import pytest

from treadle.core.errors import TooManyRequests
from treadle.identity.turns import Turns


async def test_no_more_than_allowed_hold_a_turn_and_the_others_follow_in_order() -> None:
    turns = Turns(at_once=2, waiting=10)
    holding = most = 0
    order: list[int] = []

    async def work(number: int) -> None:
        nonlocal holding, most
        async with turns.turn():
            holding += 1
            most = max(most, holding)
            order.append(number)
            await asyncio.sleep(0)
            holding -= 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(number) for number in range(8)))

    assert most == 2
    assert order == list(range(8))


async def test_a_full_line_refuses_and_takes_again_when_it_moved() -> None:
    turns = Turns(at_once=1, waiting=1)
    await turns.take()
    waiting = asyncio.ensure_future(turns.take())
    await asyncio.sleep(0)

    with pytest.raises(TooManyRequests) as refused:
        await turns.take()
    assert refused.value.retry_after_seconds == 1

    turns.give_back()
    async with asyncio.timeout(60):
        await waiting
    again = asyncio.ensure_future(turns.take())
    await asyncio.sleep(0)
    turns.give_back()
    async with asyncio.timeout(60):
        await again


async def test_who_stops_waiting_leaves_the_line() -> None:
    turns = Turns(at_once=1, waiting=1)
    await turns.take()
    waiting = asyncio.ensure_future(turns.take())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    next_one = asyncio.ensure_future(turns.take())
    await asyncio.sleep(0)
    assert not next_one.done()
    turns.give_back()
    async with asyncio.timeout(60):
        await next_one


async def test_a_line_of_nobody_still_gives_the_free_turn() -> None:
    turns = Turns(at_once=1, waiting=0)

    async with turns.turn():
        with pytest.raises(TooManyRequests):
            await turns.take()
    async with turns.turn():
        pass
