"""A version is slow until it was quick again, or, where that is not tried, for some time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from treadle.core.ids import new_id
from treadle.workflows import slow_versions
from treadle.workflows.slow_versions import SlowVersions

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_last_advance_says_whether_a_version_is_slow() -> None:
    versions, one, other = SlowVersions(0.1), new_id(), new_id()
    versions.note({one: 0.2, other: 0.1}, NOW)
    assert versions.ids(NOW + timedelta(days=10_000)) == {one}
    versions.note({one: 0.05}, NOW)
    assert versions.ids(NOW) == frozenset()


def test_each_is_forgotten_by_itself() -> None:
    versions, one, other = SlowVersions(0.1, forgotten=MINUTE), new_id(), new_id()
    versions.note({one: 0.2}, NOW)
    versions.note({other: 0.2}, NOW + MINUTE / 2)
    assert versions.ids(NOW + MINUTE / 2) == {one, other}
    assert versions.ids(NOW + MINUTE) == {other}
    versions.note({other: 0.2}, NOW + MINUTE)
    assert versions.ids(NOW + MINUTE * 3 / 2) == {other}
    assert versions.ids(NOW + MINUTE * 2) == frozenset()


def test_the_oldest_go_where_there_are_too_many() -> None:
    versions, ids = SlowVersions(0.1), [new_id() for _ in range(slow_versions.MOST + 1)]
    for id_ in ids:
        versions.note({id_: 0.2}, NOW)
    assert versions.ids(NOW) == frozenset(ids[1:])
