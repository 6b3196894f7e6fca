"""An execution's state from its event log.

The log holds whole what came from outside (`received`), with its instant; everything else in it
follows from that. So telling the received entries again, in order, gives the same state and the
same log: a definition never changes under its version.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from treadle.workflows.compiled import Workflow
from treadle.workflows.events import event_from_json
from treadle.workflows.machine import Transition, advance, start
from treadle.workflows.recorded import recorded_from_json
from treadle.workflows.run import Entry
from treadle.workflows.state import State


def replay(workflow: Workflow, log: Iterable[Entry]) -> tuple[State, list[Entry]]:
    """The state after `log`, and the log that it writes on the way, which equals `log`.

    Raises ValueError for a log that doesn't begin with the start of an execution.
    """
    state: State | None = None
    written: list[Entry] = []
    for entry in log:
        if not entry.get("received"):
            continue
        transition = _told(workflow, state, entry)
        state = transition.state
        written += transition.log
    if state is None:
        raise ValueError("the log is empty")
    return state, written


def _told(workflow: Workflow, state: State | None, entry: Entry) -> Transition:
    now = datetime.fromtimestamp(entry["at"] / 1000, UTC)
    if entry["type"] == "execution_started":
        recorded = entry.get("recorded")
        return start(
            workflow,
            execution=entry["execution"],
            payload=entry["input"],
            now=now,
            recorded=recorded_from_json(recorded) if recorded is not None else None,
            seq=entry["seq"] - 1,
            later=entry.get("later", False),
        )
    if state is None:
        raise ValueError("the log doesn't begin with the start of an execution")
    return advance(workflow, state, event_from_json(entry["type"], entry), now=now)
