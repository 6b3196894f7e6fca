"""One story for every overlap policy with every catch-up policy: exactly these decisions.

A schedule is due at 0, 5 and 6; its target takes from 0 to 7. Then nothing ticks until 31, when
15, 20, 25, 28 and 30 have come due: with a window of ten minutes 15 and 20 are too old, 25 and 28
are late, and 30 is on time. At 33 it is paused, at 40 resumed; 35 and 38 fall into the pause. 41
fails twice, which is all it may. It is edited to allow all and to try once: 44 and 45 fail, and the
third failure in a row pauses it before 47.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from schedules.timeline import Timeline
from treadle.schedules.decisions import CatchupPolicy, OverlapPolicy, Settings

ORDINARY = {
    OverlapPolicy.SKIP: [
        "0 start",
        "5 skip",
        "6 skip",
        "0 succeed",
        "",
        "",
    ],
    OverlapPolicy.BUFFER_ONE: [
        "0 start",
        "5 buffer",
        "6 skip",
        "0 succeed, 5 start",
        "5 succeed",
        "",
    ],
    OverlapPolicy.BUFFER_ALL: [
        "0 start",
        "5 buffer",
        "6 buffer",
        "0 succeed, 5 start",
        "5 succeed, 6 start",
        "6 succeed",
    ],
    OverlapPolicy.CANCEL_OTHER: [
        "0 start",
        "5 buffer, (0 told to cancel)",
        "5 skip, 6 buffer",
        "0 cancel, 6 start",
        "6 succeed",
        "",
    ],
    OverlapPolicy.TERMINATE_OTHER: [
        "0 start",
        "5 start, (0 told to terminate)",
        "6 start, (5 told to terminate)",
        "0 cancel",
        "5 cancel, 6 succeed",
        "",
    ],
    OverlapPolicy.ALLOW_ALL: [
        "0 start",
        "5 start",
        "6 start",
        "0 succeed",
        "5 succeed, 6 succeed",
        "",
    ],
}

TOO_OLD = "15 miss, 20 miss, "
OUTAGE = {
    (OverlapPolicy.SKIP, CatchupPolicy.ALL): [
        TOO_OLD + "25 start late, 28 skip late, 30 skip",
        "",
        "25 succeed late",
    ],
    (OverlapPolicy.BUFFER_ONE, CatchupPolicy.ALL): [
        TOO_OLD + "25 start late, 28 buffer late, 30 skip",
        "28 skip late",
        "25 succeed late",
    ],
    (OverlapPolicy.BUFFER_ALL, CatchupPolicy.ALL): [
        TOO_OLD + "25 start late, 28 buffer late, 30 buffer",
        "28 skip late, 30 skip",
        "25 succeed late",
    ],
    (OverlapPolicy.CANCEL_OTHER, CatchupPolicy.ALL): [
        TOO_OLD + "25 skip late, 28 skip late, 30 start",
        "",
        "30 succeed",
    ],
    (OverlapPolicy.TERMINATE_OTHER, CatchupPolicy.ALL): [
        TOO_OLD + "25 skip late, 28 skip late, 30 start",
        "",
        "30 succeed",
    ],
    (OverlapPolicy.ALLOW_ALL, CatchupPolicy.ALL): [
        TOO_OLD + "25 start late, 28 start late, 30 start",
        "",
        "25 succeed late, 28 succeed late, 30 succeed",
    ],
}
for policy in OverlapPolicy:
    OUTAGE[policy, CatchupPolicy.LATEST] = [
        TOO_OLD + "25 coalesce, 28 coalesce, 30 start",
        "",
        "30 succeed",
    ]
    OUTAGE[policy, CatchupPolicy.NONE] = [
        TOO_OLD + "25 miss, 28 miss, 30 start",
        "",
        "30 succeed",
    ]


@pytest.mark.parametrize("catchup", CatchupPolicy)
@pytest.mark.parametrize("overlap", OverlapPolicy)
def test_the_story_of_a_schedule(overlap: OverlapPolicy, catchup: CatchupPolicy):
    settings = Settings(
        "s",
        overlap_policy=overlap,
        catchup_policy=catchup,
        max_retries=1,
        pause_on_failure_count=3,
    )
    line = Timeline(settings)
    told: list[str] = []
    line.tick(0, 0)
    told.append(line.read())
    line.tick(5, 5)
    told.append(line.read())
    line.tick(6, 6)
    told.append(line.read())
    line.end(7, "0")
    told.append(line.read())
    line.end(8)
    told.append(line.read())
    line.end(9)
    told.append(line.read())
    assert told == ORDINARY[overlap]
    assert line.state.running == ()

    told.clear()
    line.tick(31, 15, 20, 25, 28, 30)
    told.append(line.read())
    line.pause(33)
    told.append(line.read())
    line.end(34)
    told.append(line.read())
    assert told == OUTAGE[overlap, catchup]

    line.resume(40)
    line.tick(41, 35, 38, 41)
    assert line.read() == "35 pause, 38 pause, 41 start"
    assert not (line.state.buffered or line.state.queued or line.state.delayed)
    line.fail(41.5)
    line.tick(42.5)
    line.fail(43)
    assert line.read() == "41 retry, 41 start, 41 fail"

    line.settings = replace(settings, overlap_policy=OverlapPolicy.ALLOW_ALL, max_retries=0)
    line.tick(44, 44)
    line.tick(45, 45)
    line.fail(46)
    assert line.read() == "44 start, 45 start, 44 fail, 45 fail"
    assert line.last.pause == "3 firings in a row have failed: boom"
    line.tick(47, 47)
    assert line.read() == "47 pause"
