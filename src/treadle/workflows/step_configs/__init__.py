"""One file a step type: what its config may say. `CONFIGS` names them all."""

from __future__ import annotations

from typing import Any

from treadle.workflows.step_configs.branch import BranchConfig
from treadle.workflows.step_configs.condition import ConditionConfig
from treadle.workflows.step_configs.function import FunctionConfig
from treadle.workflows.step_configs.http import HttpConfig
from treadle.workflows.step_configs.job import JobConfig
from treadle.workflows.step_configs.join import JoinConfig
from treadle.workflows.step_configs.map import MapConfig
from treadle.workflows.step_configs.shape import StepConfig
from treadle.workflows.step_configs.terminate import TerminateConfig
from treadle.workflows.step_configs.transform import TransformConfig
from treadle.workflows.step_configs.trigger import RequestConfig, ScheduleConfig
from treadle.workflows.step_configs.wait import WaitConfig
from treadle.workflows.step_configs.wait_for_response import WaitForResponseConfig
from treadle.workflows.step_configs.workflow import WorkflowConfig

CONFIGS: dict[str, type[StepConfig]] = {
    "request": RequestConfig,
    "schedule": ScheduleConfig,
    "http": HttpConfig,
    "function": FunctionConfig,
    "job": JobConfig,
    "workflow": WorkflowConfig,
    "transform": TransformConfig,
    "condition": ConditionConfig,
    "branch": BranchConfig,
    "wait": WaitConfig,
    "wait_for_response": WaitForResponseConfig,
    "map": MapConfig,
    "join": JoinConfig,
    "terminate": TerminateConfig,
}

TRIGGERS = frozenset({"request", "schedule"})
LIGHT = frozenset({"request", "schedule", "transform", "condition", "branch", "join", "terminate"})
"""Step types that need no outside world: the machine takes them itself."""

WAITING = frozenset({"wait", "wait_for_response"})
"""Step types that let time pass: a cycle needs one."""


def config_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each step type's config: what the console makes its forms of."""
    return {name: _schema(config) for name, config in CONFIGS.items()}


def _schema(config: type[StepConfig]) -> dict[str, Any]:
    """Without the words that are meant for readers of the code."""
    schema = config.model_json_schema()
    return {key: value for key, value in schema.items() if key not in ("title", "description")}
