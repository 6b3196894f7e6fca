"""Writes what advances brought, many of them with a handful of statements, in one transaction: rows
and logs, what is asked of the world and what is not asked any more, timers, queue entries, hints.

Who was slower than another writes nothing. The transaction may be a tenant's or the system's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from treadle.core.json import dump
from treadle.db.transaction import Transaction
from treadle.engine.live import CHANNEL, message
from treadle.engine.queue import Entry, submit_entries
from treadle.engine.timers import Timer, cancel_timers, set_timers
from treadle.workflows import advance_store, effect_store
from treadle.workflows.advance_store import Moved, Turn
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_store import NewEffect
from treadle.workflows.effects import (
    AwaitResponse,
    Cancel,
    Effect,
    StartJob,
    StartStep,
    StartWorkflow,
)
from treadle.workflows.events import ChildEnded, TerminateRequested, event_to_json
from treadle.workflows.execution_model import Advanced, Key, Status
from treadle.workflows.queueing import (
    ADVANCE,
    CANCELLED,
    EFFECTS,
    FUNCTIONS,
    EffectKey,
    Errand,
    advances,
    topics_of,
)

_SOON: Final = timedelta(minutes=1)
"""A timer that is due so soon is set anew with each write: the one before may have gone to the
queue already, by the clock of a process that is a little ahead of ours."""


@dataclass(slots=True)
class _Orders:
    """What follows from advances, gathered over all of them."""

    new: list[NewEffect] = field(default_factory=list[NewEffect])
    gone: list[tuple[Key, str, int]] = field(default_factory=list[tuple[Key, str, int]])
    entries: list[Entry] = field(default_factory=list[Entry])
    told: list[tuple[Key, str, bytes]] = field(default_factory=list[tuple[Key, str, bytes]])
    forward: list[Key] = field(default_factory=list[Key])
    ended: list[Advanced] = field(default_factory=list[Advanced])


async def write_advances(
    tx: Transaction, context: WorkflowsContext, advanced: Sequence[Advanced], turn: Turn
) -> set[UUID]:
    """The ids of the executions that were written; somebody else was faster with the others."""
    written = await advance_store.write(tx, [moved(one) for one in advanced], turn)
    ours: Sequence[Advanced] = advanced
    if len(written) < len(advanced):
        ours = [one for one in advanced if one.row.id in written]
    await follow(tx, context, ours, now=turn.now)
    await hint(tx, written)
    return written


async def follow(
    tx: Transaction,
    context: WorkflowsContext,
    ours: Sequence[Advanced],
    *,
    forward: Sequence[Key] = (),
    now: datetime,
) -> None:
    """What follows from advances whose rows are written: what they ask, timers, entries. `forward`
    are others that are to be taken forward.
    """
    orders = _Orders(forward=list(forward))
    for one in ours:
        _order(orders, one)
    await advance_store.forget_told(tx, [id_ for one in ours for id_ in one.told])
    await _follow_cancels(tx, orders)
    await effect_store.insert_effects(tx, orders.new, now=now)
    await _end(tx, context, orders)
    await advance_store.tell(tx, orders.told)
    await _set_timers(tx, ours, now)
    await submit_entries(
        tx, [*orders.entries, *advances(orders.forward)], bound=context.queue_bound
    )


async def hint(tx: Transaction, execution_ids: Iterable[UUID], *more: str) -> None:
    """Tells whoever watches these executions to look again, once this is committed."""
    topics = sorted({*topics_of(execution_ids), *more})
    if topics:
        await tx.execute(
            "SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text",
            CHANNEL,
            [message(topic) for topic in topics],
        )


def moved(one: Advanced) -> Moved:
    """The columns of an execution that has moved."""
    row, state = one.row, one.state
    error: dict[str, str] = state.error or {}
    return Moved(
        id=row.id,
        tenant_id=row.tenant_id,
        revision=row.revision,
        status=state.status,
        current=state.current,
        seq=state.seq,
        wake_at=state.wake_at,
        state=one.stored,
        output=one.output,
        error_name=_storable(error.get("name")),
        error_message=_storable(error.get("message")),
        error_step=error.get("step"),
        resumed=state.resumed,
        entries=dump(one.log) if one.log else None,
    )


def _storable(text: str | None) -> str | None:
    """PostgreSQL's text holds every character but NUL, and UTF-8 no lone surrogates."""
    if text is None:
        return None
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _order(orders: _Orders, one: Advanced) -> None:
    """Sorts out what an advance asks for. What it asked and took back itself was never asked."""
    key = one.row.key
    asked: dict[tuple[str, int], Effect] = {}
    for effect in one.effects:
        match effect:
            case Cancel():
                if asked.pop((effect.step, effect.attempt), None) is None:
                    orders.gone.append((key, effect.step, effect.attempt))
            case StartStep() | StartJob() | StartWorkflow() | AwaitResponse():
                asked[effect.step, effect.attempt] = effect
            case _:
                pass  # how it ended stands in the row
    for effect in asked.values():
        _ask(orders, key, effect)
    # An answer ends a wait that nobody carries out.
    orders.gone += [
        (key, entry["step"], entry["attempt"]) for entry in one.log if entry["type"] == "resumed"
    ]
    if one.again:
        orders.forward.append(key)
    if one.state.status.over:
        orders.ended.append(one)


def _ask(orders: _Orders, key: Key, effect: Effect) -> None:
    lane: str | None = EFFECTS
    match effect:
        case StartStep():
            kind, lane = effect.type, FUNCTIONS if effect.type == "function" else EFFECTS
            request: dict[str, Any] = {"config": effect.config, "timeout_ms": effect.timeout_ms}
        case StartJob():
            kind, request = "job", {"config": effect.config}
        case StartWorkflow():
            kind, request = "workflow", {"config": effect.config, "wait": effect.wait}
        case AwaitResponse():
            kind, lane = "wait_for_response", None if effect.send is None else EFFECTS
            request = {"send": effect.send, "form": effect.form, "due": effect.due}
        case _:
            return
    stored = dump({**request, "key": effect.key})
    orders.new.append(NewEffect(*key, effect.step, effect.attempt, kind, stored))
    if lane is not None:
        of = EffectKey(key[1], effect.step, effect.attempt)
        orders.entries.append(of.entry(key[0], lane))


async def _follow_cancels(tx: Transaction, orders: _Orders) -> None:
    """What had been begun for what nobody waits for any more is stopped, if that can be done."""
    under_way: list[UUID] = []
    for gone in await effect_store.delete_effects(tx, orders.gone):
        if gone.type == "job" and gone.target_id is not None:
            orders.entries.append(Errand.STOP_RUN.entry(gone.tenant_id, gone.target_id))
        elif gone.type == "workflow" and gone.target_id is not None:
            child = (gone.tenant_id, gone.target_id)
            event = TerminateRequested("nobody waits for it any more")
            orders.told.append((child, event.type, dump(event_to_json(event))))
            orders.forward.append(child)
        elif gone.claim:
            under_way.append(gone.execution_id)
    if under_way:
        await hint(tx, (), CANCELLED)


async def _end(tx: Transaction, context: WorkflowsContext, orders: _Orders) -> None:
    """Tells of those that came to their end whoever waits for it."""
    waited_for: list[tuple[Key, str, int]] = []
    ends = [one.state.status for one in orders.ended]
    tx.after_commit(partial(_count, context, ends))
    for one in orders.ended:
        row, state = one.row, one.state
        if row.origin is not None:
            orders.entries.append(Errand.TELL_ORIGIN.entry(row.tenant_id, row.id))
        if row.parent_execution_id is None or row.parent_step is None:
            continue
        parent = (row.tenant_id, row.parent_execution_id)
        error: dict[str, str] = state.error or {}
        event = ChildEnded(
            row.parent_step,
            row.parent_attempt or 1,
            state.status.value,
            output=state.output,
            message=": ".join(filter(None, (error.get("name"), error.get("message")))),
        )
        orders.told.append((parent, event.type, dump(event_to_json(event))))
        waited_for.append((parent, row.parent_step, row.parent_attempt or 1))
        orders.forward.append(parent)
    await effect_store.delete_effects(tx, waited_for)
    named = [one.row.key for one in orders.ended if one.row.process_id is not None]
    await advance_store.release_process_ids(tx, named)


def _count(context: WorkflowsContext, ends: Sequence[Status]) -> None:
    for status in ends:
        context.count_end(status)


async def _set_timers(tx: Transaction, ours: Sequence[Advanced], now: datetime) -> None:
    wanted: list[Timer] = []
    unwanted: list[tuple[UUID, str]] = []
    for one in ours:
        row, wake_at = one.row, one.state.wake_at
        if wake_at is None:
            if row.wake_at is not None:
                unwanted.append((row.tenant_id, str(row.id)))
        elif wake_at != row.wake_at or wake_at < now + _SOON:
            wanted.append(timer_of(row.key, wake_at))
    await set_timers(tx, wanted)
    await cancel_timers(tx, ADVANCE, unwanted)


def timer_of(key: Key, wake_at: datetime) -> Timer:
    """What wakes the execution."""
    tenant_id, execution_id = key
    return Timer(tenant_id, ADVANCE, str(execution_id), wake_at, execution_id.bytes)
