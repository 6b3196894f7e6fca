"""What steps a definition can be made of: for those who make forms or check definitions of their
own.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import needs_somewhere
from treadle.api.wire import snake_case
from treadle.api.workflows.fields import SUCCESS
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.workflows.step_configs import CONFIGS, TRIGGERS, config_schemas
from treadle.workflows.step_configs.words import WORDS

router: Final = APIRouter(route_class=EdgeRoute, tags=["Workflows"])

Reader = Annotated[Principal, needs_somewhere(Right.WORKFLOWS_READ)]

_CONDITION: Final[dict[str, Any]] = {
    "type": "condition",
    "title": "Condition",
    "description": "Goes on by yes or by no.",
    "is_trigger": False,
    "expressions": ["when"],
    "example": {"when": "payload.total > 1000"},
    "config_schema": {
        "type": "object",
        "properties": {"when": {"type": "string", "minLength": 1}},
        "required": ["when"],
        "additionalProperties": False,
    },
}


class StepType(BaseModel):
    """One type of step."""

    model_config = snake_case(example=_CONDITION)

    type: str
    title: str
    description: str
    is_trigger: bool = Field(description="Whether it is the first step, and only that.")
    expressions: list[str] = Field(
        description="The fields of the config that are expressions as they stand. In texts of "
        "other fields, expressions stand in `${…}`."
    )
    example: dict[str, Any] = Field(description="A config to begin with.")
    config_schema: dict[str, Any] = Field(description="JSON Schema of the config.")


class StepTypeList(BaseModel):
    """All types of steps."""

    model_config = snake_case(example={"message": SUCCESS, "items": [_CONDITION]})

    message: str = SUCCESS
    items: list[StepType]


@router.get(
    "/v1/workflows/step-types",
    summary="List the types of steps",
    operation_id="listWorkflowStepTypes",
)
async def list_step_types(_caller: Reader) -> StepTypeList:
    """What a step can be: its name, what it does, and the JSON Schema of its config."""
    return _STEP_TYPES


_STEP_TYPES: Final = StepTypeList(
    items=[
        StepType(
            type=name,
            title=WORDS[name].title,
            description=WORDS[name].about,
            is_trigger=name in TRIGGERS,
            expressions=sorted(CONFIGS[name].expressions),
            example=dict(WORDS[name].example),
            config_schema=schema,
        )
        for name, schema in config_schemas().items()
    ]
)
