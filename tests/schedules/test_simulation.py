"""No silent due time: years of schedules, with everything that can befall them, in seconds.

`simulated.world` says what is real in it and what is not. `TREADLE_TEST_EFFORT=20` plays more
worlds, and `TREADLE_TEST_SEED=17` plays that one again.
"""

from __future__ import annotations

import os

import pytest

from schedules.effort import EFFORT
from schedules.simulated.actors import Violation
from schedules.simulated.world import Size, World

ONLY = os.environ.get("TREADLE_TEST_SEED")
SEEDS = range(6 * EFFORT) if ONLY is None else [int(ONLY)]


def size_of(seed: int) -> Size:
    """Worlds of three kinds: without, with some and with many deaths."""
    kind = seed % 3
    return Size(
        schedules=20,
        days=200,
        deeds=6,
        deaths=(0, 0.001, 0.01)[kind],
        stops=(0, 0.001, 0.004)[kind],
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_every_due_time_leaves_exactly_one_firing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(seed, size_of(seed), monkeypatch)
    try:
        world.play()
    except Violation as violation:
        pytest.fail(
            f"at {world.now}, step {world.steps}: {violation}\n"
            f"TREADLE_TEST_SEED={seed} pytest tests/schedules/test_simulation.py plays it again",
            pytrace=False,
        )
    counts = world.audit.counts
    assert counts["due"] > 300
    assert counts["in spans"] > 20
    assert counts["succeeded"] > 100
    assert (world.deaths > 0) is (size_of(seed).deaths > 0)
