"""What a definition may say: parsing by itself, validation as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledVersions, Workflow
from treadle.workflows.faults import Fault, in_order
from treadle.workflows.limits import MAX_MAP_NESTING, MAX_STEPS
from treadle.workflows.parsing import parse_definition
from treadle.workflows.step_configs import CONFIGS, LIGHT, TRIGGERS, config_schemas
from treadle.workflows.step_configs.words import WORDS
from treadle.workflows.validation import validate
from workflows.making import Note, definition, step, transform, way, ways


def parse_faults(steps: Json, connections: Json = None) -> list[str]:
    made, faults = parse_definition(steps, [] if connections is None else connections)
    assert (made is None) == bool(faults)
    return [str(fault) for fault in faults]


def judged(steps: list[Note], connections: list[Note]) -> list[str]:
    return [str(fault) for fault in validate(definition(steps, connections), integrations=["crm"])]


T = step("t", "request")


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        (None, "workflow_steps: must be a list"),
        ([], "workflow_steps: needs at least one step"),
        ([5], "workflow_steps[0]: must be an object"),
        ([{"type": "http", "config": {"url": "u"}}], "workflow_steps[0].id: field required"),
        ([{"id": "a"}], "workflow_steps[0].type: field required"),
        ([step("a b", "request")], "workflow_steps[0].id: string should match"),
        ([step("a.b", "request")], "workflow_steps[0].id: string should match"),
        ([step("a", "nope")], "workflow_steps[0].type: must be one of request, schedule"),
        ([{**T, "more": 1}], "workflow_steps[0].more: there is no such field"),
        ([{**T, "config": 3}], "workflow_steps[0].config: "),
        ([{**T, "config": {"x": 1}}], "workflow_steps[0].config.x: there is no such field"),
        ([step("a", "http", {})], "workflow_steps[0].config.url: field required"),
        ([step("a", "http", {"url": 5})], "workflow_steps[0].config.url: input should be"),
        (
            [step("a", "http", {"url": "u", "pagination": {"style": "odd"}})],
            "workflow_steps[0].config.pagination.style: input should be",
        ),
        (
            [step("a", "http", {"url": "u", "success_statuses": ["2xx", "9xx"]})],
            "workflow_steps[0].config.success_statuses[1]: string should match",
        ),
        ([step("a", "wait", {})], "workflow_steps[0].config: exactly one of seconds and until"),
        (
            [step("a", "wait", {"seconds": -1})],
            "workflow_steps[0].config.seconds: must be a text, or a number above 0",
        ),
        ([step("a", "map", {"items": "payload"})], "workflow_steps[0].config: exactly one of"),
        (
            [step("a", "map", {"items": "payload", "steps": [{"id": "b", "type": "nope"}]})],
            "workflow_steps[0].config.steps[0].type: must be one of",
        ),
        (
            [{**T, "retry": {"max_attempts": 0}}],
            "workflow_steps[0].retry.max_attempts: input should be greater than or equal to 1",
        ),
        ([{**T, "timeout_seconds": 0}], "workflow_steps[0].timeout_seconds: input should be"),
        ([{**T, "timeout_seconds": True}], "workflow_steps[0].timeout_seconds: input should be"),
        (
            [{**T, "result": {"mode": "merge", "at": "a[0]"}}],
            "workflow_steps[0].result.at: string should match",
        ),
        ([T] * (MAX_STEPS + 1), f"workflow_steps: has at most {MAX_STEPS} entries"),
    ],
)
def test_fault_of_a_step_names_its_path(steps: Json, fault: str) -> None:
    found = parse_faults(steps)
    assert len(found) == 1 and found[0].startswith(fault), found


@pytest.mark.parametrize(
    ("connection", "fault"),
    [
        ({"from": "a"}, "workflow_connections[0].to: field required"),
        ({"from": "a", "to": "b", "on": "x"}, "workflow_connections[0].on: input should be"),
        ({"from": "a", "to": "b", "when": ""}, "workflow_connections[0].when: string should"),
        ({"from": "a", "to": "b", "source": "c"}, "workflow_connections[0].source: there is no"),
    ],
)
def test_fault_of_a_connection_names_its_path(connection: Note, fault: str) -> None:
    (found,) = parse_faults([T], [connection])
    assert found.startswith(fault)


def test_all_faults_come_at_once_in_the_order_of_their_paths() -> None:
    steps: list[Any] = [{**T, "id": ""}, *[step(f"s{n}", "http", {}) for n in range(1, 11)]]
    found = parse_faults(steps, [{"from": "a"}])
    paths = [fault.split(":")[0] for fault in found]
    assert paths == [
        "workflow_steps[0].id",
        *[f"workflow_steps[{n}].config.url" for n in range(1, 11)],
        "workflow_connections[0].to",
    ]


def test_order_of_paths_counts_numbers_as_numbers() -> None:
    paths = [
        "workflow_connections[0]",
        "workflow_steps[10].a",
        "workflow_steps[9].b",
        "workflow_steps",
    ]
    assert [fault.path for fault in in_order(Fault(path, "") for path in paths)] == paths[::-1]


def nested(depth: int) -> Note:
    inner = transform("x", 1)
    for n in range(depth):
        inner = step(f"m{n}", "map", {"items": "[1]", "steps": [inner]})
    return inner


def test_bounds_of_nesting() -> None:
    assert parse_faults([T, nested(MAX_MAP_NESTING)]) == []
    (found,) = parse_faults([T, nested(MAX_MAP_NESTING + 1)])
    assert found.endswith(f"maps nest at most {MAX_MAP_NESTING} deep")
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert parse_faults([transform("a", deep)]) == ["workflow_steps: nests deeper than 32 levels"]


def test_steps_within_maps_count_too() -> None:
    half = [transform(f"a{n}", 1) for n in range(MAX_STEPS // 2 + 1)]
    inner = [transform(f"b{n}", 1) for n in range(MAX_STEPS // 2)]
    (found,) = parse_faults([*half, step("m", "map", {"items": "[1]", "steps": inner})])
    assert found == f"workflow_steps[101].config.steps: a definition has at most {MAX_STEPS} steps"


@pytest.mark.parametrize(
    ("steps", "connections", "faults"),
    [
        ([step("a")], ways("t a"), []),
        ([step("a")], [], ["workflow_steps[1]: can't be reached from the first step"]),
        (
            [step("a")],
            [*ways("t a"), way("a", "zz")],
            ["workflow_connections[1].to: there is no step 'zz'"],
        ),
        (
            [step("a"), step("a")],
            ways("t a"),
            ["workflow_steps[2].id: 'a' is the id of another step"],
        ),
        (
            [step("a"), step("m", "map", {"items": "[1]", "steps": [transform("a", 1)]})],
            ways("t a m"),
            ["workflow_steps[2].config.steps[0].id: 'a' is the id of another step"],
        ),
        (
            [step("u", "request")],
            ways("t u"),
            ["workflow_steps[1].type: a trigger is the first step"],
        ),
        ([step("a")], ways("t a t"), ["workflow_connections[1].to: nothing leads to the trigger"]),
        (
            [step("a"), step("b")],
            ways("t a b a"),
            ["workflow_steps[1]: is on a cycle without a wait: a → b"],
        ),
        ([step("a")], ways("t a a"), ["workflow_steps[1]: is on a cycle without a wait: a"]),
        ([step("a"), step("w", "wait", {"seconds": 1})], ways("t a w a"), []),
        (
            [step("j", "join")],
            ways("t j"),
            ["workflow_steps[1]: a join needs at least two connections that lead to it"],
        ),
        (
            [step("c", "condition", {"when": "true"}), step("a")],
            ways("t c a"),
            ['workflow_connections[1].label: after a condition, must be "yes" or "no"'],
        ),
        (
            [step("a")],
            [way("t", "a", label="x")],
            ["workflow_connections[0].label: only after a condition or a branch"],
        ),
        (
            [transform("a", {"x": ["${1 +}", "${payload.x}"]})],
            ways("t a"),
            ["workflow_steps[1].config.value.x[0]: bad expression: Syntax error"],
        ),
        (
            [step("c", "condition", {"when": "nope"})],
            ways("t c"),
            ["workflow_steps[1].config.when: bad expression: undeclared reference to 'nope'"],
        ),
        (
            [step("w", "wait", {"until": "soon"})],
            ways("t w"),
            ["workflow_steps[1].config.until: bad expression: undeclared reference"],
        ),
        (
            [step("a")],
            [way("t", "a", when="payload >")],
            ["workflow_connections[0].when: bad expression: Syntax error"],
        ),
        (
            [transform("a", "${item}")],
            ways("t a"),
            ["workflow_steps[1].config.value: item is known only inside a map"],
        ),
        ([transform("a", "${payload.map(item, item.x)}")], ways("t a"), []),
        (
            [step("m", "map", {"items": "payload", "steps": [transform("a", "${item}${index}")]})],
            ways("t m"),
            [],
        ),
        (
            [
                step(
                    "m",
                    "map",
                    {
                        "items": "payload",
                        "steps": [step("a"), step("b", "http", {"url": "${x}"})],
                        "connections": [way("a", "c", when="1 +")],
                    },
                )
            ],
            ways("t m"),
            [
                "workflow_steps[1].config.connections[0].to: there is no step 'c'",
                "workflow_steps[1].config.connections[0].when: bad expression: Syntax error",
                "workflow_steps[1].config.steps[1]: can't be reached from the first step",
                "workflow_steps[1].config.steps[1].config.url: bad expression: undeclared",
            ],
        ),
        (
            [
                step("a", "http", {"url": "u", "integration": "crm"}),
                step("b", "http", {"url": "u", "integration": "x"}),
            ],
            ways("t a b"),
            ["workflow_steps[2].config.integration: there is no integration 'x'"],
        ),
        (
            [step("a", "wait_for_response", {"send": {"integration": "x", "any": "${1 +}"}})],
            ways("t a"),
            [
                "workflow_steps[1].config.send.any: bad expression: Syntax error",
                "workflow_steps[1].config.send.integration: there is no integration 'x'",
            ],
        ),
        (
            [step("a", "wait_for_response", {"form": {"type": "odd"}})],
            ways("t a"),
            ["workflow_steps[1].config.form: is no JSON Schema"],
        ),
        (
            [step("a", retry={"max_attempts": 2, "errors": ["Http.5xx", "Nope"]}), step("b")],
            [way("t", "a"), way("a", "b", on="error", errors=["*", "http.404"])],
            [
                "workflow_steps[1].retry.errors[1]: 'Nope' names no failure",
                "workflow_connections[1].errors[1]: 'http.404' names no failure",
            ],
        ),
        (
            [step("a"), transform("b", 1, ), step("c")],
            [*ways("t a b c"), way("a", "c", errors=["*"])],
            ['workflow_connections[3].errors: only a connection with on: "error" names errors'],
        ),
        (
            [{**transform("a", 1), "retry": {"max_attempts": 2}}],
            ways("t a"),
            ["workflow_steps[1].retry: a transform step is not retried"],
        ),
        (
            [{**transform("a", 1), "timeout_seconds": 2, "result": {"mode": "merge"}}],
            ways("t a"),
            [
                "workflow_steps[1].result: a transform step has no output to place",
                "workflow_steps[1].timeout_seconds: a transform step takes no timeout",
            ],
        ),
        (
            [step("e", "terminate"), step("a")],
            ways("t e a"),
            ["workflow_connections[1].from: nothing follows a terminate step"],
        ),
    ],
)  # fmt: skip
def test_definition_as_a_whole(
    steps: list[Note], connections: list[Note], faults: list[str]
) -> None:
    found = judged(steps, connections)
    assert len(found) == len(faults), found
    for one, start in zip(found, faults, strict=True):
        assert one.startswith(start)


def test_first_step_must_be_a_trigger() -> None:
    made, _ = parse_definition([step("a")], [])
    assert made is not None
    assert [str(fault) for fault in validate(made)] == [
        "workflow_steps[0].type: the first step must be a trigger"
    ]


def test_every_step_type_has_a_schema_for_a_form() -> None:
    schemas = config_schemas()
    assert schemas.keys() == CONFIGS.keys() > LIGHT > TRIGGERS
    json.dumps(schemas)
    assert schemas["http"]["required"] == ["url"]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_step_type_has_words_and_a_config_to_begin_with(name: str) -> None:
    words = WORDS[name]
    assert words.title and words.about.endswith(".")
    # Which job or workflow is meant is for the reader to say.
    chosen = {key: "x" if value == "" else value for key, value in words.example.items()}
    first = {"id": "t", "type": "request"} if name not in TRIGGERS else {"id": "t", "type": name}
    second = [] if name in TRIGGERS else [{"id": "a", "type": name, "config": chosen}]
    assert parse_definition([first, *second], [])[1] == []


def test_versions_are_compiled_once_and_the_oldest_forgotten() -> None:
    versions = CompiledVersions(most=2)
    made = definition([step("a")], ways("t a"))
    loads: list[str] = []

    def get(key: str) -> Workflow:
        def load() -> Any:
            loads.append(key)
            return made

        return versions.get(key, load)

    first = get("a")
    get("b")
    assert get("a") is first and loads == ["a", "b"]
    get("c")
    assert get("a") is first and versions.find("b") is None
