"""What the schedules of a simulation say, and the rule that each should be due by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Any
from uuid import UUID

from schedules.simulated.expected import Clock, Closed, Every, Once, Rule
from treadle.schedules.calendars import Calendar
from treadle.schedules.decisions import CatchupPolicy, CompletionAction, OverlapPolicy
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import ActionType

WEEKEND = UUID(int=1)
MONDAY = UUID(int=2)
CALENDARS = {
    WEEKEND: Calendar("Weekend", weekdays=frozenset({0, 6})),
    MONDAY: Calendar("Monday", weekdays=frozenset({1})),
}
ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Australia/Sydney")


def always(day: date) -> bool:
    return True


def on_weekdays(day: date) -> bool:
    return day.isoweekday() <= 5


def on_the_last(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def on_mondays(day: date) -> bool:
    return day.isoweekday() == 1


def on_the_first_and_15th(day: date) -> bool:
    return day.day in (1, 15)


def at(*texts: str) -> tuple[time, ...]:
    return tuple(time.fromisoformat(text) for text in texts)


@lru_cache
def through_the_day(minutes: int) -> tuple[time, ...]:
    return tuple(time(m // 60, m % 60) for m in range(0, 1440, minutes))


CLOCKS: tuple[tuple[str, tuple[time, ...], Callable[[date], bool], str], ...] = (
    ("0 9 * * *", at("09:00"), always, "fixed"),
    ("30 2 * * *", at("02:30"), always, "fixed"),
    ("15,45 1-3 * * *", at("01:15", "01:45", "02:15", "02:45", "03:15", "03:45"), always, "fixed"),
    ("0 9 * * MON-FRI", at("09:00"), on_weekdays, "fixed"),
    ("0 0 L * *", at("00:00"), on_the_last, "fixed"),
    ("30 8,20 1,15 * *", at("08:30", "20:30"), on_the_first_and_15th, "fixed"),
    ("cron(30 2 * * ? *)", at("02:30"), always, "skip"),
    ("cron(10 10 ? * MON *)", at("10:10"), on_mondays, "skip"),
    ("0 */6 * * *", at("00:00", "06:00", "12:00", "18:00"), always, "free"),
    ("*/5 2 * * 1", through_the_day(5)[24:36], on_mondays, "free"),
)
MODES = ("exclude", "include", "roll_forward", "roll_back")


@dataclass
class Timing:
    """Fields of a schedule that say when, and the rule that they mean."""

    kind: ScheduleType
    said: dict[str, Any]
    rule: Rule


@dataclass
class Kinds:
    """Draws schedules and edits."""

    random: Random
    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])

    def timing(self, now: datetime, kind: ScheduleType | None = None) -> Timing:
        """When; an edit keeps the `kind` that the schedule has."""
        random = self.random
        if kind is None:
            kinds = [ScheduleType.CRON, ScheduleType.INTERVAL, ScheduleType.ONCE]
            kind = random.choices(kinds, [7, 3, 1])[0]
        whole = now.replace(microsecond=0)
        if kind is ScheduleType.ONCE:
            due = whole + timedelta(seconds=random.choice([1, 60, 86_400, 10**6]))
            said = {"schedule_expression": due.isoformat()}
            return self._timing(kind, said, Rule((Once(due),)))
        start = end = None
        if kind is ScheduleType.INTERVAL:
            seconds = random.choice([5, 60, 600, 3_600, 86_400, 10**6])
            step = timedelta(seconds=seconds)
            if random.random() < 0.5:
                start = whole + timedelta(seconds=random.choice([0, 1, 3_600]))
            if seconds < 86_400:
                end = (start or whole) + step * random.choice([1, 30, 30, 100, 600])
            text = random.choice([f"PT{seconds}S", f"{seconds}", f"rate({seconds // 60} minutes)"])
            if seconds % 60 or text == "rate(1 minutes)":
                text = f"{seconds}"
            said = {"schedule_expression": text, "start_at": start, "end_at": end}
            return self._timing(kind, said, Rule((Every(step, start),), end=end))
        return self._cron(whole)

    def _cron(self, now: datetime) -> Timing:
        random = self.random
        zone = random.choice(ZONES)
        chosen = random.sample(CLOCKS, 2 if random.random() < 0.2 else 1)
        parts = tuple(Clock(times, on, zone, daylight) for _, times, on, daylight in chosen)
        start = end = None
        if random.random() < 0.2:
            start = now + timedelta(days=random.randint(0, 90))
        if random.random() < 0.2:
            end = (start or now) + timedelta(days=random.randint(40, 300))
        closed, calendars = None, ()
        if len(chosen) == 1 and random.random() < 0.3:
            which = random.choice([WEEKEND, MONDAY])
            mode = random.choice(MODES)
            closed = Closed(mode, CALENDARS[which].weekdays)
            calendars = ({"calendar_id": str(which), "mode": mode},)
            start = end = None  # what rolls over a bound is told elsewhere
        said: dict[str, Any] = {"timezone": zone, "start_at": start, "end_at": end}
        said["calendars"] = calendars
        if len(chosen) == 1:
            said["schedule_expression"] = chosen[0][0]
        else:
            said |= {"crons": tuple(text for text, *_ in chosen), "schedule_expression": None}
        return self._timing(ScheduleType.CRON, said, Rule(parts, start, end, closed))

    def _timing(self, kind: ScheduleType, said: dict[str, Any], rule: Rule) -> Timing:
        """One rule for one way to say it, so that it is counted out once."""
        whole = {**EMPTY, **said}
        return Timing(kind, whole, self.rules.setdefault(repr(whole), rule))

    def settings(self) -> dict[str, Any]:
        """What is not when."""
        random = self.random
        return {
            "overlap_policy": random.choice(list(OverlapPolicy)),
            "catchup_window_minutes": random.choice([0, 1, 10, 600, 1440]),
            "catchup_policy": random.choice(list(CatchupPolicy)),
            "flexible_window_minutes": random.choice([0, 0, 0, 5, 60]),
            "rate_limit_per_minute": random.choice([None, None, 1, 3]),
            "max_retries": random.choice([0, 1, 3, 10]),
            "retry_backoff_seconds": random.choice([0, 60, 4_000]),
            "pause_on_failure_count": random.choice([1, 3, 30]),
            "action_after_completion": random.choice(list(CompletionAction)),
        }

    def action(self) -> dict[str, Any]:
        """What it starts."""
        if self.random.random() < 0.2:
            return {"action_type": ActionType.LOG_EVENT, "action_config": {"level": "info"}}
        return {"action_type": ActionType.RUN_JOB, "action_config": {"job_id": "1"}}


EMPTY: dict[str, Any] = {
    "schedule_expression": None,
    "crons": (),
    "timezone": "UTC",
    "start_at": None,
    "end_at": None,
    "calendars": (),
}


def spelled(thing: Any) -> str:
    """How a schedule says when it is due: the key of its rule."""
    return repr({name: getattr(thing, name) for name in EMPTY})
