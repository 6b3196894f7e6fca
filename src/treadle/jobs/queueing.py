"""How runs stand in the engine's queue: one lane a destination, the run's id as the payload."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from treadle.db.transaction import Transaction
from treadle.engine.live import publish
from treadle.engine.queue import submit
from treadle.engine.timers import cancel_timer, set_timer
from treadle.jobs.model import Run


def lane_of(destination_id: int) -> str:
    """The lane that the workers of this destination take from."""
    return f"runs/{destination_id}"


def topic_of(run_id: UUID) -> str:
    """What to subscribe to for news of this run."""
    return f"run:{run_id}"


async def enqueue_run(tx: Transaction, run: Run, *, bound: int) -> None:
    """A worker takes the run as soon as its tenant's turn comes."""
    await submit(tx, lane_of(run.destination_id), run.tenant_id, [run.id.bytes], bound=bound)


async def enqueue_run_at(tx: Transaction, run: Run, due_at: datetime) -> None:
    """A worker takes the run from this instant on."""
    await set_timer(
        tx, run.tenant_id, lane_of(run.destination_id), str(run.id), due_at, run.id.bytes
    )


async def forget_timer(tx: Transaction, run: Run) -> None:
    """The run no longer comes back by itself."""
    await cancel_timer(tx, run.tenant_id, lane_of(run.destination_id), str(run.id))


async def announce(tx: Transaction, run_id: UUID, what: str) -> None:
    """Tells whoever watches the run to look again, once this transaction is committed."""
    await publish(tx, topic_of(run_id), what)


STOPS = "runs/stops"
"""What workers subscribe to, to hear of requested stops at once."""


async def announce_stop(tx: Transaction, run_id: UUID) -> None:
    """Wakes the worker that has the run, whichever it is."""
    await publish(tx, STOPS, str(run_id))
