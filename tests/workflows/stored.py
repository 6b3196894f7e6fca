"""Workflows that stand in the database, and those who work on them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from factories import NOW, administrator_of, make_tenant
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity.installation import NewTenant
from treadle.identity.model import Principal
from treadle.workflows import definitions
from treadle.workflows.faults import Fault
from treadle.workflows.step_configs.trigger import ScheduleConfig
from treadle.workflows.versions import Version, WorkflowDraft
from workflows.making import Note, step, transform, ways

TRIGGER = step("t", "request")


def any_schedule(_: ScheduleConfig) -> Sequence[Fault]:
    """Finds nothing wrong: what the scheduling domain says is told by its own tests."""
    return ()


def draft(
    *steps: Note, trigger: Note = TRIGGER, connections: list[Note] | None = None, **more: Any
) -> WorkflowDraft:
    """A draft whose steps follow one another, after a trigger."""
    notes = [trigger, *(steps or [transform("a", {"n": 1})])]
    joined = ways(" ".join(note["id"] for note in notes)) if connections is None else connections
    return WorkflowDraft(name=more.pop("name", "orders"), steps=notes, connections=joined, **more)


@dataclass
class Bench:
    """A tenant, and what its administrator does with workflows."""

    database: Database
    tenant: NewTenant
    caller: Principal

    @asynccontextmanager
    async def tx(self) -> AsyncGenerator[Transaction]:
        async with self.database.tenant(self.tenant.tenant.id) as tx:
            yield tx

    async def create(self, made: WorkflowDraft | None = None) -> Version:
        async with self.tx() as tx:
            return await definitions.create_workflow(
                tx, self.caller, made or draft(), check_schedule=any_schedule, now=NOW
            )

    async def save(self, version: Version, said: WorkflowDraft) -> Version:
        async with self.tx() as tx:
            return await definitions.save_version(
                tx,
                self.caller,
                version.workflow_id,
                version.number,
                said,
                check_schedule=any_schedule,
                now=NOW,
            )

    async def activate(self, version: Version) -> Version:
        async with self.tx() as tx:
            return await definitions.activate_version(
                tx,
                self.caller,
                version.workflow_id,
                version.number,
                check_schedule=any_schedule,
                now=NOW,
            )


async def make_bench(database: Database) -> Bench:
    tenant = await make_tenant(database)
    return Bench(database, tenant, administrator_of(tenant))
