"""How much the property tests try. `TREADLE_TEST_EFFORT=20 pytest tests/schedules` tries more.

Left alone they try the same examples every time, so that a build never fails by chance; with more
effort they look for new ones.
"""

from __future__ import annotations

import os
from datetime import timedelta

from hypothesis import HealthCheck, settings

EFFORT = int(os.environ.get("TREADLE_TEST_EFFORT", "1"))


def examples(count: int) -> settings:
    """Settings for a test that tries so many examples, times the effort."""
    return settings(
        max_examples=count * EFFORT,
        derandomize=EFFORT == 1,
        database=None,
        deadline=timedelta(seconds=20) if EFFORT > 1 else None,
        suppress_health_check=[HealthCheck.too_slow],
    )
