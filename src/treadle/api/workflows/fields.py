"""What the requests of the workflow API have in common: ids, versions, pages, instants."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Path, Query, Response
from pydantic import BaseModel

from treadle.core.ids import parse_number
from treadle.core.json import dump

SUCCESS: Final = "success"
DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 30
BAD_KEY: Final = "lastKey: is not, or no longer, a key of this list; begin again without it"
_MAX_VERSION: Final = 2**31 - 1

WORKFLOW_ID: Final = "0198f0a0-5555-7cc3-9d3f-3b1f0c5e2a11"
ORGANIZATION_ID: Final = "34f5c98e-f430-457b-a812-92637d0c6fd0"
WORKSPACE_ID: Final = "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11"

PathWorkflowId = Annotated[
    str, Path(alias="workflow_id", description="The workflow's id.", examples=[WORKFLOW_ID])
]
PathVersion = Annotated[
    str, Path(alias="workflow_version", description="The version's number.", examples=["1"])
]
QueryWorkflowId = Annotated[
    str, Query(alias="workflow_id", description="The workflow's id.", examples=[WORKFLOW_ID])
]
QueryVersion = Annotated[
    str, Query(alias="workflow_version", description="The version's number.", examples=["1"])
]
Limit = Annotated[
    int, Query(ge=1, le=MAX_LIMIT, description="Items of a page: 1 to 30.", examples=[20])
]


def version_of(text: str) -> int | None:
    """The number that the text spells; None for what no version could have."""
    number = parse_number(text)
    return None if number is None or number > _MAX_VERSION else number


def page_answer(page: BaseModel, last_key: BaseModel | None) -> Response:
    """A page of a list; `lastKey` is in it only where another one follows."""
    body: dict[str, Any] = page.model_dump(mode="json", exclude={"lastKey"})
    if last_key is not None:
        body["lastKey"] = last_key.model_dump()
    return Response(dump(body), media_type="application/json")


def milliseconds(instant: datetime) -> int:
    """The instant as the contract tells it: milliseconds since 1970."""
    return int(instant.timestamp() * 1000)
