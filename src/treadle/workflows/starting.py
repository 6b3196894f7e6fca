"""Executions started: by callers, all or none; and on behalf of others, each for itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.json import Json
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.workflows import executions
from treadle.workflows.checking import faulty
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.definitions import version_for_caller, version_to_start
from treadle.workflows.execution_model import StartedBy
from treadle.workflows.executions import Start
from treadle.workflows.faults import Fault
from treadle.workflows.schemas import payload_faults
from treadle.workflows.versions import Startable, TriggerType


async def start_for_caller(  # noqa: PLR0917 - who wants what
    tx: Transaction,
    context: WorkflowsContext,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    payloads: Sequence[Json],
    *,
    is_named: bool,
    path: str = "",
    now: datetime,
) -> list[UUID]:
    """The ids of the executions, one a payload. Without a named version it is the latest ACTIVE
    one. `path` is where the payloads stand in the request, if there may be several.

    Raises NotFound, Forbidden, BadInput and Faulty for a payload, and Conflict for a version that
    is not ACTIVE or a process id that names a live execution.
    """
    version = await version_for_caller(tx, caller, workflow_id, meant(number, is_named=is_named))
    faults: list[Fault] = []
    for index, payload in enumerate(payloads):
        faults += faults_of(version, payload, f"{path}[{index}]" if path else "")
    if faults:
        raise faulty(faults)
    return await executions.trigger(
        tx,
        context,
        version,
        [Start(payload, by=caller.ref) for payload in payloads],
        trigger_type=started_by(version),
        now=now,
    )


def meant(number: int | None, *, is_named: bool) -> int | None:
    """The number of the version that a caller means, if he names one: a name that none could have
    is 0, which none has.
    """
    return (number or 0) if is_named else None


def started_by(version: Startable) -> StartedBy:
    """How a start by a caller is told: what a schedule starts by itself was started by hand."""
    by_hand = version.trigger_type is TriggerType.SCHEDULE
    return StartedBy.MANUAL if by_hand else StartedBy.REQUEST


@dataclass(frozen=True, slots=True)
class Order:
    """An execution that is wanted on somebody's behalf, who was asked what he may before.
    `project_id` is where the workflow must be; `origin` is who hears of the execution's end (see
    `WorkflowsContext.on_end`).
    """

    workflow_id: UUID
    number: int | None
    project_id: UUID
    payload: Json
    trigger_type: StartedBy
    origin: str
    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an order starts nothing, for people to read."""

    reason: str


async def start_orders(
    tx: Transaction, context: WorkflowsContext, orders: Sequence[Order], *, now: datetime
) -> list[UUID | Refused]:
    """For each order the id of its execution, or why there is none. Those of one version are
    written together, whatever their number, with a handful of statements.
    """
    versions: dict[tuple[UUID, int | None, UUID], Startable | Refused] = {}
    answers: dict[int, UUID | Refused] = {}
    lots: defaultdict[tuple[UUID, StartedBy], list[int]] = defaultdict(list)
    accepted: dict[UUID, Startable] = {}
    for place, order in enumerate(orders):
        key = (order.workflow_id, order.number, order.project_id)
        if key not in versions:
            versions[key] = await _version(tx, order)
        version = versions[key]
        if isinstance(version, Refused):
            answers[place] = version
        elif refusal := _refusal(version, order):
            answers[place] = refusal
        else:
            accepted[version.id] = version
            lots[version.id, order.trigger_type].append(place)
    for (version_id, _), places in lots.items():
        lot = [orders[place] for place in places]
        started = await _start_lot(tx, context, accepted[version_id], lot, now=now)
        answers.update(zip(places, started, strict=True))
    return [answers[place] for place in range(len(orders))]


async def _version(tx: Transaction, order: Order) -> Startable | Refused:
    try:
        return await version_to_start(
            tx, order.workflow_id, order.number, project_id=order.project_id
        )
    except NotFound:
        return Refused("there is no such workflow in this project any more")
    except Conflict as error:
        return Refused(error.message)


def _refusal(version: Startable, order: Order) -> Refused | None:
    faults = faults_of(version, order.payload)
    if not faults:
        return None
    return Refused(f"the payload is not as the workflow wants it: {faults[0]}")


async def _start_lot(
    tx: Transaction,
    context: WorkflowsContext,
    version: Startable,
    orders: Sequence[Order],
    *,
    now: datetime,
) -> Sequence[UUID | Refused]:
    try:
        async with tx.savepoint():
            return await executions.trigger(
                tx,
                context,
                version,
                [Start(order.payload, origin=order.origin, by=order.by) for order in orders],
                trigger_type=orders[0].trigger_type,
                now=now,
            )
    except (Conflict, BadInput) as error:
        if len(orders) == 1:
            return [Refused(error.message)]
    # One of them is at fault: each alone, so that the others start.
    answers: list[UUID | Refused] = []
    for order in orders:
        answers.extend(await _start_lot(tx, context, version, [order], now=now))
    return answers


def faults_of(version: Startable, payload: Json, path: str = "") -> list[Fault]:
    """How a payload breaks the version's schema."""
    if version.schema is None:
        return []
    return payload_faults(version.schema, payload, path=path)
