"""Definitions of workflows in files: YAML or JSON, in the API's long names or in short ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from treadle.cli.files import read_values
from treadle.cli.step_targets import resolve, step_targets
from treadle.cli.targets import Targets
from treadle.client import Definition, Treadle

_LONG: Final = "workflow_"
NAMES: Final = frozenset({"name", "steps", "connections", "schema", "integrations", "mock_payload"})
"""What a definition says, in short; the API puts `workflow_` before it."""
_KINDS: Final = {"name": str, "steps": list, "connections": list, "integrations": dict}


def read_definition(path: Path, treadle: Treadle) -> Definition:
    """The definition that stands in the file, with the ids of what its steps name. Raises
    ValueError that names the place, OSError.
    """
    definition = definition_of(read_values(path), place=str(path))
    return resolve(definition, Targets(treadle, {}), place=str(path)).definition


def definition_of(value: Any, *, place: str, name: str | None = None) -> Definition:
    """The definition that the value is; `name` where it does not say its own. Further fields of the
    API, such as those of an item that was fetched, are let pass. Raises ValueError.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{place}: must be an object with `name` and `steps`")
    given = dict(cast("Mapping[str, Any]", value))
    if f"{_LONG}steps" in given:
        told = {each: given[f"{_LONG}{each}"] for each in NAMES if f"{_LONG}{each}" in given}
    else:
        unknown = sorted(set(given) - NAMES)
        if unknown:
            raise ValueError(f"{place}: {', '.join(unknown)} is not known here")
        told = given
    if name is not None:
        told.setdefault("name", name)
    for each in ("name", "steps"):
        if each not in told:
            raise ValueError(f"{place}: must have {each}")
    for each, kind in _KINDS.items():
        if told.get(each) is not None and not isinstance(told[each], kind):
            raise ValueError(f"{place}.{each}: must be {_TEXTS[kind]}")
    for each in ("steps", "connections"):
        for n, item in enumerate(cast("list[Any]", told.get(each) or [])):
            if not isinstance(item, Mapping):
                raise ValueError(f"{place}.{each}[{n}]: must be an object")
    step_targets(told["steps"], place=place)
    return Definition.of({f"{_LONG}{each}": inner for each, inner in told.items()})


_TEXTS: Final = {str: "text", list: "a list", dict: "an object"}
