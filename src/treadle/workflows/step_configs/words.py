"""What people are told of each step type, and a config to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Words:
    """`about` is one sentence. A text of `example` that is empty is for the reader to choose."""

    title: str
    about: str
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])


WORDS: Final[dict[str, Words]] = {
    "request": Words(
        "Request", "A call of the API, a schedule or another workflow starts the execution."
    ),
    "schedule": Words(
        "Schedule",
        "The workflow starts by itself when it is due.",
        {"schedule_expression": "0 7 * * 1-5", "timezone": "UTC"},
    ),
    "http": Words(
        "HTTP request",
        "Calls another system, and can read all pages of a list.",
        {"method": "GET", "url": "https://example.com/orders"},
    ),
    "function": Words(
        "Python function",
        "Runs a piece of Python in the sandbox of jobs, without network.",
        {"code": 'def main(input):\n    return {"seen": input}\n', "input": "${payload}"},
    ),
    "job": Words(
        "Job", "Runs a job and waits for its result.", {"job_id": "", "input": "${payload}"}
    ),
    "workflow": Words(
        "Workflow",
        "Starts another workflow, and waits for its output.",
        {"workflow_id": "", "payload": "${payload}"},
    ),
    "transform": Words(
        "Transform",
        "Makes a new payload.",
        {"mode": "merge", "value": {"note": "${payload.name}"}},
    ),
    "condition": Words("Condition", "Goes on by yes or by no.", {"when": "payload.total > 1000"}),
    "branch": Words(
        "Branch",
        "Goes on by the connection that is labelled with a value.",
        {"value": "payload.kind"},
    ),
    "wait": Words("Wait", "Until some time has passed, or an instant has come.", {"seconds": 60}),
    "wait_for_response": Words(
        "Wait for a response", "Until somebody answers.", {"timeout_seconds": 86400}
    ),
    "map": Words(
        "For each",
        "Does the same for every item of a list.",
        {
            "items": "payload.items",
            "steps": [{"id": "item", "type": "transform", "config": {"value": "${item}"}}],
            "connections": [],
        },
    ),
    "join": Words("Join", "Brings branches together.", {"mode": "all"}),
    "terminate": Words(
        "End", "Ends the execution, or, within a map, the item.", {"status": "succeeded"}
    ),
}
