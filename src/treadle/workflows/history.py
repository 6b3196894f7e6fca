"""Executions as callers read them: whole, in lists, counted, and their event logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from treadle.core.buckets import Buckets, Ends
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import Right, projects_among, require_found, require_somewhere
from treadle.workflows import execution_store
from treadle.workflows.execution_model import Execution, ExecutionSummary, Status
from treadle.workflows.run import Entry

MAX_LISTED: Final = 20
"""Entries of its event log that an execution shows in a list."""
_LISTED: Final = ("seq", "at", "type", "step", "attempt", "name", "message", "source", "reason")


async def read(
    tx: Transaction,
    caller: Principal,
    execution_id: UUID | None,
    right: Right = Right.HISTORY_READ,
) -> Execution:
    """The execution, if the caller has this right in its project. Raises NotFound, Forbidden."""
    found = None
    if execution_id is not None:
        found = await execution_store.find_execution(tx, execution_id)
    return require_found(caller, right, found)


async def list_page(
    tx: Transaction,
    caller: Principal,
    *,
    project_id: UUID | None = None,
    workflow_id: UUID | None = None,
    status: Status | None = None,
    beyond: UUID | None = None,
    oldest_first: bool = False,
    limit: int,
) -> list[ExecutionSummary]:
    """Executions that the caller may see, the newest or the oldest first, from after `beyond` on:
    at most `limit`, and one more if there are more.
    """
    reach = require_somewhere(caller, Right.HISTORY_READ)
    return await execution_store.list_executions(
        tx,
        project_ids=projects_among(reach, project_id),
        workflow_id=workflow_id,
        status=status,
        beyond=beyond,
        oldest_first=oldest_first,
        limit=limit + 1,
    )


async def count_ends(
    tx: Transaction, caller: Principal, buckets: Buckets, *, project_id: UUID | None = None
) -> dict[datetime, Ends]:
    """How the executions that the caller may see ended, by the bucket they ended in; as the store
    says.
    """
    reach = require_somewhere(caller, Right.HISTORY_READ)
    return await execution_store.count_ends(
        tx, project_ids=projects_among(reach, project_id), buckets=buckets
    )


async def events_after(tx: Transaction, execution_id: UUID, seq: int = 0) -> list[Entry]:
    """The entries of an execution's event log after this one. Whether the caller may read them is
    asked before.
    """
    return (await events_of(tx, [execution_id], after=seq))[execution_id]


async def events_of(
    tx: Transaction, execution_ids: Sequence[UUID], *, after: int = 0
) -> dict[UUID, list[Entry]]:
    """The event logs of several executions, by their ids."""
    found: dict[UUID, list[Entry]] = {id_: [] for id_ in execution_ids}
    for chunk in await execution_store.read_log(tx, execution_ids, after=after):
        entries: list[Entry] = orjson.loads(chunk.entries)
        found[chunk.execution_id] += [entry for entry in entries if entry["seq"] > after]
    return found


async def last_events(
    tx: Transaction, listed: Sequence[ExecutionSummary]
) -> dict[UUID, list[Entry]]:
    """The last entries of the event logs of executions that the caller sees, at most MAX_LISTED of
    each, without their payloads.
    """
    after = {one.id: max(0, one.seq - MAX_LISTED) for one in listed}
    found: dict[UUID, list[Entry]] = {one.id: [] for one in listed}
    for chunk in await execution_store.read_log_ends(tx, after):
        entries: list[Entry] = orjson.loads(chunk.entries)
        found[chunk.execution_id] += [
            {name: entry[name] for name in _LISTED if name in entry}
            for entry in entries
            if entry["seq"] > after[chunk.execution_id]
        ]
    return found
