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
from treadle.api.error_schemas import ERROR_SCHEMAS, error_schema_name
from treadle.api.errors import Fault, Problem, shaped
from treadle.api.refusals import Refusal, refusals_of

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
    {"name": "Remote jobs", "description": "For scripts: run jobs, manage their schedules."},
    {"name": "Workflows", "description": "Steps and connections, in versions."},
    {"name": "Executions", "description": "Runs of workflows: started, answered, followed."},
    {"name": "Schedules", "description": "When something is due, and what became of it."},
    {"name": "Statistics", "description": "How much ended well or badly, and how late it was."},
    {"name": "API keys", "description": "What programs come in with, and from where they may."},
    {"name": "Projects", "description": "Folders of resources, with roles of their own."},
    {"name": "Members", "description": "Who holds which role, and what a role allows."},
    {"name": "Entities", "description": "Kinds of records and their data, for relative schedules."},
    {"name": "Records", "description": "Data with dates, which relative schedules look at."},
    {"name": "Calendars", "description": "Days that schedules are held on, or keep to."},
    {"name": "Maintenance windows", "description": "When schedules do not start, or start late."},
    {"name": "Integrations", "description": "Connections to other systems, and their secrets."},
    {"name": "Invitations", "description": "People who are asked by mail to come in."},
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
        "description": "The full text of an API key. Not looked at where `Authorization: Bearer` "
        "is sent as well.",
    },
}
_SECURITY: Final = [{name: []} for name in _SECURITY_SCHEMES]

_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Seconds until it is worth trying again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_FAULT: Final = Fault(("body", "name"), "Field required", "missing")
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
    components.setdefault("schemas", {}).update(ERROR_SCHEMAS)
    for route, operation in _operations(document, routes):
        _complete(route, operation)
        if "PATCH" in (route.methods or ()):
            _forget_defaults(operation, components.get("schemas", {}))
        for content in _contents(operation):
            _add_example(content, components.get("schemas", {}))
            if "example" in content:
                content["example"] = _with_nulls(
                    content["example"], content.get("schema", {}), components.get("schemas", {})
                )
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
    for refusal in refusals_of(route):
        _add_refusal(route.path, responses, refusal)


def _add_refusal(path: str, responses: dict[str, Any], refusal: Refusal) -> None:
    """Adds a reason to what is said of its status, which several reasons may have. Of what the
    route says itself of its body nothing is changed.
    """
    problem = Problem(
        refusal.status,
        refusal.message,
        # What a domain finds in a well-formed request is told in the same form.
        faults=[_FAULT] if refusal.status in (400, 422) else (),
        request_id=_REQUEST_ID if refusal.status == 500 else None,
    )
    status, body = shaped(path, problem)
    said = responses.setdefault(str(status), {"description": ""})
    if refusal.when not in said["description"]:
        said["description"] = f"{said['description']} {refusal.when}".strip()
    if refusal.status in (429, 503):
        said["headers"] = _RETRY_AFTER
    name = error_schema_name(path, status)
    schema = {"$ref": f"#/components/schemas/{name}"}
    said.setdefault("content", {"application/json": {"schema": schema, "example": body}})


def _forget_defaults(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What a PATCH leaves out stays as it is: a default in its type would say otherwise."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        for field in schemas.get(name, {}).get("properties", {}).values():
            field.pop("default", None)


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


def _with_nulls(example: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The example with the fields that are null in it: FastAPI leaves them out of all documents,
    where the type says that they are always there.
    """
    choices = [schema, *schema.get("anyOf", ())]
    found = [schemas.get(each.get("$ref", "").rpartition("/")[2], each) for each in choices]
    if isinstance(example, list):
        items = next((each["items"] for each in found if "items" in each), {})
        return [_with_nulls(each, items, schemas) for each in example]
    properties = next((each["properties"] for each in found if "properties" in each), {})
    if not isinstance(example, dict) or not properties:
        return example
    required = {name for each in found for name in each.get("required", ())}
    nulls = {name for name in required - set(example) if _admits_null(properties.get(name, {}))}
    return {
        **{
            name: _with_nulls(value, properties.get(name, {}), schemas)
            for name, value in example.items()
        },
        **dict.fromkeys(sorted(nulls)),
    }


def _admits_null(schema: dict[str, Any]) -> bool:
    """Any JSON value may be null, too."""
    anything = not {"type", "anyOf", "$ref"} & set(schema) or schema.get("$ref", "").endswith(
        "/JsonValue"
    )
    return anything or any(each.get("type") == "null" for each in schema.get("anyOf", ()))


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
