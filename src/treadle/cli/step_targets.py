"""Jobs and workflows that steps name instead of giving their ids, in files. Pure.

The API knows ids alone. In a file the config of a step says `job: Report` instead of `job_id`, and
`workflow: Order` instead of `workflow_id`: what the file has itself has no id before it is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from treadle.cli.targets import Kind, Targets, to_be_made
from treadle.client import Definition

_KINDS: Final[Mapping[Any, Kind]] = {"job": "job", "workflow": "workflow", "map": "workflow"}
"""What a step of this type starts."""


@dataclass(frozen=True, slots=True)
class StepTarget:
    """What a step names. `path` is that of its config, behind `steps`."""

    kind: Kind
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A definition with ids for names. `pending` are the paths of those that are yet to be made,
    as the API tells them.
    """

    definition: Definition
    pending: frozenset[str]


def step_targets(steps: Any, *, place: str) -> list[StepTarget]:
    """All that steps name, those inside maps too. Raises ValueError with the place."""
    found: list[StepTarget] = []
    for path, config, kind in _configs(steps):
        if kind not in config:
            continue
        name = config[kind]
        if not isinstance(name, str) or not name:
            raise ValueError(f"{place}.steps{path}.{kind}: must be the name of a {kind}")
        if f"{kind}_id" in config:
            raise ValueError(f"{place}.steps{path}: give either `{kind}` or `{kind}_id`")
        found.append(StepTarget(kind, name, path))
    return found


def resolve(
    definition: Definition, targets: Targets, *, place: str, made: bool = False
) -> Resolved:
    """The definition as the API takes it. Raises ValueError with the place of a name that nothing
    has; where all must have been `made`, too.
    """
    pending: set[str] = set()
    find = targets.made if made else targets.find

    def id_of(kind: Kind, name: str, path: str) -> str:
        found = find(kind, name, place=f"{place}.steps{path}.{kind}")
        if found is None:
            pending.add(f"workflow_steps{path}.{kind}_id")
            return to_be_made(kind)
        return found

    steps = _with_ids(definition.steps, "", id_of)
    return Resolved(replace(definition, steps=steps), frozenset(pending))


def _configs(steps: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any], Kind]]:
    """The configs of steps that start something; what is no step is for the API to judge."""
    for n, step in enumerate(_list(steps)):
        config, kind = _config(step)
        if config is None or kind is None:
            continue
        here = f"{path}[{n}].config"
        yield here, config, kind
        if step["type"] == "map":
            yield from _configs(config.get("steps"), f"{here}.steps")


def _with_ids(steps: Any, path: str, id_of: Callable[[Kind, str, str], str]) -> list[Any]:
    made: list[Any] = []
    for n, step in enumerate(_list(steps)):
        config, kind = _config(step)
        if config is None or kind is None:
            made.append(step)
            continue
        here = f"{path}[{n}].config"
        told = {name: value for name, value in config.items() if name != kind}
        if kind in config:
            told[f"{kind}_id"] = id_of(kind, config[kind], here)
        if step["type"] == "map" and isinstance(config.get("steps"), list):
            told["steps"] = _with_ids(config["steps"], f"{here}.steps", id_of)
        made.append({**step, "config": told})
    return made


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _config(step: Any) -> tuple[Mapping[str, Any] | None, Kind | None]:
    if not isinstance(step, Mapping):
        return None, None
    found = cast("Mapping[str, Any]", step)
    config, type_ = found.get("config"), found.get("type")
    kind = _KINDS.get(type_) if isinstance(type_, str) else None
    return (cast("Mapping[str, Any]", config) if isinstance(config, Mapping) else None), kind
