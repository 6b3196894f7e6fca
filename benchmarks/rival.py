"""DBOS and Prefect, at the work of `benchmarks.executions`; installed for the occasion."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

_DBOS: Final = """
import statistics, sys, time
from dbos import DBOS, DBOSConfig

DBOS(config={"name": "bench", "system_database_url": sys.argv[1], "log_level": "ERROR"})

@DBOS.step()
def step(value):
    return value + 1

@DBOS.workflow()
def flow(steps):
    value = 0
    for _ in range(steps):
        value = step(value)
    return value

DBOS.launch()
for _ in range(5):
    flow(3)
began = time.perf_counter()
for _ in range(100):
    flow(3)
print(100 / (time.perf_counter() - began))
took = []
for _ in range(10):
    began = time.perf_counter()
    flow(40)
    took.append(time.perf_counter() - began)
print(statistics.median(took))
DBOS.destroy()
"""


_PREFECT: Final = """
import statistics, time
from prefect import flow, task

@task
def step(value):
    return value + 1

@flow
def run(steps):
    value = 0
    for _ in range(steps):
        value = step(value)
    return value

run(3)
took = []
for _ in range(5):
    began = time.perf_counter()
    run(40)
    took.append(time.perf_counter() - began)
print(statistics.median(took))
"""


@dataclass(frozen=True, slots=True)
class Rival:
    """Three steps: flows a second, one after the other. Forty steps: seconds of one."""

    three: float
    forty: float


def measure_dbos(url: str, folder: Path) -> Rival | None:
    """On a database of its own, in an environment made for the occasion; None without one."""
    printed = _printed_by("DBOS", _DBOS, url, packages=["dbos"], folder=folder)
    return None if printed is None else Rival(*printed[-2:])


def measure_prefect(folder: Path) -> float | None:
    """Seconds of one flow of forty steps, with the server and the SQLite that Prefect starts by
    itself; None where it can't be installed.
    """
    printed = _printed_by(
        "Prefect",
        _PREFECT,
        # With later ones its server does not start.
        packages=["prefect", "fastapi<0.120"],
        folder=folder,
        PREFECT_HOME=str(folder / "prefect"),
        PREFECT_MEMO_STORE_PATH=str(folder / "prefect" / "memo_store.toml"),
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    )
    return None if printed is None else printed[-1]


def _printed_by(
    name: str, program: str, *arguments: str, packages: list[str], folder: Path, **environ: str
) -> list[float] | None:
    """The numbers that a program prints which needs these packages."""
    script = folder / f"{name.lower()}_bench.py"
    script.write_text(program)
    needs = [word for package in packages for word in ("--with", package)]
    command = [find_uv_bin(), "run", "--no-project", "--isolated", *needs, "python", str(script)]
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
            env={**os.environ, "PYTHONPATH": "", **environ},
        )
        return [float(number) for number in done.stdout.split()]
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        said = getattr(error, "stderr", "") or ""
        sys.stderr.write(f"{name} is not measured: {error}\n{said}\n")
        return None
