"""When a wait is due, from what its config says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from treadle.core.json import Json
from treadle.workflows.cel_values import iso
from treadle.workflows.compiled import CompiledStep
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.limits import MAX_SECONDS


def due_of_wait(
    step: CompiledStep, config: Mapping[str, Any], environment: Mapping[str, Any], now: int
) -> int:
    """When the wait ends, in epoch milliseconds: now, if that is past. Raises ExpressionFailed."""
    if step.until_time is not None:
        return max(now, instant(step.until_time))
    if step.expression is not None:
        return max(now, instant(step.expression.evaluate(environment)))
    return now + milliseconds(config["seconds"], "seconds")


def milliseconds(value: Json, what: str) -> int:
    """A number of seconds, or a text that spells one. Raises ExpressionFailed for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ExpressionFailed(f"{what} is no number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionFailed(f"{what} is no number")
    if not 0 <= value <= MAX_SECONDS:
        raise ExpressionFailed(f"{what} must be between 0 and {MAX_SECONDS}")
    return round(value * 1000)


def instant(value: Json) -> int:
    """Epoch milliseconds of an ISO time; one without an offset is UTC. Raises ExpressionFailed."""
    if not isinstance(value, str):
        raise ExpressionFailed("until must give an ISO time")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ExpressionFailed(f"until is no ISO time: {value[:40]!r}") from None
    return epoch_ms(at if at.tzinfo else at.replace(tzinfo=UTC))


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds of an instant, rounded down."""
    return int(at.timestamp() * 1000)


def iso_of(at: int) -> str:
    """The ISO time of epoch milliseconds."""
    return iso(datetime.fromtimestamp(at / 1000, UTC))
