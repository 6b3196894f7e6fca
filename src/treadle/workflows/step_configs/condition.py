"""`condition`: goes on by `yes` or by `no`."""

from __future__ import annotations

from treadle.workflows.step_configs.shape import Cel, StepConfig


class ConditionConfig(StepConfig):
    """`when` gives true or false."""

    expressions = frozenset({"when"})

    when: Cel
    """True goes on by the connection labelled `yes`, false by `no`."""
