"""A package run that does nothing, beside the bare cost of bubblewrap and Python, in one go.

`python benchmarks/sandbox.py [--runs N] [--at-once N]`. Prints medians, rates and the ratio; bar:
at most 2 × the bare cost, at least 50 runs a second on 2 cores. Two bare figures, for what a
plain `python3 -c pass` costs depends on the site-packages of the interpreter: `bare` loads them,
`bare -I -S` does not (the sandbox does not either).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from treadle.sandbox import Command, FunctionEntry, Limits, run, server_python

BARE = ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-all")
Measured = Callable[[], Awaitable[None]]


async def bare(*flags: str) -> None:
    """bubblewrap with fresh namespaces around the same interpreter, which does nothing."""
    process = await asyncio.create_subprocess_exec(
        *BARE, "--die-with-parent", str(server_python()), *flags, "-c", "pass"
    )
    if await process.wait() != 0:
        raise SystemExit("the bare sandbox failed")


def noop(folder: Path) -> Measured:
    """A function that returns at once, with new folders for every run."""
    package = folder / "package"
    package.mkdir()
    (package / "noop.py").write_text("def main():\n    return {}\n")

    def command(place: str) -> Command:
        work, output = Path(place, "work"), Path(place, "output")
        work.mkdir()
        output.mkdir()
        return Command(
            package_dir=package,
            entry=FunctionEntry("noop", "main"),
            work_dir=work,
            output_dir=output,
        )

    async def once() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            outcome = await run(command(place), Limits(), on_output=lambda _: None)
        if outcome.kind != "finished":
            raise SystemExit(f"the run failed: {outcome}")

    return once


async def seconds_each(what: Measured, *, runs: int, at_once: int) -> tuple[float, float]:
    """(median of one, wall seconds a run) with `at_once` under way all the time."""
    taken: list[float] = []
    left = runs

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            started = time.perf_counter()
            await what()
            taken.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return statistics.median(taken), (time.perf_counter() - started) / runs


async def main(*, runs: int, at_once: int) -> None:
    """Measures in turns, so that whatever else the machine does hits all of them alike."""
    with tempfile.TemporaryDirectory() as place:
        contestants: dict[str, Measured] = {
            "bare": bare,
            "bare -I -S": lambda: bare("-I", "-S"),
            "sandbox": noop(Path(place)),
        }
        for what in contestants.values():
            await what()  # warm
        for parallel in (1, at_once):
            each: dict[str, list[float]] = {name: [] for name in contestants}
            for _ in range(5):
                for name, what in contestants.items():
                    median, wall = await seconds_each(
                        what, runs=max(parallel, runs // 5), at_once=parallel
                    )
                    each[name].append(median if parallel == 1 else wall)
            figures = {name: statistics.median(values) for name, values in each.items()}
            print(f"{parallel} at once:")
            for name, value in figures.items():
                print(
                    f"  {name:12} {value * 1000:7.1f} ms a run  {1 / value:7.1f} runs/s  "
                    f"sandbox is {figures['sandbox'] / value:.2f} × this"
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    uvloop.run(main(runs=options.runs, at_once=options.at_once))
