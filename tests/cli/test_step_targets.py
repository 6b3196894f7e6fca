"""Names of jobs and workflows in the steps of a file."""

from __future__ import annotations

from typing import Any

import pytest

from treadle.cli.definitions import definition_of
from treadle.cli.step_targets import StepTarget, step_targets

PLACE = "order.yaml"


def a_step(type_: str, **config: Any) -> dict[str, Any]:
    return {"id": "it", "type": type_, "config": config}


def test_names_are_found_at_every_depth() -> None:
    inner = a_step("map", items="[1]", steps=[a_step("job", job="Deep", input={})])
    steps = [a_step("job", job="Top"), a_step("map", items="[1]", steps=[inner])]
    assert step_targets([*steps, a_step("map", items="[1]", workflow="Order")], place=PLACE) == [
        StepTarget("job", "Top", "[0].config"),
        StepTarget("job", "Deep", "[1].config.steps[0].config.steps[0].config"),
        StepTarget("workflow", "Order", "[2].config"),
    ]


def test_other_steps_and_ids_are_let_alone() -> None:
    steps = [a_step("job", job_id="7"), a_step("transform", value={"job": "x"}, job="x"), "no step"]
    assert step_targets(steps, place=PLACE) == []


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (a_step("job", job=7), ".steps[0].config.job: must be the name of a job"),
        (a_step("workflow", workflow=""), ".steps[0].config.workflow: must be the name"),
        (a_step("job", job="A", job_id="7"), ".steps[0].config: give either `job` or `job_id`"),
        ("a text", ".steps[0]: must be an object"),
    ],
    ids=["number", "empty", "both", "text"],
)
def test_a_wrong_name_is_refused_with_its_place(step: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=r"^order\.yaml") as refused:
        definition_of({"name": "Order", "steps": [step]}, place=PLACE)
    assert str(refused.value).startswith(PLACE + fault)
