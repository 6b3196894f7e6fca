"""From how a sandbox ended to the outcome of its run. What the code said is read with distrust."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

from treadle.core import json
from treadle.core.errors import BadInput, NotFound
from treadle.sandbox.control import Reports
from treadle.sandbox.inside import treadle_harness as harness
from treadle.sandbox.model import Command, FunctionEntry, Limits, Outcome, Reason
from treadle.sandbox.output import open_output

_SIGNAL_REASONS: dict[int, Reason] = {
    signal.SIGKILL: "killed",
    signal.SIGXCPU: "cpu",
    signal.SIGXFSZ: "disk",
}
_REASON_TEXTS: dict[Reason, str] = {
    "timeout": "the run took longer than it may",
    "stopped": "the run was stopped",
    "memory": "the run used more memory than it may",
    "processes": "the run had more processes than it may",
    "disk": "the run wrote more to the disk than it may",
    "cpu": "the run used more processor time than it may",
    "killed": "the run was killed from outside, perhaps because the machine ran out of memory",
    "bad_result": "the run sent more than a result can be",
}


def outcome_of(
    command: Command,
    limits: Limits,
    *,
    reason: Reason | None,
    reports: Reports,
    cpu_seconds: float,
    max_memory_bytes: int,
) -> Outcome:
    """The outcome of an ended run. `reason`: why the host stopped it, None if it did not."""
    base = Outcome(kind="finished", cpu_seconds=cpu_seconds, max_memory_bytes=max_memory_bytes)
    if reports.ended is not None:
        code = os.waitstatus_to_exitcode(reports.ended.status)
        base = replace(base, exit_code=code) if code >= 0 else replace(base, signal=-code)
        if reason is None and base.signal in _SIGNAL_REASONS:
            reason = _SIGNAL_REASONS[base.signal]
    elif reason is None:
        reason = "killed"
    if reason is not None or reports.too_large:
        return _stopped(base, reason or "bad_result")
    if base.exit_code != 0:
        return _own_fault(base, reports.document)
    try:
        if isinstance(command.entry, FunctionEntry):
            return replace(base, result=_returned(reports.document))
        return replace(base, result=_left_behind(command, limits))
    except BadInput as error:
        return replace(base, kind="error", reason="bad_result", error=error.message)


def _stopped(base: Outcome, reason: Reason) -> Outcome:
    kind = "error" if reason == "bad_result" else "failed"
    return replace(base, kind=kind, reason=reason, error=_REASON_TEXTS[reason])


def _own_fault(base: Outcome, document: bytes | None) -> Outcome:
    """The exception that the harness told of; without one, the exit code or the signal."""
    said = _read_document(document)
    kind, text = said.get("error_type"), said.get("error")
    if isinstance(kind, str) and isinstance(text, str):
        reason: Reason | None = "bad_result" if said.get("bad_result") is True else None
        text = text[: harness.ERROR_CHARACTERS]
        return replace(base, kind="error", reason=reason, error_type=kind[:200], error=text)
    if base.signal is not None:
        return replace(base, kind="error", error=f"ended by {_signal_name(base.signal)}")
    return replace(base, kind="error", error=f"ended with exit code {base.exit_code}")


def _returned(document: bytes | None) -> json.Json:
    """What the function returned; None where it ended the program with success instead."""
    if document is None:
        return None
    said = json.parse(document, what="the result", max_depth=json.MAX_DEPTH + 1)
    if not isinstance(said, dict) or "result" not in said:
        raise BadInput("the run sent no result")
    return said["result"]


def _left_behind(command: Command, limits: Limits) -> json.Json:
    """What a script wrote to the file that TREADLE_RESULT names; None where it wrote none."""
    try:
        file = open_output(command.work_dir, harness.RESULT_NAME)
    except NotFound:
        return None
    with file:
        text = file.read(limits.result_bytes + 1)
    if len(text) > limits.result_bytes:
        raise BadInput(f"the result file is larger than {limits.result_bytes:,} bytes")
    return json.parse(text, what="the result file")


def _read_document(document: bytes | None) -> dict[str, Any]:
    if document is None:
        return {}
    try:
        said = json.parse(document)
    except BadInput:
        return {}
    return said if isinstance(said, dict) else {}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
