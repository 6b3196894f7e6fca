"""The OpenAPI document: FastAPI's, completed by rules instead of by hand in every route.

FastAPI knows paths, parameters and types. Who must call, which refusals there can be, how they look
in this contract, and an example for everything follow from the route itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from treadle.api.dependencies import names_caller, right_of
from treadle.api.errors import BUG_MESSAGE, Problem, shaped

DESCRIPTION: Final = (
    "Jobs, workflows and schedules for many tenants. Every request but those of *Login*, *Tokens*, "
    "*Product* and *Health* needs a credential: `Authorization: Bearer <access token>` or "
    "`X-Api-Key: <key>`."
    "\n\nSend `X-Request-Id` to find a request again in the server's log; every answer has one. "
    "Bodies are at most 1 MB (uploads aside) and nest at most 64 levels."
)
TAGS: Final = (
    {"name": "Login", "description": "Sessions of people: access and refresh tokens."},
    {"name": "Tokens", "description": "Tokens of API keys, as RFC 6749 says."},
    {"name": "Users", "description": "The people of a tenant."},
    {"name": "Job configs", "description": "What can be run: packages and how they are run."},
    {"name": "Jobs", "description": "Runs of job configs: their states, logs and results."},
    {"name": "Macros", "description": "Variables of the code, secure ones among them."},
    {"name": "Destinations", "description": "Pools of workers."},
    {"name": "API keys", "description": "What programs come in with, and from where they may."},
    {"name": "Projects", "description": "Folders of resources, with roles of their own."},
    {"name": "Members", "description": "Who holds which role, and what a role allows."},
    {"name": "Audit", "description": "Who did what, and what was refused."},
    {"name": "Product", "description": "What answers here."},
    {"name": "Health", "description": "For those who keep the process running."},
)
_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token: of a person from `POST /api/login`, of an API key from "
        "`POST /connect/token`.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "The full text of an API key.",
    },
}
_SECURITY: Final = [{name: []} for name in _SECURITY_SCHEMES]

_REFUSALS: Final = {
    400: ("Malformed: the message names the field and the rule.", "name: is required"),
    401: ("No credential, or one that is wrong, expired or revoked.", "A credential is needed."),
    403: ("The role of the caller does not allow this.", "Your role does not allow you to do it."),
    404: ("There is no such thing, or it is not visible to the caller.", "Not found."),
    429: ("Too many requests; `Retry-After` says when to try again.", "Too many requests."),
    413: ("The body is too large.", "The request body is over 1048576 bytes."),
    500: ("A bug of ours; the answer carries the request id.", BUG_MESSAGE),
    503: ("The database or file storage is away; try again.", "Not available now; try again."),
}
_REQUEST_ID: Final = "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11"


def build_openapi(*, title: str, version: str, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    document: dict[str, Any] = get_openapi(
        title=title,
        version=version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        tags=list(TAGS),
        routes=routes,
    )
    components: dict[str, Any] = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY_SCHEMES
    for route, operation in _operations(document, routes):
        _complete(route, operation)
        for content in _contents(operation):
            _add_example(content, components.get("schemas", {}))
    for unused in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(unused, None)
    return document


def _operations(
    document: dict[str, Any], routes: Sequence[BaseRoute]
) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, document["paths"][route.path_format][method.lower()]


def _complete(route: APIRoute, operation: dict[str, Any]) -> None:
    """Who may call, and what may be answered besides what the route says itself."""
    responses: dict[str, Any] = operation["responses"]
    # FastAPI's idea of a malformed request; each contract has its own.
    if 422 not in route.responses:
        responses.pop("422", None)
    if names_caller(route):
        operation["security"] = _SECURITY
    right = right_of(route)
    if right is not None:
        text = operation.get("description", "")
        operation["description"] = f"{text}\n\nNeeds the right to {right.value}.".strip()
    for status in _refusals(route, operation):
        description, message = _REFUSALS[status]
        answered, body = shaped(
            route.path,
            Problem(status, message, request_id=_REQUEST_ID if status == 500 else None),
        )
        responses.setdefault(
            str(answered),
            {
                "description": description,
                "content": {
                    "application/json": {"schema": _schema_of(body), "example": body},
                },
            },
        )


def _refusals(route: APIRoute, operation: dict[str, Any]) -> Iterator[int]:
    if operation.get("parameters") or "requestBody" in operation:
        yield 400
    if names_caller(route):
        yield from (401, 429)
    if right_of(route) is not None:
        yield 403
    if "{" in route.path:
        yield 404
    if "requestBody" in operation:
        yield 413
    if route.path.startswith(("/health", "/metrics")):
        return
    yield from (500, 503)


def _schema_of(example: object) -> dict[str, Any]:
    """The type of an error's body, read off one."""
    if isinstance(example, dict):
        fields = {str(name): _schema_of(value) for name, value in example.items()}
        return {"type": "object", "properties": fields, "required": list(fields)}
    if isinstance(example, list):
        return {"type": "array", "items": _schema_of(example[0])}
    return {"type": "integer" if isinstance(example, int) else "string"}


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        yield from body.get("content", {}).values()


def _add_example(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    """The example of a body is that of its type."""
    if "example" in content or "examples" in content:
        return
    found = _example_of(content.get("schema", {}), schemas)
    if found is not None:
        content["example"] = found


def _example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        item = _example_of(schema["items"], schemas)
        return None if item is None else [item]
    for choice in (schema, *schema.get("anyOf", ())):
        name = choice.get("$ref", "").rpartition("/")[2]
        examples = schemas.get(name, {}).get("examples")
        if examples:
            return examples[0]
    return None
