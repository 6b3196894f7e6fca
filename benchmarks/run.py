"""`make bench`: every benchmark, one after the other, as one table.

`python -m benchmarks.run [NAME …]` measures only those that are named.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

import structlog
from rich.console import Console

from benchmarks import (
    access,
    console,
    engine,
    executions,
    firing,
    lists,
    packages,
    schedules,
    triggering,
    workflows,
)
from benchmarks.engine import Row, table

BENCHMARKS: dict[str, Callable[[], Sequence[Row]]] = {
    "engine": engine.rows,
    "packages": packages.rows,
    "access": access.rows,
    "workflows": workflows.rows,
    "executions": executions.rows,
    "triggering": triggering.rows,
    "schedules": schedules.rows,
    "firing": firing.rows,
    "lists": lists.rows,
    "console": console.rows,
}


def main(names: Sequence[str]) -> int:
    """Prints the table; 2 for a name that there is not."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    screen = Console()
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        screen.print(f"there is no benchmark {unknown[0]!r}: {', '.join(BENCHMARKS)}")
        return 2
    measured: list[Row] = []
    for name in names or BENCHMARKS:
        screen.print(f"measuring {name} …")
        measured += BENCHMARKS[name]()
    screen.print(table(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
