"""Carrying out what executions ask of the world: claimed, done, and its outcome told, once.

An entry comes again when its process died; then it is done anew, with the same key for the other
side. Whoever claims an effect takes the next number: the outcome is taken of the last claim only,
and while the effect is still asked. So an attempt of a step has one outcome, whoever comes back
when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from treadle.core.clock import Clock, utc_now
from treadle.core.errors import TreadleError
from treadle.core.json import dump
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable
from treadle.db.transaction import Transaction
from treadle.engine.lanes import Lane
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.queue import Entry, submit_entries
from treadle.workflows import advance_store, effect_store
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.events import Event, StepFailed, event_to_json
from treadle.workflows.execution_model import EffectRow, Key
from treadle.workflows.queueing import CANCELLED, EffectKey, advances

log = structlog.get_logger()

INTERNAL: Final = "Internal"
_WRITE_AGAIN_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 5.0
"""Behind every hint that something is not waited for any more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be carried out: `request` is what the step says, `key` what the other side knows
    this attempt by, however often it hears of it.
    """

    effect: EffectRow
    request: dict[str, Any]
    now: datetime

    @property
    def config(self) -> dict[str, Any]:
        return self.request["config"]

    @property
    def key(self) -> str:
        return self.request["key"]

    @property
    def timeout_seconds(self) -> float | None:
        """What the step says; None if it says nothing."""
        timeout_ms: int | None = self.request.get("timeout_ms")
        return None if timeout_ms is None else timeout_ms / 1000

    def failed(self, name: str, message: str) -> StepFailed:
        """The outcome of an attempt that failed."""
        return StepFailed(self.effect.step, self.effect.attempt, name, message)


Runner = Callable[[Asked], Awaitable[Event | None]]
"""Does something outside of any transaction; the outcome, or None where that comes later."""

Beginner = Callable[[Transaction, Asked], Awaitable[UUID | Event]]
"""Begins something of ours in the transaction that notes it: its id, or the outcome if there is one
at once."""


class EffectLane:
    """Carries out the effects of one lane. Any number of processes may."""

    def __init__(
        self,
        database: Database,
        context: WorkflowsContext,
        hub: LiveHub,
        *,
        name: str,
        concurrency: int,
        runners: Mapping[str, Runner],
        beginners: Mapping[str, Beginner] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._context = context
        self._hub = hub
        self._name = name
        self._concurrency = concurrency
        self._runners = runners
        self._beginners = beginners or {}
        self._clock = clock
        self._held: dict[tuple[UUID, str, int], tuple[EffectRow, asyncio.Task[Event | None]]] = {}
        self.loop = Loop(f"cancels:{name}", self._drop, interval_seconds=_LOOK_SECONDS)
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> Lane:
        """Begins to hear of what is not waited for any more; the lane that brings the effects."""
        self._unwatch = self._hub.watch(CANCELLED, self.loop.wake)
        self.loop.start()
        return Lane(self._name, self.handle, concurrency=self._concurrency)

    async def stop(self) -> None:
        """The lane has been stopped before."""
        if self._unwatch is not None:
            self._unwatch()
        await self.loop.stop()

    async def handle(self, entry: Entry) -> None:
        """Carries out one effect, unless it is not asked any more or was begun already."""
        key = EffectKey.of(entry.payload)
        begun = await self._claim(entry.tenant_id, key)
        if begun is None:
            return
        outcome = await self._run(begun)
        if outcome is not None:
            await self._tell(begun.effect, outcome)

    async def _claim(self, tenant_id: UUID, key: EffectKey) -> Asked | None:
        """The effect, if it is to be run; what only has to be begun is begun here."""
        now = self._clock()
        async with self._database.tenant(tenant_id) as tx:
            effect = await effect_store.claim_effect(tx, key)
            if effect is None:
                return None
            asked = Asked(effect, orjson.loads(effect.request), now)
            beginner = self._beginners.get(effect.type)
            if beginner is None:
                return asked
            try:
                async with tx.savepoint():
                    begun = await beginner(tx, asked)
            except TreadleError as error:
                begun = asked.failed(_refused(effect), error.message)
            if isinstance(begun, UUID):
                await effect_store.set_target(tx, effect, begun)
            else:
                await tell_outcome(
                    tx, tenant_id, key, begun, claim=effect.claim, bound=self._context.queue_bound
                )
        return None

    async def _run(self, asked: Asked) -> Event | None:
        effect = asked.effect
        held = (effect.execution_id, effect.step, effect.attempt)
        running = asyncio.ensure_future(self._guarded(asked))
        self._held[held] = (effect, running)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                return None  # dropped: nobody waits for it any more
            running.cancel()
            await asyncio.wait({running})
            raise
        finally:
            self._held.pop(held, None)

    async def _guarded(self, asked: Asked) -> Event | None:
        try:
            return await self._runners[asked.effect.type](asked)
        except DatabaseUnavailable:
            raise
        except TreadleError as error:
            return asked.failed(_refused(asked.effect), error.message)
        except Exception:
            log.exception("effect_failed", **_named(asked.effect))
            return asked.failed(INTERNAL, "the server could not do it; its log says why")

    async def _tell(self, effect: EffectRow, outcome: Event) -> None:
        """Tells until it is told, however long the database is away."""
        key = EffectKey(effect.execution_id, effect.step, effect.attempt)
        while True:
            try:
                async with self._database.tenant(effect.tenant_id) as tx:
                    ours = await tell_outcome(
                        tx,
                        effect.tenant_id,
                        key,
                        outcome,
                        claim=effect.claim,
                        bound=self._context.queue_bound,
                    )
            except DatabaseUnavailable as error:
                log.warning("outcome_not_told", error=str(error), **_named(effect))
                await asyncio.sleep(_WRITE_AGAIN_SECONDS)
                continue
            if not ours:
                log.info("outcome_not_wanted", **_named(effect))
            return

    async def _drop(self) -> None:
        """Stops what is not asked any more, or what somebody else has claimed since."""
        held = dict(self._held)
        if not held:
            return
        asked = [
            ((effect.tenant_id, effect.execution_id), effect.step, effect.attempt, effect.claim)
            for effect, _ in held.values()
        ]
        async with self._database.system() as tx:
            still = await effect_store.still_asked(tx, asked)
        for key, (_, running) in held.items():
            if key not in still:
                running.cancel("not waited for any more")


async def tell_outcome(
    tx: Transaction,
    tenant_id: UUID,
    key: EffectKey,
    outcome: Event,
    *,
    claim: int | None,
    bound: int,
) -> bool:
    """Puts the outcome of an effect into its execution's inbox, if it is still asked. The effect is
    gone then: a second outcome of the same attempt finds none.
    """
    if not await effect_store.end_effect(tx, tenant_id, key, claim=claim):
        return False
    execution: Key = (tenant_id, key.execution_id)
    await advance_store.tell(tx, [(execution, outcome.type, dump(event_to_json(outcome)))])
    await submit_entries(tx, advances([execution]), bound=bound)
    return True


def _refused(effect: EffectRow) -> str:
    """The name of a failure of what could not be begun."""
    kind = {"job": "Job", "workflow": "Workflow", "function": "Function"}.get(effect.type)
    return f"{kind or 'Integration'}.Refused"


def _named(effect: EffectRow) -> dict[str, Any]:
    return {
        "execution": str(effect.execution_id),
        "step": effect.step,
        "attempt": effect.attempt,
    }
