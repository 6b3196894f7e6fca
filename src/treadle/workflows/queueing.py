"""How executions stand in the engine's queue.

workflows/advance     executions that have something to be told, 16 bytes each, some an entry
workflows/effects     what is asked of other systems and of other domains: see EffectKey
workflows/functions   the steps that run in a sandbox, on workers: see EffectKey
workflows/errands     what follows from an end, in a transaction of the tenant: see Errand
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from treadle.db.rows import id_of
from treadle.engine.queue import Entry
from treadle.workflows.execution_model import Key

ADVANCE: Final = "workflows/advance"
EFFECTS: Final = "workflows/effects"
FUNCTIONS: Final = "workflows/functions"
ERRANDS: Final = "workflows/errands"

TOGETHER: Final = 20
"""Executions in one entry: what a queue costs is paid an entry. A tenant's bound counts entries, so
this is also by how much it lets a tenant go ahead of another."""

CANCELLED: Final = "workflows/cancelled"
"""Hints that a step is not waited for any more that somebody may be carrying out."""

_TOPICS: Final = 64


def topic_of(execution_id: UUID) -> str:
    """What to subscribe to for news of an execution. Some share a topic: thousands that end in a
    second must not be as many notifications.
    """
    return f"executions/{execution_id.bytes[-1] % _TOPICS}"


def topics_of(execution_ids: Iterable[UUID]) -> list[str]:
    """The topics of all of these."""
    return [f"executions/{n}" for n in {id_.bytes[-1] % _TOPICS for id_ in execution_ids}]


def advances(keys: Iterable[Key]) -> list[Entry]:
    """The queue's entries that let these executions be taken forward."""
    by_tenant: dict[UUID, list[bytes]] = {}
    for tenant_id, execution_id in dict.fromkeys(keys):
        by_tenant.setdefault(tenant_id, []).append(execution_id.bytes)
    return [
        Entry(ADVANCE, tenant_id, b"".join(ids[n : n + TOGETHER]))
        for tenant_id, ids in by_tenant.items()
        for n in range(0, len(ids), TOGETHER)
    ]


def executions_in(entry: Entry) -> tuple[UUID, ...]:
    """The executions of an entry of ADVANCE."""
    payload = entry.payload
    return tuple([id_of(payload[n : n + 16]) for n in range(0, len(payload), 16)])


@dataclass(frozen=True, slots=True)
class EffectKey:
    """Which effect of an execution an entry is about."""

    execution_id: UUID
    step: str
    attempt: int

    def entry(self, tenant_id: UUID, lane: str) -> Entry:
        """The queue's entry that lets it be carried out."""
        payload = self.execution_id.bytes + self.attempt.to_bytes(4) + self.step.encode()
        return Entry(lane, tenant_id, payload)

    @classmethod
    def of(cls, payload: bytes) -> EffectKey:
        """The effect that an entry is about."""
        return cls(UUID(bytes=payload[:16]), payload[20:].decode(), int.from_bytes(payload[16:20]))


class Errand(Enum):
    """What is to be done, by the first byte of an entry of ERRANDS; an id follows."""

    TELL_ORIGIN = b"o"
    """The execution has ended that another domain started."""
    STOP_RUN = b"r"
    """Nobody waits for this run of a job any more."""

    def entry(self, tenant_id: UUID, id_: UUID) -> Entry:
        """The queue's entry that lets it be done."""
        return Entry(ERRANDS, tenant_id, self.value + id_.bytes)
