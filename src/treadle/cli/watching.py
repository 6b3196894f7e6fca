"""Runs and executions, watched until they end."""

from __future__ import annotations

from typing import Annotated

import typer

from treadle.cli.printing import cell, print_json
from treadle.client import (
    ExecutionEvent,
    ExecutionFailed,
    ExecutionHandle,
    ExecutionTerminated,
    RunFailed,
    RunHandle,
)

Timeout = Annotated[
    float | None, typer.Option(help="Seconds to wait at most; it goes on, the code is 124.")
]


def watch(run: RunHandle, *, follow: bool, timeout: float | None, as_json: bool) -> None:
    """Waits until the run has ended; its log goes to standard error where the result goes to
    standard output. Raises RunFailed, WaitTimeout.
    """
    if follow:
        for text in run.follow():
            typer.echo(text, nl=False, err=as_json)
    ended = run.wait(timeout)
    if as_json:
        print_json({**ended.raw, "result": run.output().result})
    elif ended.succeeded:
        typer.echo(f"{ended.id} {ended.status}", err=True)
    if not ended.succeeded:
        raise RunFailed(ended)


def watch_execution(
    execution: ExecutionHandle, *, follow: bool, timeout: float | None, as_json: bool
) -> None:
    """Waits until the execution is over, and prints its output; its events go to standard error.
    Raises ExecutionFailed, ExecutionTerminated, WaitTimeout.
    """
    if follow and timeout is not None:
        raise ValueError("--timeout goes with --wait: --follow goes on until the end")
    if follow:
        for event in execution.follow():
            typer.echo(_line(event), err=True)
    ended = execution.wait(timeout)
    if as_json:
        print_json(ended.raw)
    elif ended.succeeded:
        print_json(ended.output)
        typer.echo(f"{ended.id} {ended.status}", err=True)
    if ended.status == "Terminated":
        raise ExecutionTerminated(ended)
    if not ended.succeeded:
        raise ExecutionFailed(ended)


def _line(event: ExecutionEvent) -> str:
    if event.status is not None:
        return event.status
    parts = (cell(event.at), event.type, event.step or "")
    return "  ".join(part for part in parts if part)
