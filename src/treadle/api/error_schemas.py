"""The types of the bodies that `treadle.api.errors` gives to refusals, as JSON Schema by name."""

from __future__ import annotations

from typing import Any, Final

from treadle.api.errors import SHAPES, shape_of

_TEXT: Final = {"type": "string"}
_REQUEST_ID: Final = {"type": "string", "description": "Of our own bugs: what the log has it by."}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "properties": required | optional, "required": list(required)}


_FINDING: Final = _object(
    {
        "loc": {"type": "array", "items": {"anyOf": [_TEXT, {"type": "integer"}]}},
        "msg": _TEXT,
        "type": _TEXT,
    }
)
ERROR_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Error": _object(
        {"status": {"type": "integer"}, "error": _TEXT, "message": _TEXT}, requestId=_REQUEST_ID
    ),
    "TokenError": _object({"error": _TEXT, "error_description": _TEXT}, request_id=_REQUEST_ID),
    "WorkflowError": _object({"message": _TEXT}, request_id=_REQUEST_ID),
    "ScheduleError": _object({"detail": _TEXT}, request_id=_REQUEST_ID),
    "Findings": _object({"detail": {"type": "array", "items": _FINDING, "minItems": 1}}),
}
_DETAIL: Final = "ScheduleError"
_NAMES: Final = {"/connect/token": "TokenError", "/v1/workflows": "WorkflowError"}


def error_schema_name(path: str, status: int) -> str:
    """The name of the type of the body with which a request of `path` is refused."""
    shape = shape_of(path)
    prefix = next((prefix for prefix, known in SHAPES if known is shape), None)
    if prefix is None:
        return "Error"
    name = _NAMES.get(prefix, _DETAIL)
    return "Findings" if name == _DETAIL and status == shape.malformed else name
