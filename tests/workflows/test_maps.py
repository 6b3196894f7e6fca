"""Maps: inline steps and child workflows, concurrency, tolerance, nesting, bounds."""

from __future__ import annotations

from treadle.core.json import Json
from treadle.workflows.effects import Cancel, Fail, StartStep, StartWorkflow
from treadle.workflows.events import ChildEnded, Resumed, StepFailed, TerminateRequested
from treadle.workflows.state import Status
from workflows.making import Note, Play, chain, step, transform, way, ways, workflow


def mapping(*steps: Note, connections: list[Note] | None = None, **more: Json) -> Note:
    connections = ways(" ".join(one["id"] for one in steps)) if connections is None else connections
    config = {"items": "payload", "steps": [*steps], "connections": connections, **more}
    return step("each", "map", config, result={"mode": "replace"})


def test_items_keep_their_order_and_their_bound() -> None:
    get = step("get", "http", {"url": "https://x/${item.id}/${index}/${steps.t.output[0].id}"})
    play = Play(
        chain(mapping(get, transform("r", "${steps.get.output}!"), max_concurrency=2)),
        [{"id": n} for n in "abc"],
    )
    assert play.started == ["each[0].get", "each[1].get"]
    assert isinstance(play.new[1], StartStep) and play.new[1].config == {"url": "https://x/b/1/a"}
    play.succeed("each[1].get", "B")
    assert play.started == ["each[2].get"]
    play.succeed("each[2].get", "C")
    assert not play.succeed("each[2].get", "again").applied
    play.succeed("each[0].get", "A")
    assert play.state.output == ["A!", "B!", "C!"]
    play.check_replay()


def test_map_of_nothing_is_nothing() -> None:
    assert Play(chain(mapping(step("get"))), []).state.output == []


def test_items_that_are_no_list_fail_by_expression() -> None:
    play = Play(chain(mapping(step("get"))), {"no": "list"})
    assert play.state.error is not None and play.state.error["name"] == "Expression"


def test_million_items_are_refused_with_the_bound() -> None:
    play = Play(chain(mapping(transform("x", 1))), [0] * 1_000_000)
    assert play.state.error == {
        "name": "Map.TooManyItems",
        "message": "a map has at most 10000 items, not 1000000",
        "step": "each",
    }


def test_failed_item_fails_the_map_and_stops_the_others() -> None:
    play = Play(
        workflow(
            [mapping(step("get")), transform("caught", "${steps.each.error}")],
            [way("t", "each"), way("each", "caught", on="error", errors=["Map.Failed"])],
        ),
        [1, 2, 3],
    )
    play.fail("each[1].get", "Http.404")
    assert {effect.step for effect in play.new if isinstance(effect, Cancel)} == {
        "each[0].get",
        "each[2].get",
    }
    assert play.state.output == {
        "name": "Map.Failed",
        "message": "item 1 failed: Http.404: it broke",
    }
    play.check_replay()


def test_tolerated_failures_leave_a_hole() -> None:
    play = Play(chain(mapping(step("get"), tolerated_failures=1)), [1, 2])
    play.fail("each[0].get")
    play.succeed("each[1].get")
    assert play.state.output == [None, 2]
    assert play.state.frame.outputs["each"]["failures"] == [
        {"index": 0, "error": {"name": "Http.500", "message": "it broke"}}
    ]
    play.check_replay()


def test_retries_errors_and_joins_work_within_an_item() -> None:
    retry = {"max_attempts": 2, "interval_seconds": 1}
    inner = [step("a", retry=retry), step("b"), transform("bad", "bad"), step("j", "join")]
    connections = [
        *ways("s a j", "s b j", "bad j"),
        way("b", "bad", on="error"),
    ]
    inner = [transform("s", "${item}"), *inner]
    play = Play(chain(mapping(*inner, connections=connections)), ["x"])
    assert play.started == ["each[0].a", "each[0].b"]
    play.fail("each[0].a")
    play.fail("each[0].b")
    play.wake()
    play.succeed("each[0].a", attempt=2)
    assert play.state.output == ["bad"]
    play.check_replay()


def test_terminate_ends_only_its_item() -> None:
    inner = [
        step("c", "condition", {"when": "item > 1"}),
        step("skip", "terminate", {"output": "skipped"}),
        step("get"),
    ]
    connections = [way("c", "skip", label="no"), way("c", "get", label="yes")]
    play = Play(chain(mapping(*inner, connections=connections)), [1, 2])
    assert play.started == ["each[1].get"]
    play.succeed("each[1].get")
    assert play.state.output == ["skipped", 2]


def test_children_are_items_too() -> None:
    config: Note = {
        "items": "payload",
        "workflow_id": "w-9",
        "max_concurrency": 2,
        "tolerated_failures": 1,
    }
    play = Play(chain(step("each", "map", config, result={"mode": "replace"})), ["a", "b", "c"])
    first = play.new[0]
    assert first == StartWorkflow(
        "each[0]", 1, "e1:each[0]:1", {"workflow_id": "w-9", "payload": "a"}
    )
    play.tell(ChildEnded("each[1]", 1, "Completed", "B"))
    assert play.started == ["each[2]"]
    assert not play.tell(ChildEnded("each[1]", 1, "Completed", "again")).applied
    play.tell(ChildEnded("each[0]", 1, "Terminated", message="by hand"))
    play.tell(StepFailed("each[2]", 1, "Workflow.Refused"))
    assert play.state.error is not None and play.state.error["name"] == "Map.Failed"
    play.check_replay()


def test_nested_maps() -> None:
    inner_map = step(
        "lines",
        "map",
        {
            "items": "item.lines",
            "steps": [step("get", "http", {"url": "https://x/${index}/${item}"})],
        },
        result={"mode": "replace"},
    )
    play = Play(chain(mapping(inner_map)), [{"lines": ["a", "b"]}, {"lines": []}])
    assert play.started == ["each[0].lines[0].get", "each[0].lines[1].get"]
    play.succeed("each[0].lines[1].get")
    play.succeed("each[0].lines[0].get")
    assert play.state.output == [["a", "b"], []]
    play.check_replay()


def test_waits_and_answers_within_items() -> None:
    play = Play(
        chain(mapping(step("ask", "wait_for_response", {}, result={"mode": "replace"}))), [1, 2]
    )
    assert play.state.status is Status.AWAITING_RESPONSE
    play.tell(Resumed("TEAMS", "second", step="each[1].ask"))
    play.tell(Resumed("TEAMS", "first"))
    assert play.state.output == ["first", "second"]
    play.check_replay()


def test_map_entered_again_does_not_hear_its_past() -> None:
    play = Play(
        workflow(
            [mapping(step("get"), tolerated_failures=0), step("w", "wait", {"seconds": 1})],
            [way("t", "each"), way("each", "w", on="error"), way("w", "each")],
        ),
        [1, 2],
    )
    play.fail("each[0].get")
    play.wake()
    assert play.started == ["each#2[0].get", "each#2[1].get"]
    assert not play.succeed("each[1].get").applied
    play.succeed("each#2[0].get")
    play.succeed("each#2[1].get")
    assert play.state.status is Status.COMPLETED
    keys = [effect.key for effect in play.effects if isinstance(effect, StartStep)]
    assert len(keys) == len(set(keys)) == 4
    play.check_replay()


def test_timeout_of_a_map_stops_its_items() -> None:
    each = mapping(step("get"))
    play = Play(chain({**each, "timeout_seconds": 10}), [1])
    play.wake()
    assert play.state.error is not None and play.state.error["name"] == "Timeout"
    assert Cancel("each[0].get", 1, "http") in play.new


def test_termination_reaches_into_items() -> None:
    config: Note = {"items": "payload", "workflow_id": "w-9"}
    play = Play(
        workflow([mapping(step("get")), step("kids", "map", config)], ways("t each", "t kids")), [1]
    )
    play.tell(TerminateRequested())
    assert [effect for effect in play.new if isinstance(effect, Cancel)] == [
        Cancel("each[0].get", 1, "http"),
        Cancel("kids[0]", 1, "workflow"),
    ]
    play.check_replay()


def test_begun_and_cancelled_in_one_advance_is_not_asked_for() -> None:
    inner = [step("get"), step("bad", "branch", {"value": "payload"})]
    connections: list[Note] = []
    play = Play(
        chain(
            mapping(transform("s", {}), *inner, connections=[*connections, *ways("s get", "s bad")])
        ),
        [1],
    )
    (end,) = play.new
    assert isinstance(end, Fail) and end.failure.name == "Map.Failed"
    assert end.failure.message.startswith("item 0 failed: Expression: the value of a branch")
