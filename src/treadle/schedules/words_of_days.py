"""The days of a rule in English: `on the last Friday of each month`."""

from __future__ import annotations

from collections.abc import Sequence

from treadle.schedules.times.civil_times import MONTHS, YEARS
from treadle.schedules.times.days import LAST, DayRule
from treadle.schedules.words_of_times import join, numbers, runs

WEEKDAY_NAMES = (
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
)  # fmt: skip
MONTH_NAMES = (
    "", "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def ordinal(n: int) -> str:
    """`1st`, `22nd`; counted from the end, `last`, `2nd last`."""
    if n == LAST:
        return "last"
    if n < 0:
        return f"{ordinal(-n)} last"
    suffix = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def day_words(
    rule: DayRule, *, months: tuple[int, ...], years: Sequence[int], each: str = "each month"
) -> str:
    """The days, months and years; empty where every day is meant.

    `each` is what a day of a month is one of, where no months are named.
    """
    named = "" if months == MONTHS else month_words(months)
    where = named or each
    month_side = _month_days(rule)
    week_side = _week_days(rule, "or" if month_side else "and")
    if month_side and week_side and rule.either:
        words = f"on {month_side} or on {week_side} of {where}"
    elif month_side and week_side:
        words = f"on {month_side} of {where} if it is {week_side}"
    elif month_side or rule.nth:
        words = f"on {month_side or week_side} of {where}"
    else:
        words = " ".join([f"on {week_side}"] * bool(week_side) + [f"in {named}"] * bool(named))
    within = "" if years == YEARS else f"in {numbers(years)}"
    return f"{words} {within}".strip()


def weekday_words(weekdays: Sequence[int], last: str = "and") -> str:
    """`Monday to Friday`, `Saturday and Sunday`; the week begins on Monday here."""
    names = [*WEEKDAY_NAMES[1:], WEEKDAY_NAMES[0]]
    return _listed([(day - 1) % 7 for day in weekdays], names, last)


def month_words(months: Sequence[int]) -> str:
    """`January and March`, `June to August`."""
    return _listed(months, MONTH_NAMES)


def month_day_words(days: Sequence[int]) -> str:
    """`the 1st, the 15th and the last day`, `every 2nd day from the 1st to the 31st`."""
    counted = [day for day in days if day > 0]
    step = counted[1] - counted[0] if len(counted) > 3 else 0
    if step > 1 and counted == list(range(counted[0], counted[-1] + 1, step)):
        stretch = f"from the {ordinal(counted[0])} to the {ordinal(counted[-1])}"
        words = [f"every {ordinal(step)} day {stretch}"]
    else:
        words = [
            f"the {ordinal(low)}" if low == high else f"the {ordinal(low)} to {ordinal(high)}"
            for low, high in runs(counted)
        ]
    words += [f"the {ordinal(day)} day" for day in sorted((d for d in days if d < 0), reverse=True)]
    return join(words)


def _listed(values: Sequence[int], names: Sequence[str], last: str = "and") -> str:
    return join(
        [
            names[low] if low == high else f"{names[low]} to {names[high]}"
            for low, high in runs(sorted(values))
        ],
        last,
    )


def _month_days(rule: DayRule) -> str:
    words = [month_day_words(rule.days)] if rule.days else []
    for day in rule.nearest:
        named = ordinal(day) if day > 0 else f"{ordinal(day)} day"
        words.append("the last weekday" if day == LAST else f"the weekday nearest to the {named}")
    return join(words) if words else ""


def _week_days(rule: DayRule, last: str) -> str:
    words = [weekday_words(rule.weekdays, last)] if rule.weekdays else []
    words += [f"the {ordinal(n)} {WEEKDAY_NAMES[day]}" for day, n in rule.nth]
    return join(words, last) if words else ""
