"""Maintenance windows: when they are open, for whom, and what becomes of due times in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import expression, utc
from treadle.schedules.decisions import (
    Due,
    Ended,
    EndStatus,
    Firing,
    Outcome,
    Settings,
    State,
    Stretch,
    Trigger,
)
from treadle.schedules.maintenance import Openings, Window, WindowPolicy, stretches, windows_at
from treadle.schedules.policy import decide

HOUR = timedelta(hours=1)
NIGHTLY = Openings(recurrence=expression("0 22 * * *", "Europe/Berlin"), duration=4 * HOUR)


def window(openings: Openings, policy: WindowPolicy = WindowPolicy.SKIP) -> Window:
    return Window("w", "patching", policy, openings)


def once(start: str, end: str) -> Openings:
    return Openings(utc(start), utc(end))


def shown(openings: Openings, since: str, until: str) -> list[str]:
    found = stretches([window(openings)], since=utc(since), until=utc(until))
    return [f"{each.since:%d %H:%M}-{each.until:%d %H:%M}" for each in found]


@pytest.mark.parametrize(
    ("openings", "since", "until", "expected"),
    [
        (once("2026-03-01 10:00", "2026-03-01 12:00"), "2026-03-01 09:00", "2026-03-01 10:00",
         ["01 10:00-01 12:00"]),
        (once("2026-03-01 10:00", "2026-03-01 12:00"), "2026-03-01 11:00", "2026-03-05 00:00",
         ["01 10:00-01 12:00"]),
        (once("2026-03-01 10:00", "2026-03-01 12:00"), "2026-03-01 12:00", "2026-03-05 00:00", []),
        (once("2026-03-01 10:00", "2026-03-01 12:00"), "2026-03-01 08:00", "2026-03-01 09:59", []),
        (NIGHTLY, "2026-03-01 00:00", "2026-03-02 22:00",
         ["28 21:00-01 01:00", "01 21:00-02 01:00", "02 21:00-03 01:00"]),
        (NIGHTLY, "2026-03-01 01:00", "2026-03-01 20:00", []),
        # The clocks go forward in this one: it lasts four hours all the same.
        (NIGHTLY, "2026-03-28 20:00", "2026-03-29 12:00", ["28 21:00-29 01:00"]),
        # Openings that touch are one.
        (Openings(recurrence=expression("0 6-9 * * *"), duration=HOUR),
         "2026-03-01 00:00", "2026-03-01 23:00", ["01 06:00-01 10:00"]),
        (Openings(recurrence=expression("0 6,8 * * *"), duration=HOUR),
         "2026-03-01 00:00", "2026-03-01 23:00", ["01 06:00-01 07:00", "01 08:00-01 09:00"]),
    ],
)  # fmt: skip
def test_a_window_is_open_when_it_says(
    openings: Openings, since: str, until: str, expected: list[str]
) -> None:
    assert shown(openings, since, until) == expected


def test_one_that_never_closes_is_one_stretch_up_to_the_end_asked_for() -> None:
    always = Openings(recurrence=expression("* * * * *"), duration=timedelta(days=7))
    (found,) = stretches(
        [window(always)], since=utc("2026-03-01 00:00"), until=utc("2026-03-20 00:00")
    )
    assert found.since <= utc("2026-03-01 00:00")
    assert found.until is not None
    assert found.until > utc("2026-03-20 00:00")


def test_windows_of_an_instant_are_those_that_are_open() -> None:
    one = window(once("2026-03-01 10:00", "2026-03-01 12:00"))
    two = window(NIGHTLY)
    assert windows_at([one, two], utc("2026-03-01 10:00")) == (one,)
    assert windows_at([one, two], utc("2026-03-01 12:00")) == ()
    assert windows_at([one, two], utc("2026-03-01 22:30")) == (two,)


def test_a_window_is_for_its_project_and_its_tags() -> None:
    here, elsewhere = uuid4(), uuid4()
    of_tenant = Window("w", "", WindowPolicy.SKIP, NIGHTLY)
    assert of_tenant.is_for(project_id=here, tags=())
    mine = Window("w", "", WindowPolicy.SKIP, NIGHTLY, here, frozenset({"etl", "dwh"}))
    assert mine.is_for(project_id=here, tags=("etl", "x"))
    assert not mine.is_for(project_id=here, tags=("x",))
    assert not mine.is_for(project_id=here, tags=())
    assert not mine.is_for(project_id=elsewhere, tags=("etl",))


@examples(100)
@given(
    st.sampled_from(["0 22 * * *", "*/30 * * * *", "15 9 * * 1", "0 0 1 * *"]),
    st.integers(1, 3000),
    st.integers(0, 60 * 24 * 40),
)
def test_stretches_say_the_same_as_each_instant(text: str, minutes: int, offset: int) -> None:
    compiled = expression(text)
    openings = Openings(recurrence=compiled, duration=timedelta(minutes=minutes))
    since = utc("2026-02-01 00:00") + timedelta(minutes=offset)
    until = since + timedelta(days=3)
    found = stretches([window(openings)], since=since, until=until)
    for step in range(0, 3 * 24 * 60, 47):
        at = since + timedelta(minutes=step)
        inside = any(each.since <= at < (each.until or at) for each in found)
        assert inside is bool(windows_at([window(openings)], at)), at
    for one, other in pairwise(found):
        assert one.until is not None
        assert one.until < other.since


# ---------------------------------------------------------------- what the policy makes of them


def firing(at: datetime) -> Firing:
    return Firing(at.isoformat(), at)


def state(policy: WindowPolicy) -> State:
    held = window(once("2026-03-01 10:00", "2026-03-01 12:00"), policy)
    return State(
        maintenance=stretches([held], since=utc("2026-03-01 00:00"), until=utc("2026-03-02 00:00"))
    )


def outcomes(policy: WindowPolicy) -> tuple[Outcome, Outcome, datetime | None, State]:
    settings = Settings("s")
    first, second = utc("2026-03-01 10:00"), utc("2026-03-01 11:00")
    one = decide(settings, state(policy), now=first, due=[Due(firing(first))], next_due=second)
    two = decide(settings, one.state, now=second, due=[Due(firing(second))], next_due=second + HOUR)
    return one.decisions[0].outcome, two.decisions[0].outcome, two.wake_at, two.state


def test_what_is_due_in_a_window_that_skips_is_held() -> None:
    first, second, wake_at, after = outcomes(WindowPolicy.SKIP)
    assert (first, second, wake_at) == (Outcome.HOLD, Outcome.HOLD, None)
    assert after.queued == ()


def test_what_is_due_in_a_window_that_delays_starts_at_its_end() -> None:
    """And no more than the overlap policy lets in."""
    first, second, wake_at, after = outcomes(WindowPolicy.DELAY)
    end = utc("2026-03-01 12:00")
    assert (first, second, wake_at) == (Outcome.DELAY, Outcome.SKIP, end)
    started = decide(Settings("s"), after, now=end, next_due=end + HOUR)
    assert [(each.outcome, each.firing.due_at) for each in started.changes] == [
        (Outcome.START, utc("2026-03-01 10:00"))
    ]
    assert started.changes[0].firing.trigger is Trigger.SCHEDULE
    ended = [Ended(started.changes[0].firing.id, EndStatus.SUCCEEDED)]
    over = decide(Settings("s"), started.state, now=end, ended=ended, next_due=end + HOUR)
    assert over.state.running == ()


def test_a_window_that_skips_within_one_that_delays_skips() -> None:
    both = (
        Stretch(utc("2026-03-01 10:00"), utc("2026-03-01 12:00"), "delays", delays=True),
        Stretch(utc("2026-03-01 10:00"), utc("2026-03-01 11:00"), "skips"),
    )
    at = utc("2026-03-01 10:30")
    verdict = decide(
        Settings("s"), State(maintenance=both), now=at, due=[Due(firing(at))], next_due=at + HOUR
    )
    assert verdict.decisions[0].outcome is Outcome.HOLD
    assert "skips" in verdict.decisions[0].reason
