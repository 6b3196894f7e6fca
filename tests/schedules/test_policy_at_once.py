"""Actions that are done with their start: never in the way of the next firing."""

from __future__ import annotations

import pytest

from schedules.timeline import Timeline, minute
from treadle.schedules.decisions import CompletionAction, OverlapPolicy, Settings, State, Stretch


@pytest.mark.parametrize("policy", list(OverlapPolicy))
def test_what_is_late_is_done_whatever_the_overlap_policy(policy: OverlapPolicy) -> None:
    timeline = Timeline(Settings("s", overlap_policy=policy, ends_at_once=True))
    timeline.tick(8, 1, 5, 8)
    assert timeline.read() == "1 do late, 5 do late, 8 do"
    assert timeline.state.running == ()


def test_one_that_waits_is_in_the_way_until_it_is_done() -> None:
    timeline = Timeline(Settings("s", rate_limit_per_minute=1, ends_at_once=True))
    timeline.tick(1, 1)
    timeline.tick(1.5, 1)
    timeline.log.clear()
    timeline.trigger(1.7)
    timeline.tick(2)
    assert timeline.read() == "1.7m skip, 1 do"


def test_a_rate_limit_delays_what_ends_at_once_and_loses_none_of_it() -> None:
    settings = Settings(
        "s",
        overlap_policy=OverlapPolicy.BUFFER_ALL,
        rate_limit_per_minute=1,
        ends_at_once=True,
    )
    timeline = Timeline(settings)
    timeline.tick(3, 1, 2, 3)
    assert timeline.read() == "1 do late, 2 delay, 3 buffer"
    assert timeline.last.wake_at == minute(4)
    timeline.tick(4)
    assert timeline.read() == "2 do, 3 delay"
    timeline.tick(5, next_due=None)
    assert timeline.read() == "3 do"
    assert timeline.last.completion is CompletionAction.NONE


def test_hundreds_that_waited_for_a_window_are_done_at_its_end() -> None:
    settings = Settings("s", overlap_policy=OverlapPolicy.BUFFER_ALL, ends_at_once=True)
    window = Stretch(minute(0), minute(500), "repair", delays=True)
    timeline = Timeline(settings, State(maintenance=(window,)))
    for at in range(500):
        timeline.tick(at, at)
    assert timeline.last.wake_at == minute(500)
    timeline.log.clear()
    timeline.tick(500)
    assert timeline.log == [f"{at} do" for at in range(500)]
    assert timeline.state.running == timeline.state.buffered == timeline.state.queued == ()
