"""What schedulers and workers take from the queue, and how their handlers end with the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from treadle.api.context import AppContext
from treadle.engine.lanes import Lane
from treadle.engine.queue import Entry
from treadle.engine.supervisor import Supervisor
from treadle.foundation import Report
from treadle.schedules.calls import Calls
from treadle.workers import WorkerParts, run_limits
from treadle.workflows.advancing import Advancer
from treadle.workflows.carrying_out import EffectLane
from treadle.workflows.effect_lanes import effects_lane, functions_lane
from treadle.workflows.errands import Errands


@dataclass(frozen=True, slots=True)
class Consumed:
    """Lanes, and what carries out the effects that some of them bring."""

    lanes: Sequence[Lane]
    effects: EffectLane


def consumed_by_scheduler(context: AppContext) -> Consumed:
    """What needs no sandbox: calls of schedules, and all of workflows but their functions."""
    database, workflows = context.database, context.workflows
    effects = effects_lane(database, workflows, context.live)
    calls = Calls(database, context.integrations)
    lanes = [
        calls.lane(),
        Advancer(database, workflows).lane(),
        Errands(database, workflows).lane(),
        effects.start(),
    ]
    return Consumed(lanes, effects)


async def consumed_by_worker(context: AppContext, parts: WorkerParts, folder: Path) -> Consumed:
    """Runs of the worker's destination, and functions of workflows."""
    settings = context.settings
    effects = functions_lane(
        context.database,
        context.workflows,
        context.live,
        limits=run_limits(settings),
        folder=folder,
        concurrency=settings.worker_concurrency,
    )
    return Consumed([await parts.worker.start(), effects.start()], effects)


class Handlers:
    """Handlers whose running calls can be cut short."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    def of(self, lane: Lane) -> Lane:
        """The lane, whose calls are remembered as long as they run."""
        return replace(lane, handler=self._remembering(lane.handler))

    def _remembering(
        self, handler: Callable[[Entry], Awaitable[None]]
    ) -> Callable[[Entry], Awaitable[None]]:
        async def handle(entry: Entry) -> None:
            task = asyncio.current_task()
            if task is None:
                raise RuntimeError("a handler runs in a task")
            self._running.add(task)
            try:
                await handler(entry)
            finally:
                self._running.discard(task)

        return handle

    def cancel_all(self, hurried: asyncio.Task[object]) -> None:
        """What runs is handed back now, if it was hurried and not just no longer waited for."""
        if not hurried.cancelled():
            for task in tuple(self._running):
                task.cancel("stop now")

    async def drain(
        self,
        supervisor: Supervisor,
        *,
        grace_seconds: float,
        hurried: asyncio.Event,
        report: Report,
    ) -> None:
        """Ends the lanes; a second signal takes the rest of the grace from what still runs."""
        running = sum(supervisor.handling.values())
        if running:
            text = f"{running} running; they have {grace_seconds:g} s (a second signal ends them)"
            report(text)
        waiting = asyncio.create_task(hurried.wait())
        waiting.add_done_callback(self.cancel_all)
        try:
            await supervisor.stop(grace_seconds=grace_seconds)
        finally:
            waiting.cancel()
