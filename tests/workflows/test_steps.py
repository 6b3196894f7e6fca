"""Each construct of a definition, taken by the machine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from treadle.core.json import Json
from treadle.workflows.effects import (
    AwaitResponse,
    Cancel,
    Complete,
    Fail,
    StartJob,
    StartStep,
    StartWorkflow,
)
from treadle.workflows.events import ChildEnded, JobEnded, Resumed, StepSucceeded
from treadle.workflows.machine import Answer
from treadle.workflows.state import Failure, Status
from workflows.making import NOW, Play, chain, step, transform, way, ways, workflow


def output_of(play: Play) -> Json:
    (last,) = [effect for effect in play.effects if isinstance(effect, Complete)]
    assert play.state.status is Status.COMPLETED
    assert play.state.output == last.output
    return last.output


def failure_of(play: Play) -> Failure:
    (last,) = [effect for effect in play.effects if isinstance(effect, Fail)]
    assert play.state.status is Status.FAILED
    return last.failure


def test_trigger_alone_completes_with_its_payload() -> None:
    assert output_of(Play(workflow([], []), {"a": 1})) == {"a": 1}


def test_light_steps_run_to_completion_in_one_advance() -> None:
    play = Play(
        chain(
            transform("a", {"n": "${payload.n + 1}"}),
            transform("b", {"m": "${payload.n * 2}"}, mode="merge"),
            transform("c", "${payload.n}/${payload.m}, ${input.n}, ${steps.a.output.n}"),
        ),
        {"n": 1},
    )
    assert output_of(play) == "2/4, 1, 2"
    assert play.types() == ["execution_started", *["step_succeeded"] * 3, "execution_completed"]
    play.check_replay()


def test_heavy_step_is_asked_for_and_its_output_told() -> None:
    call = step("call", "http", {"url": "https://x/${input.id}", "body": {"v": "${input.v}"}})
    play = Play(chain(call, transform("r", "${steps.call.output.body}")), {"id": 7, "v": [1]})
    assert play.new == (
        StartStep("call", 1, "e1:call:1", "http", {"url": "https://x/7", "body": {"v": [1]}}, None),
    )
    assert play.state.status is Status.IN_PROGRESS
    play.succeed("call", {"status": 200, "body": "fine"})
    assert output_of(play) == "fine"
    play.check_replay()


def test_code_of_a_function_is_no_template() -> None:
    code = 'def main(x): return f"${x}"'
    call = step("f", "function", {"code": code, "input": {"x": "${input}"}})
    (asked,) = Play(chain(call), 5).new
    assert isinstance(asked, StartStep)
    assert asked.config == {"code": code, "input": {"x": 5}}


@pytest.mark.parametrize(
    ("value", "label"), [(5, "yes"), (1, "no")], ids=["holds", "does not hold"]
)
def test_condition_goes_by_its_label(value: int, label: str) -> None:
    play = Play(
        workflow(
            [
                step("c", "condition", {"when": "payload > 3"}),
                transform("y", "yes"),
                transform("n", "no"),
            ],
            [*ways("t c"), way("c", "y", label="yes"), way("c", "n", label="no")],
        ),
        value,
    )
    assert output_of(play) == label


def test_condition_without_a_way_ends_its_branch() -> None:
    play = Play(
        workflow(
            [step("c", "condition", {"when": "false"}), transform("y", 1)],
            [*ways("t c"), way("c", "y", label="yes")],
        ),
        "kept",
    )
    assert output_of(play) == "kept"


@pytest.mark.parametrize(
    ("value", "taken"),
    [("red", "a"), (3, "b"), (True, "c"), (None, "d"), ("blue", "default")],
)
def test_branch_goes_by_its_value(value: Json, taken: str) -> None:
    labels = {"a": "red", "b": "3", "c": "true", "d": "null"}
    play = Play(
        workflow(
            [
                step("b0", "branch", {"value": "payload"}),
                *(transform(id_, id_) for id_ in [*labels, "default"]),
            ],
            [
                *ways("t b0", "b0 default"),
                *(way("b0", id_, label=label) for id_, label in labels.items()),
            ],
        ),
        value,
    )
    assert output_of(play) == taken


def test_branch_on_an_object_fails_by_expression() -> None:
    play = Play(
        workflow([step("b", "branch", {"value": "payload"}), transform("x", 1)], ways("t b x")),
        {"an": "object"},
    )
    assert failure_of(play).name == "Expression"


@pytest.mark.parametrize(("n", "taken"), [(1, "one"), (2, "small"), (50, "rest")])
def test_first_condition_that_holds_wins_and_the_rest_is_default(n: int, taken: str) -> None:
    play = Play(
        workflow(
            [transform("one", "one"), transform("small", "small"), transform("rest", "rest")],
            [
                *ways("t rest"),
                way("t", "one", when="payload == 1"),
                way("t", "small", when="payload < 10"),
            ],
        ),
        n,
    )
    assert output_of(play) == taken


def test_unconditional_connections_fork_and_join_all_waits() -> None:
    play = Play(
        workflow(
            [step("a"), step("b"), step("j", "join"), transform("end", "${steps.j.output}")],
            ways("t a j end", "t b j"),
        )
    )
    assert play.started == ["a", "b"]
    play.succeed("b", "B")
    assert play.started == [] and play.state.status is Status.IN_PROGRESS
    play.succeed("a", "A")
    assert output_of(play) == {"a": "A", "b": "B"}
    play.check_replay()


def test_join_any_goes_on_with_the_first_and_leaves_the_other() -> None:
    play = Play(
        workflow(
            [step("a"), step("b"), step("j", "join", {"mode": "any"}), step("end")],
            ways("t a j end", "t b j"),
        )
    )
    play.succeed("b", "B")
    assert play.started == ["end"]
    assert play.state.frame.outputs["j"] == {"output": {"b": "B"}}
    play.succeed("a", "A")
    assert play.started == []
    play.succeed("end")
    assert play.state.status is Status.COMPLETED
    assert [effect.step for effect in play.effects if isinstance(effect, StartStep)].count(
        "end"
    ) == 1
    play.check_replay()


def test_join_any_of_branches_that_come_together_goes_on_once() -> None:
    play = Play(
        workflow(
            [
                transform("a", 1),
                transform("b", 2),
                step("j", "join", {"mode": "any"}),
                step("end"),
            ],
            ways("t a j end", "t b j"),
        )
    )
    assert play.started == ["end"]
    play.succeed("end")
    assert play.state.status is Status.COMPLETED


def test_join_all_does_not_wait_for_a_branch_that_ended_elsewhere() -> None:
    play = Play(
        workflow(
            [
                step("a"),
                step("c", "condition", {"when": "steps.a.output == 1"}),
                step("b"),
                step("other"),
                step("j", "join"),
                transform("end", "${steps.j.output}"),
            ],
            [
                *ways("t a c", "t b j end"),
                way("c", "j", label="yes"),
                way("c", "other", label="no"),
            ],
        )
    )
    play.succeed("b", "B")
    assert play.state.status is Status.IN_PROGRESS
    play.succeed("a", 2)
    assert play.started == ["other"]
    assert play.state.frame.payload == {"b": "B"}
    play.succeed("other")
    assert output_of(play) == {"b": "B"}


def test_join_goes_on_without_a_failed_branch_that_was_caught() -> None:
    play = Play(
        workflow(
            [step("a"), step("b"), step("oops"), step("j", "join"), transform("end", "${steps.j}")],
            [*ways("t a j end", "t b j"), way("b", "oops", on="error")],
        )
    )
    play.succeed("a", "A")
    play.fail("b")
    assert play.started == ["oops"]
    play.succeed("oops")
    assert output_of(play) == {"output": {"a": "A"}}
    play.check_replay()


def test_joins_that_wait_for_each_other_go_on_in_order() -> None:
    # Two joins on one cycle, with a wait on it: each could lead to the other.
    play = Play(
        workflow(
            [
                step("j1", "join"),
                step("w1", "wait", {"seconds": 1}),
                step("c", "condition", {"when": "false"}),
                step("j2", "join"),
            ],
            [*ways("t j1 w1 j2 c", "t j2"), way("c", "j1", label="yes")],
        ),
        "p",
    )
    assert play.state.wake_at is not None
    play.wake()
    assert output_of(play) == "p"
    play.check_replay()


def test_step_that_two_branches_reach_is_taken_once_for_each() -> None:
    play = Play(
        workflow([step("a"), step("b"), step("c")], ways("t a c", "t b c")),
    )
    play.succeed("a")
    assert play.started == ["c"]
    play.succeed("b")
    assert play.started == []
    play.succeed("c", 1)
    assert play.new == (
        StartStep("c", 2, "e1:c:2", "http", {"url": "https://example.com/c"}, None),
    )
    play.succeed("c", 2, attempt=2)
    assert play.state.status is Status.COMPLETED
    play.check_replay()


def test_wait_of_seconds_goes_on_when_it_is_due() -> None:
    play = Play(chain(step("w", "wait", {"seconds": "${payload.s}"})), {"s": 90})
    assert play.state.wake_at == NOW + timedelta(seconds=90)
    assert not play.tell(StepSucceeded("w", 1)).applied
    play.wake()
    assert play.state.frame.outputs["w"] == {"output": "2026-03-01T09:01:30Z"}
    assert play.state.status is Status.COMPLETED
    play.check_replay()


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("2026-03-01T11:00:00+01:00", 3600),
        ("2026-03-02", 15 * 3600),
        ("timestamp(execution.started_at) + duration('5m')", 300),
        ("2020-01-01T00:00:00Z", 0),
    ],
)
def test_wait_until_an_instant(until: str, seconds: int) -> None:
    play = Play(chain(step("w", "wait", {"until": until})))
    assert play.state.wake_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("config", [{"seconds": "soon"}, {"seconds": "-1"}, {"until": "'soon'"}])
def test_wait_for_nonsense_fails_by_expression(config: dict[str, Json]) -> None:
    assert failure_of(Play(chain(step("w", "wait", config)))).name == "Expression"


def test_response_resumes_exactly_once() -> None:
    ask = {"sources": ["TEAMS"], "send": {"integration": "TEAMS", "text": "${input}?"}}
    play = Play(
        chain(step("ask", "wait_for_response", ask), transform("r", "${steps.ask.output}")), "go"
    )
    assert play.new == (
        AwaitResponse(
            "ask", 1, "e1:ask:1", ["TEAMS"], {"integration": "TEAMS", "text": "go?"}, None, None
        ),
    )
    assert play.state.status is Status.AWAITING_RESPONSE
    refused = play.tell(Resumed("SAP", {"ok": False}))
    assert (refused.applied, refused.answer) == (False, Answer.SOURCE_REFUSED)
    first = play.tell(Resumed("TEAMS", {"ok": True}, by={"address": "192.0.2.1"}))
    assert first.answer is Answer.RESTARTED
    assert output_of(play) == {"ok": True}
    second = play.tell(Resumed("TEAMS", {"ok": False}))
    assert (second.applied, second.answer) == (False, Answer.ALREADY_RESTARTED)
    (entry,) = [entry for entry in play.log if entry["type"] == "resumed"]
    assert entry["by"] == {"address": "192.0.2.1"} and entry["step"] == "ask"
    play.check_replay()


def test_resuming_what_does_not_wait_is_not_found() -> None:
    play = Play(chain(step("a")))
    assert play.tell(Resumed("TEAMS")).answer is Answer.NOT_WAITING
    play.succeed("a")
    assert play.tell(Resumed("TEAMS")).answer is Answer.NOT_WAITING


def test_answer_link_belongs_to_one_wait() -> None:
    ask = step("ask", "wait_for_response", {})
    play = Play(
        workflow(
            [ask, step("w", "wait", {"seconds": 1})],
            [*ways("t ask w"), way("w", "ask", when="steps.ask.output != 'stop'")],
        )
    )
    assert play.tell(Resumed("LINK", "go", step="ask", attempt=1)).answer is Answer.RESTARTED
    play.wake()
    assert play.state.status is Status.AWAITING_RESPONSE
    late = play.tell(Resumed("LINK", "stop", step="ask", attempt=1))
    assert (late.applied, late.answer) == (False, Answer.ALREADY_RESTARTED)
    assert play.tell(Resumed("LINK", "stop", step="ask", attempt=2)).answer is Answer.RESTARTED
    play.wake()
    assert play.state.status is Status.COMPLETED
    play.check_replay()


def test_response_that_never_comes_times_out_into_its_error_connection() -> None:
    play = Play(
        workflow(
            [
                step("ask", "wait_for_response", {"timeout_seconds": 60}),
                transform("late", "${steps.ask.error.name}"),
            ],
            [*ways("t ask"), way("ask", "late", on="error", errors=["Timeout"])],
        )
    )
    play.wake()
    assert output_of(play) == "Timeout"
    assert play.tell(Resumed("TEAMS")).answer is Answer.NOT_WAITING
    play.check_replay()


def test_job_is_waited_for() -> None:
    job = {"job_id": "j-1", "input": {"day": "${input}"}}
    play = Play(chain(step("run", "job", job), transform("r", "${steps.run.output}")), "mon")
    assert play.new == (StartJob("run", 1, "e1:run:1", {"job_id": "j-1", "input": {"day": "mon"}}),)
    assert not play.succeed("run", "not by this").applied
    play.tell(JobEnded("run", 1, "Succeeded", {"rows": 3}))
    assert output_of(play) == {"rows": 3}
    play.check_replay()


@pytest.mark.parametrize("outcome", ["Failed", "Cancelled"])
def test_job_that_does_not_succeed_fails_the_step(outcome: str) -> None:
    play = Play(chain(step("run", "job", {"job_id": "j-1"})))
    play.tell(JobEnded("run", 1, outcome, message="exit 1"))
    assert failure_of(play) == Failure(f"Job.{outcome}", "exit 1")
    play.check_replay()


def test_child_workflow_is_waited_for() -> None:
    child = {"workflow_id": "w-2", "workflow_version": 3, "payload": "${payload}"}
    play = Play(chain(step("sub", "workflow", child), transform("r", "${steps.sub.output}")), 1)
    assert play.new == (
        StartWorkflow(
            "sub", 1, "e1:sub:1", {"workflow_id": "w-2", "workflow_version": 3, "payload": 1}, True
        ),
    )
    play.tell(ChildEnded("sub", 1, "Completed", {"out": 1}))
    assert output_of(play) == {"out": 1}
    play.check_replay()


def test_child_that_is_not_waited_for_is_over_when_it_has_begun() -> None:
    child = step(
        "sub", "workflow", {"workflow_id": "w-2", "wait": False}, result={"mode": "replace"}
    )
    play = Play(chain(child))
    assert not play.tell(ChildEnded("sub", 1, "Completed")).applied
    play.succeed("sub", {"execution_id": "e2"})
    assert output_of(play) == {"execution_id": "e2"}


@pytest.mark.parametrize(
    ("result", "payload"),
    [
        ({"mode": "replace"}, {"x": 1}),
        ({"mode": "merge"}, {"keep": True, "deep": {"y": 2}, "x": 1}),
        ({"mode": "replace", "at": "deep"}, {"keep": True, "deep": {"x": 1}}),
        ({"mode": "merge", "at": "deep"}, {"keep": True, "deep": {"y": 2, "x": 1}}),
        ({"mode": "replace", "at": "a.b"}, {"keep": True, "deep": {"y": 2}, "a": {"b": {"x": 1}}}),
    ],
)
def test_output_is_placed_in_the_payload(result: dict[str, Json], payload: Json) -> None:
    play = Play(chain(step("a", result=result)), {"keep": True, "deep": {"y": 2}})
    play.succeed("a", {"x": 1})
    assert output_of(play) == payload


def test_output_that_finds_no_place_fails_by_expression() -> None:
    play = Play(chain(step("a", result={"mode": "merge", "at": "keep"})), {"keep": True})
    play.succeed("a", {"x": 1})
    assert failure_of(play).name == "Expression"
    play.check_replay()


@pytest.mark.parametrize(
    ("config", "status", "output"),
    [
        ({}, Status.COMPLETED, {"p": 1}),
        ({"output": "${payload.p}"}, Status.COMPLETED, 1),
        ({"output": None}, Status.COMPLETED, None),
        ({"status": "failed", "reason": "p is ${payload.p}"}, Status.FAILED, None),
    ],
)
def test_terminate_ends_the_execution_and_what_is_under_way(
    config: dict[str, Json], status: Status, output: Json
) -> None:
    play = Play(
        workflow(
            [step("a"), step("b"), step("stop", "terminate", config)], ways("t a stop", "t b")
        ),
        {"p": 1},
    )
    play.succeed("a")
    assert (play.state.status, play.state.output) == (status, output)
    assert Cancel("b", 1, "http") in play.new
    if status is Status.FAILED:
        assert play.state.error == {"name": "Terminated", "message": "p is 1", "step": "stop"}
    assert not play.succeed("b").applied
    play.check_replay()


def test_loop_through_a_wait_counts_attempts_on() -> None:
    play = Play(
        workflow(
            [step("poll"), step("w", "wait", {"seconds": 5}), transform("done", "done")],
            [
                way("t", "poll"),
                way("poll", "done", when="steps.poll.output == 3"),
                way("poll", "w"),
                way("w", "poll"),
            ],
        )
    )
    for round_ in (1, 2):
        play.succeed("poll", round_, attempt=round_)
        play.wake()
    assert not play.succeed("poll", 3, attempt=2).applied
    play.succeed("poll", 3, attempt=3)
    assert output_of(play) == "done"
    keys = [effect.key for effect in play.effects if isinstance(effect, StartStep)]
    assert keys == ["e1:poll:1", "e1:poll:2", "e1:poll:3"]
    play.check_replay()


def test_join_any_does_not_take_a_later_round_for_a_branch_that_died() -> None:
    # In the first round `b` dies at its condition; in the second it comes, and is no straggler.
    play = Play(
        workflow(
            [
                step("w", "wait", {"seconds": 1}),
                step("a"),
                step("b"),
                step("c", "condition", {"when": "steps.b.output"}),
                step("j", "join", {"mode": "any"}),
                step("again", "condition", {"when": "steps.b.output == false"}),
            ],
            [
                *ways("t w", "w a j again", "w b c"),
                way("c", "j", label="yes"),
                way("again", "w", label="yes"),
            ],
        )
    )
    play.wake()
    play.succeed("b", False)
    play.succeed("a", "first")
    play.wake()
    play.succeed("b", True, attempt=2)
    assert play.state.frame.outputs["j"] == {"output": {"c": True}}
    play.succeed("a", "late", attempt=2)
    assert play.state.status is Status.COMPLETED
    assert play.types().count("branch_left") == 1
    play.check_replay()


def test_time_never_runs_backwards_in_the_log() -> None:
    play = Play(chain(step("a"), step("b")))
    play.tell(StepSucceeded("a", 1), after=10)
    play.tell(StepSucceeded("b", 1), after=-60)
    at = [entry["at"] for entry in play.log]
    assert at == sorted(at)
    play.check_replay()
