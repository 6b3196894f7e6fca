"""What all step configs share: no unknown field, nothing coerced, never changed.

A config's texts are templates (`${…}`), but for those a class names: `expressions` are CEL as they
stand, `verbatim` are taken to the letter.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from treadle.workflows.limits import MAX_EXPRESSION_LENGTH, MAX_SECONDS, MAX_TEXT_LENGTH


class StepConfig(BaseModel):
    """The config of one step type."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )

    expressions: ClassVar[frozenset[str]] = frozenset()
    verbatim: ClassVar[frozenset[str]] = frozenset()

    def written(self) -> dict[str, Any]:
        """The JSON that this was read from."""
        return self.model_dump(mode="json", exclude_unset=True)


JOB: Final[JsonDict] = {"format": "treadle-job"}
WORKFLOW: Final[JsonDict] = {"format": "treadle-workflow"}
INTEGRATION: Final[JsonDict] = {"format": "treadle-integration"}
PYTHON: Final[JsonDict] = {"format": "python"}
JSON_SCHEMA: Final[JsonDict] = {"format": "json-schema"}
"""What a form may offer for a field, beside its type."""

Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
NonEmptyText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]
Cel = Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_LENGTH)]
Key = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
