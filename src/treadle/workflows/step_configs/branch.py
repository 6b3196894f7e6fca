"""`branch`: goes on by the connection that is labelled with a value."""

from __future__ import annotations

from treadle.workflows.step_configs.shape import Cel, StepConfig


class BranchConfig(StepConfig):
    """`value` gives a text, a number, true, false or null."""

    expressions = frozenset({"value"})

    value: Cel
    """Its value chooses the connection by its label; one without a label is taken else."""
