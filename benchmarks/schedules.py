"""The next time of a cron expression, beside croniter and, where it is installed, cronsim.

`python -m benchmarks.schedules`. Each is asked for the next time after the same instants in the
same zone, its expression parsed beforehand as far as it can be: croniter and cronsim begin anew at
an instant only by being made anew, so their fastest way of walking on (`get_next`, `next`) is
measured too, and the better of the two counts. All take turns; of each its best turn counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter
from rich.console import Console

from benchmarks.engine import Row, table
from treadle.schedules.calendars import Calendar, CalendarMode, CalendarUse, next_due
from treadle.schedules.decisions import Due, Firing, Settings, State
from treadle.schedules.due_times import Expression, ScheduleType, next_after, span
from treadle.schedules.expressions import parse_expression
from treadle.schedules.policy import decide

EXPRESSIONS = (
    "*/5 * * * *",
    "0 9 * * *",
    "30 2 * * 1-5",
    "0 0 1 * *",
    "0 12 L * *",
    "15 3 13 * 5",
)
ZONE = "Europe/Berlin"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# A year, in steps that hit no expression: both changes of clocks are among them.
INSTANTS = tuple(BEGIN + timedelta(hours=31 * n, minutes=7) for n in range(280))
ROUNDS = 3
BAR = 5.0  # times croniter


def rows() -> list[Row]:
    """The measurements."""
    found: list[Row] = []
    worst = float("inf")
    for text in EXPRESSIONS:
        compiled = _compiled(text)
        ours, theirs = _best_of(
            [lambda c=compiled: _ours(c), lambda t=text: min(_croniter_anew(t), _croniter_on(t))]
        )
        ratio = theirs / ours
        worst = min(worst, ratio)
        others = f"{ratio:.0f} × croniter"
        if find_spec("cronsim"):
            others += f", {_best_of([lambda t=text: _cronsim(t)])[0] / ours:.0f} × cronsim"
        found.append(Row(f"next time of {text}", ours * 1e6, "µs", others))
    note = "" if find_spec("cronsim") else "cronsim is not installed"
    bar = f"≥ {BAR:.0f}"
    found.append(Row("the worst of these", worst, "× croniter", note, bar, worst >= BAR))
    return found + _other_rows()


def _other_rows() -> list[Row]:
    """What has no rival to be measured beside, for the record."""
    weekend = CalendarUse(
        Calendar("Weekend", weekdays=frozenset({0, 6})), CalendarMode.ROLL_FORWARD
    )
    daily, seconds = _compiled("0 9 * * *"), _compiled("* * * * * ?")
    leap = _compiled("0 0 29 2 *")
    due = Due(Firing("a", BEGIN))
    # More than are remembered: whichever comes again has been forgotten.
    unseen = cycle(f"{m} {h} {d} * 1-5" for d in range(1, 29) for h in range(24) for m in range(60))
    return [
        _single("parse anew", lambda: _compiled(next(unseen))),
        _single("parse what was parsed before", lambda: _compiled("0 9 * * 1-5")),
        _single("next 29 February", lambda: next_after(leap, BEGIN)),
        _single("next, over a calendar", lambda: next_due(daily, [weekend], after=BEGIN)),
        _single(
            "count ten years of seconds",
            lambda: span(seconds, BEGIN, BEGIN + timedelta(days=3650)),
        ),
        _single(
            "decide on one due time",
            lambda: decide(Settings("s"), State(), now=BEGIN, due=[due], next_due=BEGIN),
        ),
    ]


def _single(name: str, work: Callable[[], object]) -> Row:
    def turn() -> float:
        begin = time.perf_counter()
        for _ in range(500):
            work()
        return (time.perf_counter() - begin) / 500

    return Row(name, _best_of([turn])[0] * 1e6, "µs")


def _best_of(turns: Sequence[Callable[[], float]]) -> list[float]:
    """The best of each, in seconds; they take turns."""
    best = [float("inf")] * len(turns)
    for _ in range(ROUNDS):
        for index, turn in enumerate(turns):
            best[index] = min(best[index], turn())
    return best


def _compiled(text: str) -> Expression:
    return parse_expression(
        ScheduleType.CRON,
        text,
        timezone=ZONE,
        start_at=None,
        end_at=None,
        created_at=BEGIN,
    )


def _ours(compiled: Expression) -> float:
    begin = time.perf_counter()
    for instant in INSTANTS:
        next_after(compiled, instant)
    return (time.perf_counter() - begin) / len(INSTANTS)


def _local() -> list[datetime]:
    zone = ZoneInfo(ZONE)
    return [instant.astimezone(zone) for instant in INSTANTS]


def _croniter_anew(text: str) -> float:
    instants = _local()
    begin = time.perf_counter()
    for instant in instants:
        croniter(text, instant).get_next(datetime)
    return (time.perf_counter() - begin) / len(instants)


def _croniter_on(text: str) -> float:
    walking = croniter(text, _local()[0])
    begin = time.perf_counter()
    for _ in INSTANTS:
        walking.get_next(datetime)
    return (time.perf_counter() - begin) / len(INSTANTS)


def _cronsim(text: str) -> float:
    """The better of its two ways."""
    made: Any = import_module("cronsim").CronSim
    instants = _local()
    begin = time.perf_counter()
    for instant in instants:
        next(made(text, instant))
    anew = (time.perf_counter() - begin) / len(instants)
    walking = made(text, instants[0])
    begin = time.perf_counter()
    for _ in instants:
        next(walking)
    return min(anew, (time.perf_counter() - begin) / len(instants))


if __name__ == "__main__":
    Console().print(table(rows()))
