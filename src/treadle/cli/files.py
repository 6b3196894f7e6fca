"""Values in files: YAML, JSON or TOML, by the ending of their names."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from treadle.cli.yaml_files import read_yaml

_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": json.loads,
    ".toml": tomllib.loads,
}


def read_values(path: Path) -> Any:
    """What stands in the file. Raises ValueError that names the place, OSError."""
    read = _READERS.get(path.suffix)
    if read is None:
        raise ValueError(f"{path}: must end with {', '.join(_READERS)}")
    try:
        return read(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
