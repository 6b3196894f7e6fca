"""Where a failed execution can be taken up again: from a step, with what came before it.

It goes on as a new state, on the same version or a newer one, whose first log entry holds all that
was taken over. Attempts go on counting, so that nothing of the old life can be taken for the new.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from treadle.core.errors import BadInput, Conflict
from treadle.core.json import Json
from treadle.workflows.compiled import Workflow
from treadle.workflows.graph import reached_from, ways_of
from treadle.workflows.state import State, Status


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an execution begins with when it doesn't begin at the trigger."""

    steps: tuple[str, ...]
    """The steps to begin with."""
    payload: Json
    outputs: dict[str, dict[str, Json]]
    attempts: dict[str, int]
    arrived: dict[str, dict[str, int]]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "steps": list(self.steps)}


def recorded_from_json(value: dict[str, Any]) -> Recorded:
    """What `Recorded.to_json` wrote."""
    return Recorded(
        steps=tuple(value["steps"]),
        payload=value["payload"],
        outputs=value["outputs"],
        attempts=value["attempts"],
        arrived=value["arrived"],
    )


@dataclass(frozen=True, slots=True)
class EditedPayload:
    """A payload to go on with instead of the recorded one."""

    value: Json


def recorded_from(
    workflow: Workflow,
    state: State,
    *,
    from_step: str | None = None,
    edited: EditedPayload | None = None,
) -> Recorded:
    """What to take over of a failed or terminated execution, to go on under `workflow`.

    Without `from_step` it begins with the step that failed and those that were stopped with it.
    Raises Conflict for an execution that isn't over or has nothing to retry, BadInput for a step
    that the version doesn't have.
    """
    if state.status not in (Status.FAILED, Status.TERMINATED):
        raise Conflict("only a failed or terminated execution can be retried")
    graph = workflow.graph
    known = graph.steps
    if from_step is not None and from_step not in known:
        raise BadInput(f"there is no step {from_step!r} in this version", field="from_step")
    stopped = [step for step in state.frame.stopped if step in known]
    ways = ways_of(workflow.definition)
    if from_step is not None:
        after = reached_from([from_step], ways)
        stopped = [from_step, *(step for step in stopped if step not in after)]
    if not stopped:
        raise Conflict(
            "none of the steps that were stopped is in this version: name one to go on from"
        )
    again = reached_from(stopped, ways)
    frame = state.frame
    # What waits at a join stays, unless its branch is to be gone again.
    arrived = {
        join: {source: n for source, n in counts.items() if source in known and source not in again}
        for join, counts in frame.arrived.items()
        if join in graph.joins
    }
    return Recorded(
        steps=tuple(stopped),
        payload=edited.value if edited is not None else frame.payload,
        outputs={
            id_: out for id_, out in frame.outputs.items() if id_ in known and id_ not in again
        },
        attempts=dict(frame.attempts),
        arrived={join: counts for join, counts in arrived.items() if counts},
    )
