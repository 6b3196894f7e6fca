"""What is due at once is decided on by turns."""

from __future__ import annotations

from itertools import chain

from treadle.core.ids import new_id
from treadle.schedules.tick_store import DueSchedule
from treadle.schedules.ticker import batches_of


def test_nobody_waits_for_all_of_anothers_schedules() -> None:
    large, small, middle = new_id(), new_id(), new_id()
    due = [
        DueSchedule(new_id(), tenant)
        for tenant, count in ((large, 25), (small, 1), (middle, 12))
        for _ in range(count)
    ]
    batches = batches_of(due, 10)
    assert [(tenant, len(ids)) for tenant, ids in batches] == [
        (large, 10),
        (small, 1),
        (middle, 10),
        (large, 10),
        (middle, 2),
        (large, 5),
    ]
    taken = list(chain.from_iterable(ids for _, ids in batches))
    assert sorted(taken) == sorted(schedule.id for schedule in due)
    of = {schedule.id: schedule.tenant_id for schedule in due}
    assert all(of[schedule_id] == tenant for tenant, ids in batches for schedule_id in ids)


def test_where_nothing_is_due_there_is_no_batch() -> None:
    assert batches_of([], 10) == []
