"""Metrics that the documentation names are metrics that the server has."""

from __future__ import annotations

import re
from pathlib import Path

from treadle.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "operations.md"

_METRIC = re.compile(r"`(treadle_\w+)(?:\{[\w,]*\})?`")


def test_named_metrics_exist() -> None:
    named = set(_METRIC.findall(PAGE.read_text(encoding="utf-8")))
    assert len(named) >= 3
    there = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Metrics().registry.collect()
    }
    assert named <= there
