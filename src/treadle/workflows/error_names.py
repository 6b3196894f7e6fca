"""Names of failures, and the patterns that `errors[]` of a connection or a retry matches them with.

    Timeout  Expression  Http.404  Http.5xx  Function.ValueError  Job.Failed  Http.*  *

A pattern names a failure whole; `Http.5xx` also stands for each status of the five hundreds,
`Kind.*` for all of one kind, `*` for all. `Limit` is never caught: an execution over its
bounds ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

TIMEOUT = "Timeout"
EXPRESSION = "Expression"
LIMIT = "Limit"
TERMINATED = "Terminated"
MAP_FAILED = "Map.Failed"
MAP_TOO_LARGE = "Map.TooManyItems"

_PATTERN = re.compile(
    r"\*|Timeout|Expression|Terminated"
    r"|(?:Http|Function|Job|Workflow|Map|Integration)\.(?:\*|[1-5]xx|[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)"
)


def is_pattern(text: str) -> bool:
    """Whether `text` can match the name of a failure."""
    return _PATTERN.fullmatch(text) is not None


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns stands for the failure `name`."""
    return name != LIMIT and any(_stands_for(pattern, name) for pattern in patterns)


def _stands_for(pattern: str, name: str) -> bool:
    if pattern in ("*", name):
        return True
    if pattern.endswith(".*"):
        return name.startswith(pattern[:-1])
    if pattern.endswith("xx"):
        return len(name) == len(pattern) and name[:-2] == pattern[:-2] and name[-2:].isdigit()
    return False
