"""A week of due times of any expression in any zone, against minute-by-minute brute force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import expression
from schedules.oracle import clock_changes, distinct_zones, due_minutes, zone_info
from treadle.schedules.due_times import (
    between,
    latest_until,
    next_after,
    span,
    union,
    upcoming,
)
from treadle.schedules.faults import ExpressionError

WEEK = timedelta(days=7)
EARLY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """A field as text, with the values that it means, worked out as it was written."""

    text: str
    values: frozenset[int]

    @property
    def starred(self) -> bool:
        return self.text.startswith("*")


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> Part:
    """One item of a list."""
    kind = draw(st.sampled_from(["star", "star step", "value", "value", "range", "range step"]))
    step = draw(st.integers(1, high - low + 1))
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    return {
        "star": Part("*", frozenset(range(low, high + 1))),
        "star step": Part(f"*/{step}", frozenset(range(low, high + 1, step))),
        "value": Part(str(first), frozenset([first])),
        "range": Part(f"{first}-{last}", frozenset(range(first, last + 1))),
        "range step": Part(f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))),
    }[kind]


@st.composite
def parts(draw: st.DrawFn, low: int, high: int) -> Part:
    """A field: one to three items."""
    chosen = draw(st.lists(items(low, high), min_size=1, max_size=3))
    values: set[int] = set()
    for part in chosen:
        values |= part.values
    return Part(",".join(part.text for part in chosen), frozenset(values))


@dataclass(frozen=True)
class Cron:
    """The five fields; the weekdays count from 0, Sunday."""

    minute: Part
    hour: Part
    day: Part
    month: Part
    weekday: Part

    @property
    def text(self) -> str:
        fields = (self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(field.text for field in fields)

    @property
    def free(self) -> bool:
        return "*" in self.minute.text or "*" in self.hour.text

    def matches(self, at: datetime) -> bool:
        """Whether the wall clock time is one of the expression's."""
        if at.minute not in self.minute.values or at.hour not in self.hour.values:
            return False
        if at.month not in self.month.values or at.second:
            return False
        day = at.day in self.day.values
        weekday = at.isoweekday() % 7 in self.weekday.values
        either = not self.day.starred and not self.weekday.starred
        return day or weekday if either else day and weekday


crons = st.builds(
    Cron, parts(0, 59), parts(0, 23), parts(1, 31), parts(1, 12), parts(0, 6)
)  # fmt: skip
frequent = st.builds(
    Cron,
    parts(0, 59),
    parts(0, 23),
    st.just(Part("*", frozenset(range(1, 32)))),
    st.just(Part("*", frozenset(range(1, 13)))),
    st.one_of(st.just(Part("*", frozenset(range(7)))), parts(0, 6)),
)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and the begin of a week within forty years, most often one with a change of clocks."""
    zone = draw(st.sampled_from(distinct_zones()))
    year = draw(st.integers(2000, 2039))
    begin = datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 525_000)))
    if draw(st.integers(0, 3)):
        january = datetime(year, 1, 1, tzinfo=UTC)
        changes = clock_changes(zone_info(zone), january, january + timedelta(days=365))
        if changes:
            before = timedelta(minutes=draw(st.integers(0, 7 * 1440)))
            begin = draw(st.sampled_from(changes)).replace(second=0) - before
    return zone, begin


@given(st.one_of(frequent, crons), weeks())
@examples(60)
def test_a_week_of_five_fields_is_what_the_clock_shows(cron: Cron, week: tuple[str, datetime]):
    zone, begin = week
    daylight = "free" if cron.free else "fixed"
    _check_week(cron.text, cron, zone, begin, daylight)


@given(frequent, weeks())
@examples(20)
def test_a_week_of_quartz_is_what_the_clock_shows(cron: Cron, week: tuple[str, datetime]):
    zone, begin = week
    weekday = ",".join(str(day + 1) for day in sorted(cron.weekday.values))
    text = f"0 {cron.minute.text} {cron.hour.text} ? * {weekday}"
    open_step = any(
        item.startswith("0/") for part in (cron.minute, cron.hour) for item in part.text.split(",")
    )
    _check_week(text, cron, zone, begin, "free" if cron.free or open_step else "fixed")


@given(frequent, weeks())
@examples(20)
def test_a_week_of_aws_is_what_the_clock_shows(cron: Cron, week: tuple[str, datetime]):
    zone, begin = week
    weekday = ",".join(str(day + 1) for day in sorted(cron.weekday.values))
    text = f"cron({cron.minute.text} {cron.hour.text} ? * {weekday} *)"
    _check_week(text, cron, zone, begin, "single")


def _check_week(text: str, cron: Cron, zone: str, begin: datetime, daylight: str) -> None:
    try:
        compiled = expression(text, zone, created_at=EARLY)
    except ExpressionError as refused:
        assert "none of the months has such a day" in refused.message
        assert (
            due_minutes(cron.matches, zone_info(zone), begin, begin + WEEK, daylight="free") == []
        )
        return
    end = begin + WEEK
    expected = due_minutes(cron.matches, zone_info(zone), begin, end, daylight=daylight)
    assert list(between(compiled, begin, end, limit=20_000)) == expected
    # The same week read backwards, and as one span.
    newest, backwards = latest_until(compiled, end), list[datetime]()
    while newest is not None and newest > begin and len(backwards) < 200:
        backwards.append(newest)
        newest = latest_until(compiled, newest - timedelta(seconds=1))
    assert backwards == expected[::-1][:200]
    whole = span(compiled, begin, end)
    if whole is None:
        assert expected == []
    else:
        assert (whole.first, whole.last, whole.count) == (expected[0], expected[-1], len(expected))


@given(frequent, weeks(), st.data())
@examples(80)
@example(Cron(*[Part("*", frozenset(range(60)))] * 5), ("UTC", EARLY), None)
def test_next_is_later_and_the_same_up_to_it(
    cron: Cron, week: tuple[str, datetime], data: st.DataObject | None
):
    zone, at = week
    compiled = expression(cron.text, zone, created_at=EARLY)
    found = next_after(compiled, at)
    assert found is not None
    assert found > at
    seconds = int((found - at).total_seconds())
    inside = [0, seconds - 1] if data is None else [data.draw(st.integers(0, seconds - 1))]
    for offset in inside:
        between_them = at + timedelta(seconds=offset)
        assert next_after(compiled, between_them) == found
        earlier = latest_until(compiled, between_them)
        assert earlier is None or earlier <= at
    assert latest_until(compiled, found) == found
    assert next_after(compiled, found - timedelta(microseconds=1)) == found


@given(st.lists(frequent, min_size=2, max_size=4), weeks())
@examples(30)
def test_a_union_is_due_when_any_member_is_and_once(
    several: list[Cron], week: tuple[str, datetime]
):
    zone, begin = week
    members = [expression(cron.text, zone, created_at=EARLY) for cron in several]
    end = begin + timedelta(days=2)
    each = {due for member in members for due in between(member, begin, end, limit=20_000)}
    together = union(members)
    assert list(between(together, begin, end, limit=20_000)) == sorted(each)
    assert latest_until(together, end) == max(
        (due for member in members if (due := latest_until(member, end)) is not None), default=None
    )
    whole = span(together, begin, end)
    assert (whole.count if whole else 0) == len(each)


@given(crons, weeks())
@examples(60)
def test_due_times_ascend_to_the_end_of_time(cron: Cron, week: tuple[str, datetime]):
    zone, begin = week
    try:
        compiled = expression(cron.text, zone, created_at=EARLY)
    except ExpressionError:
        return
    times = upcoming(compiled, begin, limit=20)
    assert list(times) == sorted(set(times))
    assert len(times) == 20 or next_after(compiled, times[-1]) is None
    late = datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert next_after(compiled, late) is None
    newest = latest_until(compiled, late)
    assert newest is not None
    assert next_after(compiled, newest) is None
