"""The whole collection and its environment, from the OpenAPI document. Pure.

What the script does not name joins by rule: a folder of the operation's tag, in which a POST to a
list comes first and a DELETE last. A created id goes into the variable that the paths below name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from treadle.api.postman import names
from treadle.api.postman.requests import ENVIRONMENT, Operation, auth_of, request_item
from treadle.api.postman.script import FOLDERS, LAST
from treadle.api.postman.steps import Auth, Folder, Step

COLLECTION_ID: Final = "6f1d1c0e-5f0b-4c53-9f0e-7b8e5d2a9c41"
ENVIRONMENT_ID: Final = "b2f6c1a7-1c36-4f2e-8d0a-3e9d7f5b6a12"
SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS: Final = ("POST", "GET", "PUT", "PATCH", "DELETE")
_DESCRIPTION: Final = (
    "Choose the environment and fill in `IntegrateApiKey`, `ClientId` and `ClientSecret` of an API "
    "key with the role Administrator, `Username` and `Password` of a person. *Get Token* comes "
    "first; the requests set each other's variables. *Integrate* needs the API key and "
    "`IntegrateJobId` alone. Played from the top to the bottom, all of it is green and leaves "
    "nothing behind but an inactive user and archived workflows."
)


def build_collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """The collection, in Postman's format 2.1."""
    operations = {operation.id: operation for operation in operations_of(document)}
    folders = (*FOLDERS, *_unscripted(document, operations), LAST)
    known: set[str] = set()
    items = [_folder(folder, operations, known) for folder in folders]
    environment = {*_environment_values(""), *ENVIRONMENT}
    return {
        "info": {
            "_postman_id": COLLECTION_ID,
            "name": document["info"]["title"],
            "description": _DESCRIPTION,
            "version": document["info"]["version"],
            "schema": SCHEMA,
        },
        "auth": auth_of(Auth.TOKEN),
        "item": [item for item in items if item["item"]],
        "variable": [{"key": name, "value": ""} for name in sorted(known - environment)],
    }


def build_environment(base: str) -> dict[str, Any]:
    """The environment for the server at this address."""
    secret = {names.API_KEY, "ClientSecret", "Password"}
    return {
        "id": ENVIRONMENT_ID,
        "name": f"Treadle at {base}",
        "values": [
            {
                "key": key,
                "value": value,
                "type": "secret" if key in secret else "default",
                "enabled": True,
            }
            for key, value in _environment_values(base).items()
        ],
        "_postman_variable_scope": "environment",
    }


def operations_of(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation of the document."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described)


def _environment_values(base: str) -> dict[str, str]:
    first = {names.IDENTITY_URL: base, names.INTEGRATE_URL: base}
    return {**first, **dict.fromkeys((names.API_KEY, names.JOB_ID, *names.OWN), "")}


def _folder(folder: Folder, operations: Mapping[str, Operation], known: set[str]) -> dict[str, Any]:
    return {
        "name": folder.name,
        "description": folder.description,
        "item": [
            request_item(operations[step.operation], step, known)
            for step in folder.steps
            # A server that does not have it, such as one of fewer contracts, goes without.
            if step.operation in operations
        ],
        **({} if folder.auth is None else {"auth": auth_of(folder.auth)}),
    }


def _unscripted(
    document: Mapping[str, Any], operations: Mapping[str, Operation]
) -> Iterator[Folder]:
    scripted = {step.operation for folder in (*FOLDERS, LAST) for step in folder.steps}
    left = [operation for operation in operations.values() if operation.id not in scripted]
    for tag in document.get("tags", ()):
        found = [each for each in left if each.described["tags"][0] == tag["name"]]
        steps = tuple(_by_rule(operation) for operation in sorted(found, key=_turn))
        yield Folder(tag["name"], tag.get("description", ""), steps)


def _turn(operation: Operation) -> tuple[int, int, int]:
    """Creates, reads, changes, acts, deletes."""
    method, depth = operation.method, operation.path.count("{")
    is_creation = method == "POST" and names.of_created(operation.path) is not None
    if method == "DELETE":
        return (2, -depth, 0)
    return (0 if is_creation else 1, depth, _METHODS.index(method))


def _by_rule(operation: Operation) -> Step:
    """What it is answered depends on what is there: any answer that the document names will do,
    but a fault of the server.
    """
    documented = (int(status) for status in operation.described["responses"])
    return Step(operation.id, statuses=tuple(s for s in documented if s < 500))
