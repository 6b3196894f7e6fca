"""`http`: one request to another system, or all pages of a list."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from treadle.workflows.step_configs.shape import INTEGRATION, Key, NonEmptyText, StepConfig, Text

SuccessStatus = Annotated[str, Field(pattern=r"^[1-5](\d\d|xx)$")]


class Pagination(StepConfig):
    """How to go on to the next page, and where the items of a page are."""

    style: Literal["link", "cursor", "page", "offset"]
    items: Text = "body"
    """Keys joined by dots, from the answer: where the list of a page stands."""
    cursor: Text | None = None
    """Where the next cursor stands, the same way."""
    parameter: Key = "page"
    """The query parameter that carries the cursor, page or offset."""
    start: int = Field(default=1, ge=0)
    size: int | None = Field(default=None, ge=1, le=10_000)
    max_pages: int = Field(default=100, ge=1, le=1_000)


class HttpConfig(StepConfig):
    """The request; `integration` adds the address and the credentials it stores."""

    verbatim = frozenset({"integration", "pagination", "success_statuses"})

    integration: Annotated[Key, Field(json_schema_extra=INTEGRATION)] | None = None
    """Adds its address and credentials to the request."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    url: NonEmptyText
    """Whole, or a path below the address of the integration."""
    query: dict[Key, Any] = Field(default_factory=dict, max_length=100)
    headers: dict[Key, Text] = Field(default_factory=dict, max_length=100)
    body: Any = None
    """Any JSON; texts in it may hold `${…}`."""
    body_type: Literal["json", "form", "multipart", "xml", "raw"] = "json"
    success_statuses: list[SuccessStatus] = Field(
        default_factory=lambda: ["2xx"], min_length=1, max_length=20
    )
    """Any other answer is a failure: `2xx`, `404`. Empty: `2xx`."""
    pagination: Pagination | None = None
    """How to read all pages of a list."""

    @field_validator("method", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
