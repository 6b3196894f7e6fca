"""Processes of the simulation: coroutines that are moved on one step at a time, and can die.

A step ends at each call of the store, before it does anything. So whatever two processes do can
come in every order, and each can be killed, or stopped for a while, between any two writes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from datetime import datetime
from types import coroutine
from typing import Any


class Killed(BaseException):
    """The process is gone. No `except Exception` sees it."""


class Violation(BaseException):
    """What must never be was seen. No `except Exception` swallows it."""


@coroutine
def step(until: Callable[[], bool] | None = None) -> Generator[Callable[[], bool] | None]:
    """Ends the step. The next one comes when `until` holds, if that is given."""
    yield until


@dataclass
class Actor:
    """One process's work of the moment. `sleeps_until`: it is stopped, and does not know."""

    name: str
    work: Coroutine[Any, Any, None]
    steps: int = 0
    sleeps_until: datetime | None = None
    waits: Callable[[], bool] | None = None
    is_over: bool = False

    def is_ready(self, now: datetime) -> bool:
        """Whether it can be moved on."""
        awake = self.sleeps_until is None or self.sleeps_until <= now
        return awake and (self.waits is None or self.waits())

    def move(self) -> None:
        """One step."""
        self.steps += 1
        self.sleeps_until = None
        try:
            self.waits = self.work.send(None)
        except StopIteration:
            self.is_over = True

    def kill(self) -> None:
        """It does not get any further; its transaction is undone."""
        try:
            self.work.throw(Killed())
        except Killed:
            self.is_over = True
        else:
            raise Violation(f"{self.name} survived its death")


def finish(work: Awaitable[None]) -> None:
    """Moves one on to its end, alone."""
    actor = Actor("alone", _run(work))
    while not actor.is_over:
        actor.move()


async def _run(work: Awaitable[None]) -> None:
    await work
