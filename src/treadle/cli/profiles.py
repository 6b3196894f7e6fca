"""Where the commands log in: servers and credentials, in a file that only its owner reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Profile:
    """A server, and what one comes in with: an API key, or the token of a person's session."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def profiles_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The file, in the user's configuration directory."""
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "treadle" / "profiles.json"


def load_profiles(path: Path) -> dict[str, Profile]:
    """The profiles by name. Raises ValueError for a file that is none, or that others may read."""
    if not path.exists():
        return {}
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path} can be read by others; run `chmod 600 {path}`")
    try:
        return {name: Profile(**found) for name, found in json.loads(path.read_text()).items()}
    except (TypeError, AttributeError, json.JSONDecodeError):
        raise ValueError(f"{path} is no file of profiles; delete it and log in again") from None


def save_profiles(path: Path, profiles: Mapping[str, Profile]) -> None:
    """Writes all of them, or nothing; the file belongs to its owner alone from its first byte."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: asdict(each) for name, each in profiles.items()}, file, indent=1)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
