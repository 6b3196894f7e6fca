"""Workflows that ask and that fail, and their executions, for the tests of the console."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

from e2e.console.conftest import SECONDS, Treadle, workflow_of

FORM = {
    "type": "object",
    "required": ["approved"],
    "properties": {
        "approved": {"type": "boolean", "title": "Approve the order?"},
        "limit": {"type": "integer", "title": "Limit"},
    },
}
START = {"id": "start", "name": "An order comes in", "type": "request"}
ASK = {
    "id": "ask",
    "name": "Approval",
    "type": "wait_for_response",
    "config": {"timeout_seconds": 86_400, "form": FORM},
}
ASKED = (
    START,
    ASK,
    {"id": "end", "name": "Done", "type": "transform", "config": {"value": "${steps.ask.output}"}},
)
"""Asks, and gives the answer as the output."""
DIVIDED = (
    START,
    {
        "id": "share",
        "name": "Share it",
        "type": "transform",
        "config": {"value": "${12 / payload}"},
    },
    {"id": "end", "name": "Done", "type": "transform", "config": {"value": "${payload + 1}"}},
)
"""Fails with 0 as the payload."""


def flow_of(treadle: Treadle, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A workflow in force, whose steps follow one another."""
    ways = [{"from": one["id"], "to": other["id"]} for one, other in pairwise(steps)]
    said = {"workflow_steps": list(steps), "workflow_connections": ways, **fields}
    return workflow_of(treadle, active=True, **said)


def start(treadle: Treadle, workflow: dict[str, Any], payload: Any = None) -> str:
    """The id of a new execution."""
    path = f"/v1/workflows/triggerworkflow/{workflow['workflow_id']}"
    return treadle.post(path, json=payload)["looply_execution_id"]


def execution_of(treadle: Treadle, execution_id: str) -> dict[str, Any]:
    """The execution as it is now."""
    answer = treadle.admin.get(f"/v1/workflows/executions/{execution_id}")
    assert answer.is_success, answer.text
    return answer.json()["item"]


def reached(treadle: Treadle, execution_id: str, status: str) -> dict[str, Any]:
    """The execution, when it has this status."""
    end = time.monotonic() + SECONDS
    while (found := execution_of(treadle, execution_id))["workflow_status"] != status:
        assert time.monotonic() < end, f"{found['workflow_status']}, not {status}"
        time.sleep(0.05)
    return found
