"""The condensed log: of each step what went in, what came out, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from treadle.workflows.run import Entry

Condensed = dict[str, dict[str, Any]]


def condensed_logs(log: Iterable[Entry]) -> Condensed:
    """`{step: {input, output, status, started_on, finished_on, duration_ms, attempts}}`.

    The input is the step's config with its expressions evaluated, the payload before a transform,
    the number of items of a map. A step taken again shows its last time.
    """
    steps: Condensed = {}
    for entry in log:
        step = entry.get("step")
        if step is not None:
            _note(steps, step, entry)
    return steps


def _note(steps: Condensed, step: str, entry: Entry) -> None:
    at = entry["at"]
    match entry["type"]:
        case "execution_started":
            if "recorded" not in entry:
                _finish(steps, step, at, "succeeded", output=entry["input"])
        case "step_started":
            before = steps.get(step)
            again = before is not None and before["status"] == "retrying"
            steps[step] = {
                **_fresh(at),
                **({"started_on": before["started_on"]} if before and again else {}),
                "input": entry.get("input", entry.get("items")),
                "attempts": before["attempts"] + 1 if before and again else 1,
            }
        case "step_retrying":
            steps[step]["status"] = "retrying"
        case "step_failed":
            told = {"name": entry.get("name", ""), "message": entry.get("message", "")}
            _finish(steps, step, at, "failed", error=entry.get("error", told))
        case "step_cancelled":
            _finish(steps, step, at, "cancelled")
        case kind if kind in _OUTPUTS and entry.get("outcome", "Completed") in _GOOD:
            given = {"input": entry["input"]} if "input" in entry else {}
            _finish(steps, step, at, "succeeded", output=entry.get(_OUTPUTS[kind]), **given)
        case _:
            pass


_OUTPUTS = {
    "step_succeeded": "output",
    "resumed": "body",
    "job_ended": "result",
    "child_ended": "output",
}
"""The entries that say that a step has its output, and where in them it is."""

_GOOD = ("Succeeded", "Completed")


def _fresh(at: int) -> dict[str, Any]:
    return {
        "input": None,
        "output": None,
        "status": "running",
        "started_on": at,
        "finished_on": None,
        "duration_ms": None,
        "attempts": 1,
    }


def _finish(steps: Condensed, step: str, at: int, status: str, **more: Any) -> None:
    found = steps.get(step)
    # A light step has no start of its own; one that is over is taken anew, unless a failure follows
    # at once from where its output was to go.
    if found is None or (found["finished_on"] is not None and status == "succeeded"):
        found = steps[step] = _fresh(at)
    found.update(status=status, finished_on=at, duration_ms=at - found["started_on"], **more)
