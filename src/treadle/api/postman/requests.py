"""One request of the collection, from an operation of the OpenAPI document and its step. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from treadle.api.postman import names
from treadle.api.postman.steps import DOCUMENTED, Auth, Step

ENVIRONMENT: Final = (names.JOB_ID,)
"""What a request sets in its reader's environment; the others are the collection's own."""

_MOST_TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the document."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name in the document."""
        return str(self.described["operationId"])

    @property
    def success(self) -> tuple[int, Mapping[str, Any]]:
        """The first answer that is a success."""
        return next(
            (int(status), answer)
            for status, answer in self.described["responses"].items()
            if status.startswith("2")
        )


def request_item(operation: Operation, step: Step, known: set[str]) -> dict[str, Any]:
    """The request as Postman keeps it. `known` are the variables that steps before have set; those
    that this one sets are added.
    """
    keeps = step.keeps or _kept(operation)
    item: dict[str, Any] = {
        "name": step.name or operation.described["summary"],
        "request": {
            "method": operation.method,
            "description": operation.described.get("description", ""),
            "header": _headers(operation, step),
            "url": _url(operation, step),
            **_body(operation, step, known),
            **_auth(operation, step),
        },
        "event": [_test(operation, step, keeps)],
        "response": list(_answers(operation)),
    }
    known.update(keeps)
    return item


def auth_of(auth: Auth) -> dict[str, Any]:
    """How Postman is told what to come in with."""
    if auth is Auth.NOTHING:
        return {"type": "noauth"}
    if auth is Auth.KEY:
        pairs = {"key": "X-Api-Key", "value": names.use(names.API_KEY), "in": "header"}
        return {"type": "apikey", "apikey": _pairs(pairs)}
    token = names.ACCESS_TOKEN if auth is Auth.TOKEN else names.SESSION_TOKEN
    return {"type": "bearer", "bearer": _pairs({"token": names.use(token)})}


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value, "type": "string"} for key, value in values.items()]


def _kept(operation: Operation) -> dict[str, str]:
    """The id of what is created."""
    variable = names.of_created(operation.path) if operation.method == "POST" else None
    return {variable: "id"} if variable and "id" in _example_fields(operation.success[1]) else {}


def _example_fields(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    example = answer.get("content", {}).get("application/json", {}).get("example")
    return example if isinstance(example, dict) else {}


def _auth(operation: Operation, step: Step) -> dict[str, Any]:
    if "security" not in operation.described:
        return {"auth": auth_of(Auth.NOTHING)}
    return {} if step.auth is None else {"auth": auth_of(step.auth)}


def _url(operation: Operation, step: Step) -> dict[str, Any]:
    base = names.IDENTITY_URL if operation.path.startswith("/connect/") else names.INTEGRATE_URL
    path, values = operation.path, list[dict[str, Any]]()
    for parameter in _parameters(operation, "path"):
        name = parameter["name"]
        path = path.replace("{" + name + "}", f":{name}")
        value = step.path.get(name) or names.use(names.of_parameter(operation.path, name))
        values.append({"key": name, "value": value, "description": parameter.get("description")})
    query = [_query(parameter, step) for parameter in _parameters(operation, "query")]
    sent = "&".join(f"{each['key']}={each['value']}" for each in query if not each["disabled"])
    return {
        "raw": names.use(base) + path + (f"?{sent}" if sent else ""),
        "host": [names.use(base)],
        "path": path.removeprefix("/").split("/"),
        "query": query,
        "variable": values,
    }


def _query(parameter: Mapping[str, Any], step: Step) -> dict[str, Any]:
    name = parameter["name"]
    default = parameter.get("schema", {}).get("default")
    value = step.query.get(name, "" if default is None else str(default))
    is_sent = name in step.query or parameter.get("required", False)
    description = parameter.get("description", "")
    return {"key": name, "value": value, "description": description, "disabled": not is_sent}


def _parameters(operation: Operation, place: str) -> Iterator[Mapping[str, Any]]:
    for parameter in operation.described.get("parameters", ()):
        if parameter["in"] == place:
            yield parameter


def _headers(operation: Operation, step: Step) -> list[dict[str, Any]]:
    kind = step.content_type or _content_type(operation)
    return [] if kind is None else [{"key": "Content-Type", "value": kind}]


def _content_type(operation: Operation) -> str | None:
    return next(iter(operation.described.get("requestBody", {}).get("content", {})), None)


def _body(operation: Operation, step: Step, known: set[str]) -> dict[str, Any]:
    kind = _content_type(operation)
    if kind is None:
        return {}
    body = step.body
    if body is DOCUMENTED:
        body = _with_ids(_example(operation.described["requestBody"]["content"][kind]), known)
    if kind == "application/x-www-form-urlencoded":
        return {"body": {"mode": "urlencoded", "urlencoded": _pairs(body)}}
    if isinstance(body, str):
        return {"body": {"mode": "raw", "raw": body}}
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return {"body": {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}}


def _example(content: Mapping[str, Any]) -> Any:
    """The one example, or the first of several."""
    named = next(iter(content.get("examples", {}).values()), {})
    return content.get("example", named.get("value"))


def _with_ids(example: Any, known: set[str]) -> Any:
    """The example, which names what a step before has created instead of what nobody has."""
    if isinstance(example, dict):
        return {
            key: names.use(variable)
            if (variable := names.pascal(key)) in known and key.endswith("_id")
            else _with_ids(value, known)
            for key, value in example.items()
        }
    if isinstance(example, list):
        return [_with_ids(each, known) for each in example]
    return example


def _test(operation: Operation, step: Step, keeps: Mapping[str, str]) -> dict[str, Any]:
    statuses = step.statuses or (operation.success[0],)
    told = " or ".join(map(str, statuses))
    lines = [
        f'pm.test("answers {told}", function () {{',
        f"    pm.expect(pm.response.code, pm.response.text()).to.be.oneOf({list(statuses)});",
        "});",
    ]
    if step.again_on is not None:
        lines = _again(operation, step, lines)
    if keeps:
        lines += [
            f"if (pm.response.code < {HTTPStatus.BAD_REQUEST}) {{",
            "    const answer = pm.response.json();",
            *(f"    {_setting(variable, place)}" for variable, place in keeps.items()),
            "}",
        ]
    return {"listen": "test", "script": {"type": "text/javascript", "exec": lines}}


def _again(operation: Operation, step: Step, lines: list[str]) -> list[str]:
    """The same, after the request was sent again as long as it is answered like this."""
    name = json.dumps(step.name or operation.described["summary"])
    return [
        f'const tries = Number(pm.collectionVariables.get("{names.TRIES}") || 0);',
        f"if (pm.response.code === {step.again_on} && tries < {_MOST_TRIES}) {{",
        f'    pm.collectionVariables.set("{names.TRIES}", tries + 1);',
        "    // Scripts are waited for until their timers are over.",
        "    setTimeout(function () {}, 100);",
        f"    postman.setNextRequest({name});",
        "} else {",
        f'    pm.collectionVariables.unset("{names.TRIES}");',
        *(f"    {line}" for line in lines),
        "}",
    ]


def _setting(variable: str, place: str) -> str:
    value = "answer" + "".join(f"[{json.dumps(_index(part))}]" for part in place.split("."))
    scope = "environment" if variable in ENVIRONMENT else "collectionVariables"
    return f'pm.{scope}.set("{variable}", {value});'


def _index(part: str) -> str | int:
    return int(part) if part.isdigit() else part


def _answers(operation: Operation) -> Iterator[dict[str, Any]]:
    """The examples of the document, for who reads the collection without a server."""
    status, answer = operation.success
    for kind, content in answer.get("content", {}).items():
        example = _example(content)
        if example is None:
            continue
        text = example if isinstance(example, str) else json.dumps(example, indent=2)
        yield {
            "name": answer.get("description", ""),
            "status": HTTPStatus(status).phrase,
            "code": status,
            "header": [{"key": "Content-Type", "value": kind}],
            "body": text,
        }
