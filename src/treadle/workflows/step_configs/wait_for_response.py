"""`wait_for_response`: until somebody answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from treadle.workflows.step_configs.shape import INTEGRATION, JSON_SCHEMA, Key, Seconds, StepConfig


class SendConfig(StepConfig):
    """What is sent to ask for the answer; the integration's kind says which fields it takes."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    integration: Annotated[Key, Field(json_schema_extra=INTEGRATION)]


class WaitForResponseConfig(StepConfig):
    """Without `sources`, every source that the workflow knows may answer."""

    verbatim = frozenset({"sources", "form"})

    sources: list[Key] | None = Field(default=None, min_length=1, max_length=50)
    """Who may answer: `TEAMS`, `SAP`, names of integrations. Empty: all that the workflow knows."""
    timeout_seconds: Seconds | None = None
    """Without an answer by then, the step fails with `Timeout`."""
    send: SendConfig | None = None
    """What asks for the answer: `integration`, and the fields that its kind takes."""
    form: Annotated[dict[str, Any], Field(json_schema_extra=JSON_SCHEMA)] | None = None
    """A JSON Schema of the answer, which the page behind an answer link shows as a form."""
