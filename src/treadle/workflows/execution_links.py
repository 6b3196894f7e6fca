"""What an execution was started by, and what it has started: for whoever looks at it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from treadle.db.transaction import Transaction
from treadle.workflows import execution_link_store
from treadle.workflows.execution_link_store import ParentRow
from treadle.workflows.run import Entry

MOST_CHILDREN: Final = 500
"""Executions that are told of; a map may have started more."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An execution or a run that an attempt of a step has begun."""

    type: Literal["execution", "run"]
    id: str
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Links:
    """What stands above an execution, and below it."""

    parent: ParentRow | None
    begun: tuple[Begun, ...]


async def links_of(tx: Transaction, execution_id: UUID, events: Iterable[Entry]) -> Links:
    """The links of an execution with this whole event log. Whether the caller may read it is asked
    before. A run that was stopped with the execution is not among them: its end told nobody.
    """
    parent = await execution_link_store.find_parent(tx, execution_id)
    children = await execution_link_store.children_of(tx, execution_id, limit=MOST_CHILDREN)
    runs = await execution_link_store.runs_under_way(tx, execution_id)
    ended = [
        Begun("run", event["run_id"], event["step"], event["attempt"])
        for event in events
        if event["type"] == "job_ended" and event.get("run_id")
    ]
    known = {one.id for one in ended}
    return Links(
        parent,
        (
            *ended,
            *(
                Begun("run", str(one.id), one.step, one.attempt)
                for one in runs
                if str(one.id) not in known
            ),
            *(Begun("execution", str(one.id), one.step, one.attempt) for one in children),
        ),
    )
