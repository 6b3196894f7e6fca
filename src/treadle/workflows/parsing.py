"""A definition and its JSON: `workflow_steps` and `workflow_connections`.

Parsing looks at each step and connection by itself and names every fault with its path; how they
go together is for `validation`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from treadle.core.json import Json
from treadle.workflows.faults import Fault, in_order, joined
from treadle.workflows.limits import (
    MAX_ATTEMPTS,
    MAX_CONNECTIONS,
    MAX_DEFINITION_DEPTH,
    MAX_ERROR_NAMES,
    MAX_EXPRESSION_LENGTH,
    MAX_ID_LENGTH,
    MAX_MAP_NESTING,
    MAX_NAME_LENGTH,
    MAX_SECONDS,
    MAX_STEPS,
)
from treadle.workflows.model import Connection, Definition, Graph, Placing, Retry, Step
from treadle.workflows.step_configs import CONFIGS
from treadle.workflows.step_configs.map import MapConfig
from treadle.workflows.step_configs.shape import StepConfig

STEPS = "workflow_steps"
CONNECTIONS = "workflow_connections"

_Id = Annotated[str, Field(max_length=MAX_ID_LENGTH, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]
_Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
_Errors = Annotated[list[str], Field(max_length=MAX_ERROR_NAMES)]


Wire = TypeVar("Wire", bound=BaseModel)


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Retry(_Wire):
    max_attempts: int = Field(ge=1, le=MAX_ATTEMPTS)
    interval_seconds: float = Field(default=1.0, ge=0, le=MAX_SECONDS)
    backoff_rate: float = Field(default=2.0, ge=1, le=10)
    max_interval_seconds: float = Field(default=3600.0, gt=0, le=MAX_SECONDS)
    jitter: bool = False
    errors: Annotated[list[str], Field(min_length=1, max_length=MAX_ERROR_NAMES)] = ["*"]


class _Result(_Wire):
    mode: Literal["merge", "replace"]
    at: str | None = Field(default=None, max_length=500, pattern=r"^[^.\[\]]+(\.[^.\[\]]+){0,15}$")


class _Step(_Wire):
    id: _Id
    name: str = Field(default="", max_length=MAX_NAME_LENGTH)
    type: str
    config: dict[str, Any] = {}
    retry: _Retry | None = None
    timeout_seconds: _Seconds | None = None
    result: _Result | None = None


class _Connection(_Wire):
    source: _Id = Field(alias="from")
    target: _Id = Field(alias="to")
    when: str | None = Field(default=None, min_length=1, max_length=MAX_EXPRESSION_LENGTH)
    label: str | None = Field(default=None, max_length=MAX_NAME_LENGTH)
    on: Literal["success", "error"] = "success"
    errors: _Errors = []


def parse_definition(steps: Json, connections: Json) -> tuple[Definition | None, list[Fault]]:
    """The definition that the two lists say, or None and all faults in the order of their paths."""
    for name, value in ((STEPS, steps), (CONNECTIONS, connections)):
        if _too_deep(value):
            return None, [Fault(name, f"nests deeper than {MAX_DEFINITION_DEPTH} levels")]
    reader = _Reader()
    graph = reader.graph(steps, connections, STEPS, CONNECTIONS, depth=0)
    return (None, in_order(reader.faults)) if reader.faults else (graph, [])


def to_json(definition: Graph) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The two lists that `parse_definition` reads as this definition."""
    return (
        [_step_json(step) for step in definition.steps],
        [_connection_json(connection) for connection in definition.connections],
    )


class _Reader:
    """One document being read, and its faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._steps_left = MAX_STEPS

    def graph(
        self, steps: Json, connections: Json, steps_path: str, connections_path: str, *, depth: int
    ) -> Graph:
        listed = self._list(steps, steps_path, most=MAX_STEPS)
        self._steps_left -= len(listed)
        if self._steps_left < 0:
            self._fault(steps_path, f"a definition has at most {MAX_STEPS} steps")
            return Graph(())
        if steps == []:
            self._fault(steps_path, "needs at least one step")
        parsed = [self._step(step, f"{steps_path}[{n}]", depth) for n, step in enumerate(listed)]
        ways = self._list(connections, connections_path, most=MAX_CONNECTIONS)
        joining = [self._connection(way, f"{connections_path}[{n}]") for n, way in enumerate(ways)]
        return Graph(tuple(step for step in parsed if step), tuple(way for way in joining if way))

    def _list(self, value: Json, path: str, *, most: int) -> list[Json]:
        if not isinstance(value, list):
            self._fault(path, "must be a list")
            return []
        if len(value) > most:
            self._fault(path, f"has at most {most} entries")
            return []
        return value

    def _step(self, value: Json, path: str, depth: int) -> Step | None:
        wire = self._read(_Step, value, path)
        kind = self._kind(value, path)
        if kind is None or not isinstance(value, dict):
            return None
        given = value.get("config", {})
        config = self._read(kind, given, f"{path}.config") if isinstance(given, dict) else None
        inner = None
        if isinstance(config, MapConfig) and config.steps is not None:
            inner = self._inner(config, path, depth)
        if wire is None or config is None:
            return None
        return Step(
            id=wire.id,
            name=wire.name or wire.id,
            type=wire.type,
            config=config,
            retry=_retry(wire.retry),
            timeout_seconds=wire.timeout_seconds,
            result=Placing(wire.result.mode, wire.result.at or "") if wire.result else None,
            inner=inner,
        )

    def _kind(self, value: Json, path: str) -> type[StepConfig] | None:
        name = value.get("type") if isinstance(value, dict) else None
        if not isinstance(name, str):
            return None  # said by the reading of the step itself
        if name not in CONFIGS:
            self._fault(f"{path}.type", f"must be one of {', '.join(CONFIGS)}")
        return CONFIGS.get(name)

    def _inner(self, config: MapConfig, path: str, depth: int) -> Graph | None:
        if depth >= MAX_MAP_NESTING:
            self._fault(f"{path}.config.steps", f"maps nest at most {MAX_MAP_NESTING} deep")
            return None
        return self.graph(
            config.steps,
            config.connections or [],
            f"{path}.config.steps",
            f"{path}.config.connections",
            depth=depth + 1,
        )

    def _connection(self, value: Json, path: str) -> Connection | None:
        wire = self._read(_Connection, value, path)
        if wire is None:
            return None
        return Connection(
            source=wire.source,
            target=wire.target,
            when=wire.when,
            label=wire.label,
            on_error=wire.on == "error",
            errors=tuple(wire.errors),
        )

    def _read(self, kind: type[Wire], value: Json, path: str) -> Wire | None:
        if not isinstance(value, dict):
            self._fault(path, "must be an object")
            return None
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False):
                self._fault(joined(path, _place(fault["loc"])), _rule(fault["type"], fault["msg"]))
        return None

    def _fault(self, path: str, rule: str) -> None:
        self.faults.append(Fault(path, rule))


def _place(location: tuple[str | int, ...]) -> list[str | int]:
    """Without what the library adds to a place: the key of a map."""
    return [part for part in location if part != "[key]"]


def _rule(kind: str, message: str) -> str:
    if kind in ("model_type", "dict_type"):
        return "must be an object"
    if kind == "extra_forbidden":
        return "there is no such field"
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _too_deep(value: Json) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEFINITION_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def _retry(wire: _Retry | None) -> Retry | None:
    if wire is None:
        return None
    return Retry(
        max_attempts=wire.max_attempts,
        interval_seconds=wire.interval_seconds,
        backoff_rate=wire.backoff_rate,
        max_interval_seconds=wire.max_interval_seconds,
        jitter=wire.jitter,
        errors=tuple(wire.errors),
    )


def _step_json(step: Step) -> dict[str, Any]:
    written: dict[str, Any] = {"id": step.id, "name": step.name, "type": step.type}
    config: StepConfig = step.config
    written["config"] = config.written()
    if step.retry:
        retry = step.retry
        written["retry"] = {
            "max_attempts": retry.max_attempts,
            "interval_seconds": retry.interval_seconds,
            "backoff_rate": retry.backoff_rate,
            "max_interval_seconds": retry.max_interval_seconds,
            "jitter": retry.jitter,
            "errors": list(retry.errors),
        }
    if step.timeout_seconds is not None:
        written["timeout_seconds"] = step.timeout_seconds
    if step.result:
        placing = step.result
        written["result"] = {"mode": placing.mode, **({"at": placing.at} if placing.at else {})}
    return written


def _connection_json(connection: Connection) -> dict[str, Any]:
    written: dict[str, Any] = {"from": connection.source, "to": connection.target}
    if connection.when is not None:
        written["when"] = connection.when
    if connection.label is not None:
        written["label"] = connection.label
    if connection.on_error:
        written["on"] = "error"
    if connection.errors:
        written["errors"] = list(connection.errors)
    return written
