"""One file a kind of effect: how it is carried out. `runners_of` and `beginners_of` name them."""

from __future__ import annotations

from collections.abc import Mapping

from treadle.db.database import Database
from treadle.workflows.carrying_out import Beginner, Runner
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_runners.http import HttpRunner
from treadle.workflows.effect_runners.job import JobBeginner
from treadle.workflows.effect_runners.response import ResponseRunner
from treadle.workflows.effect_runners.workflow import WorkflowBeginner


def runners_of(database: Database, context: WorkflowsContext) -> Mapping[str, Runner]:
    """What leaves the house."""
    return {
        "http": HttpRunner(database, context),
        "wait_for_response": ResponseRunner(database, context),
    }


def beginners_of(context: WorkflowsContext) -> Mapping[str, Beginner]:
    """What is begun within the house, in a transaction."""
    return {"job": JobBeginner(context), "workflow": WorkflowBeginner(context)}
