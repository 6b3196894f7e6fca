"""The two lanes of effects: what schedulers carry out, and what needs a worker's sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.sandbox import Limits
from treadle.workflows.carrying_out import EffectLane
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_runners import beginners_of, runners_of
from treadle.workflows.effect_runners.function import FunctionRunner
from treadle.workflows.queueing import EFFECTS, FUNCTIONS

CALLS_AT_ONCE: Final = 50
"""Effects of one process at the same time; most of them wait for somebody else."""


def effects_lane(database: Database, context: WorkflowsContext, hub: LiveHub) -> EffectLane:
    """Calls to other systems; runs and executions that are begun."""
    return EffectLane(
        database,
        context,
        hub,
        name=EFFECTS,
        concurrency=CALLS_AT_ONCE,
        runners=runners_of(database, context),
        beginners=beginners_of(context),
    )


def functions_lane(
    database: Database,
    context: WorkflowsContext,
    hub: LiveHub,
    *,
    limits: Limits,
    folder: Path,
    concurrency: int,
) -> EffectLane:
    """Functions, in sandboxes of this machine whose folders stand in `folder`."""
    return EffectLane(
        database,
        context,
        hub,
        name=FUNCTIONS,
        concurrency=concurrency,
        runners={"function": FunctionRunner(limits=limits, folder=folder)},
    )
