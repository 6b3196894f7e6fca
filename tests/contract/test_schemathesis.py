"""Whatever the OpenAPI document lets be sent, good and bad, is answered as the document says.

Every operation is called with inputs that schemathesis makes of its description: the examples, the
edges of each field, and a number of random ones, half of them wrong. No answer may be a 500, have a
status or a body that is not documented, or take what the document forbids. Inputs come from a fixed
seed. `make fuzz` sends many more, from another seed each time.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from contract.fuzzed_world import FuzzedWorld, fuzzed_world
from fixtures.database import Administrator
from fixtures.documented import document

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
"""Random inputs for each operation; `make fuzz` sends more, and the edges of every field."""
SEED = int(os.environ.get("FUZZ_SEED", "1"))
DEEP = "FUZZ_EXAMPLES" in os.environ
SECONDS = 60.0

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
"""What hypothesis complains of on a busy machine."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": SEED,
        "generation": {"deterministic": not DEEP, "max-examples": EXAMPLES, "no-shrink": not DEEP},
        "phases": {
            "examples": {"enabled": True, "fill-missing": False},
            "coverage": {"enabled": DEEP},
            "fuzzing": {
                "extra-data-sources": {"responses": False},
                "error-feedback": {"enabled": False},
            },
            "stateful": {"enabled": False},
        },
    }
)
SCHEMA: Any = schemathesis.openapi.from_dict(document(), config=CONFIG)


@pytest.fixture(scope="module")
def world(
    administrator: Administrator,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[FuzzedWorld]:
    with fuzzed_world(administrator, template_database, tmp_path_factory.mktemp("fuzzed")) as made:
        yield made


class Operation:
    """One operation under test: who calls it, and what it is about."""

    def __init__(self, world: FuzzedWorld, name: str) -> None:
        self._world = world
        self._name = name
        self._headers = world.credential()
        self._values = world.thing_of(name)

    def fill(self, case: Any) -> None:
        """Names the thing wherever the case names one rightly."""
        for place in (case.path_parameters, case.query, case.body):
            if isinstance(place, dict):
                place.update({name: self._values[name] for name in place.keys() & self._values})

    def call(self, case: Any, session: requests.Session) -> None:
        """Sends the case. Raises AssertionError for an answer that is not as documented."""
        answer = case.call(self._world.url, session, headers=self._headers, timeout=SECONDS)
        case.validate_response(answer, checks=CHECKS, headers=self._headers)
        if case.method != "GET" and answer.status_code < 300:
            self._values = self._world.thing_of(self._name)
            self._headers = self._world.credential()


@pytest.fixture(scope="module")
def session() -> Generator[requests.Session]:
    with requests.Session() as found:
        yield found


_OPERATIONS: dict[str, Operation] = {}


@SCHEMA.parametrize()
@settings(deadline=None, suppress_health_check=SLOW)
def test_an_operation_keeps_its_word(
    case: Any, world: FuzzedWorld, session: requests.Session
) -> None:
    name = case.operation.label
    operation = _OPERATIONS.get(name)
    if operation is None:
        operation = _OPERATIONS[name] = Operation(world, name)
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        operation.fill(case)
    operation.call(case, session)


def test_a_broken_word_is_noticed(world: FuzzedWorld) -> None:
    whole = document()
    path = "/api/product/info"
    answered = whole["paths"][path]["get"]["responses"]
    type_ = answered["200"]["content"]["application/json"]["schema"]
    for broken in (
        {"201": answered["200"]},
        {"200": {"description": "", "content": {"text/plain": {"schema": type_}}}},
        {"200": {"description": "", "content": {"application/json": {"schema": {"type": "null"}}}}},
    ):
        paths = {path: {"get": {"responses": broken}}}
        schema = schemathesis.openapi.from_dict({**whole, "paths": paths})
        case: Any = schema[path]["GET"].Case()
        with pytest.raises(FailureGroup):
            case.validate_response(case.call(world.url, timeout=SECONDS), checks=CHECKS)
