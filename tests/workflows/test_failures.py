"""Errors, retries, timeouts, ends by hand, and taking up again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from treadle.core.errors import BadInput, Conflict
from treadle.workflows.effects import Cancel, Complete, Fail, StartStep, Terminate
from treadle.workflows.error_names import is_pattern, matches
from treadle.workflows.events import (
    Continued,
    FailRequested,
    StepFailed,
    StepSucceeded,
    TerminateRequested,
    TimerFired,
)
from treadle.workflows.limits import MAX_STATE_BYTES, MAX_VISITS
from treadle.workflows.machine import advance
from treadle.workflows.model import Retry
from treadle.workflows.recorded import EditedPayload, recorded_from
from treadle.workflows.retries import delay_ms
from treadle.workflows.state import Failure, Status
from treadle.workflows.state_json import StateTooLarge, restored_state, stored_state
from workflows.making import NOW, Note, Play, chain, step, transform, way, ways, workflow


@pytest.mark.parametrize(
    ("pattern", "name", "caught"),
    [
        ("*", "Http.404", True),
        ("*", "Limit", False),
        ("Http.404", "Http.404", True),
        ("Http.404", "Http.405", False),
        ("Http.5xx", "Http.503", True),
        ("Http.5xx", "Http.404", False),
        ("Http.5xx", "Http.5000", False),
        ("Http.*", "Http.Connection", True),
        ("Http.*", "Https.500", False),
        ("Timeout", "Timeout", True),
        ("Function.ValueError", "Function.ValueError", True),
        ("Function.ValueError", "Function.KeyError", False),
        ("Job.Failed", "Job.Failed", True),
    ],
)
def test_error_names(pattern: str, name: str, caught: bool) -> None:
    assert is_pattern(pattern)
    assert matches(name, [pattern]) is caught


@pytest.mark.parametrize("text", ["", "Nope", "Http", "Http.6xx.", "http.404", "Http.", "**"])
def test_what_names_no_failure(text: str) -> None:
    assert not is_pattern(text)


def test_failure_without_a_connection_fails_the_execution_and_stops_the_rest() -> None:
    play = Play(workflow([step("a"), step("b")], ways("t a", "t b")))
    play.fail("a", "Http.404")
    assert play.new == (Cancel("b", 1, "http"), Fail(Failure("Http.404", "it broke"), "a"))
    assert play.state.status is Status.FAILED
    assert play.state.error == {"name": "Http.404", "message": "it broke", "step": "a"}
    assert not play.succeed("b").applied
    play.check_replay()


@pytest.mark.parametrize(
    ("name", "taken"),
    [("Http.404", "missing"), ("Http.503", "server"), ("Timeout", "other"), ("Strange", "other")],
)
def test_first_error_connection_that_matches_is_taken(name: str, taken: str) -> None:
    play = Play(
        workflow(
            [step("a"), *(transform(id_, id_) for id_ in ("fine", "missing", "server", "other"))],
            [
                *ways("t a fine"),
                way("a", "missing", on="error", errors=["Http.404"]),
                way("a", "server", on="error", errors=["Http.5xx"]),
                way("a", "other", on="error"),
            ],
        )
    )
    play.fail("a", name)
    assert play.state.output == taken
    assert play.state.frame.outputs["a"]["error"] == {"name": name, "message": "it broke"}
    play.check_replay()


def test_expression_that_fails_is_caught_like_any_failure() -> None:
    play = Play(
        workflow(
            [transform("a", "${payload.nothing}"), transform("b", "${steps.a.error.message}")],
            [way("t", "a"), way("a", "b", on="error", errors=["Expression"])],
        ),
        {},
    )
    assert play.state.output == "payload.nothing: there is no key 'nothing'"


@pytest.mark.parametrize("when", ["payload.nothing", "payload"])
def test_condition_of_a_connection_that_fails(when: str) -> None:
    play = Play(workflow([step("a")], [way("t", "a", when=when)]), {})
    assert play.state.error is not None and play.state.error["name"] == "Expression"
    assert play.state.error["step"] == "t"


RETRY: Note = {"max_attempts": 3, "interval_seconds": 2, "backoff_rate": 3}


def test_retry_waits_longer_each_time_and_then_fails() -> None:
    play = Play(chain(step("a", retry=RETRY)))
    play.fail("a")
    assert play.new == () and play.state.wake_at == NOW + timedelta(seconds=2)
    assert not play.tell(TimerFired(), after=1).applied
    play.wake()
    assert play.new == (
        StartStep("a", 2, "e1:a:2", "http", {"url": "https://example.com/a"}, None),
    )
    begun = play.now
    play.fail("a", attempt=2)
    assert play.state.wake_at == begun + timedelta(seconds=6)
    assert not play.succeed("a", attempt=2).applied, "between two attempts nobody is listened to"
    play.wake()
    play.fail("a", attempt=3)
    assert play.state.status is Status.FAILED
    play.check_replay()


def test_retry_only_of_the_errors_that_it_names() -> None:
    retry = {**RETRY, "errors": ["Http.5xx", "Timeout"]}
    play = Play(chain(step("a", retry=retry)))
    play.fail("a", "Http.503")
    play.wake()
    play.fail("a", "Http.404", attempt=2)
    assert play.state.status is Status.FAILED


def test_retries_begin_anew_when_a_step_is_entered_again() -> None:
    play = Play(
        workflow(
            [step("a", retry={**RETRY, "max_attempts": 2}), step("w", "wait", {"seconds": 1})],
            ways("t a w a"),
        )
    )
    attempt = 1
    for _ in range(3):
        play.fail("a", attempt=attempt)
        play.wake()
        play.succeed("a", attempt=attempt + 1)
        play.wake()
        attempt += 2
    assert play.state.status is Status.IN_PROGRESS
    play.check_replay()


def test_retry_takes_what_expressions_give_now() -> None:
    play = Play(
        workflow(
            [
                step("a", "http", {"url": "https://x/${payload}"}, retry=RETRY),
                step("b", result={"mode": "replace"}),
            ],
            ways("t a", "t b"),
        ),
        "old",
    )
    play.fail("a")
    play.succeed("b", "new")
    play.wake()
    (again,) = play.new
    assert isinstance(again, StartStep) and again.config["url"] == "https://x/new"


@pytest.mark.parametrize("tries", [1, 2, 5, 1000])
def test_jitter_is_the_same_everywhere_and_takes_at_most_half(tries: int) -> None:
    plain = Retry(max_attempts=9, interval_seconds=1, max_interval_seconds=60)
    jittered = Retry(max_attempts=9, interval_seconds=1, max_interval_seconds=60, jitter=True)
    whole = delay_ms(plain, tries=tries, seed="x")
    assert whole == min(60_000, 1000 * 2 ** min(tries - 1, 30))
    found = {delay_ms(jittered, tries=tries, seed=f"e:{n}") for n in range(50)}
    assert len(found) > 10
    assert all(whole / 2 <= delay <= whole for delay in found)
    assert delay_ms(jittered, tries=tries, seed="e:1") == delay_ms(
        jittered, tries=tries, seed="e:1"
    )


def test_timeout_of_a_step_is_a_failure_and_its_result_comes_too_late() -> None:
    play = Play(
        workflow(
            [step("a", timeout_seconds=5, retry=RETRY), transform("late", "late")],
            [way("t", "a"), way("a", "late", on="error", errors=["Timeout"])],
        )
    )
    play.wake()
    assert play.now == NOW + timedelta(seconds=5)
    assert play.new == (Cancel("a", 1, "http"),)
    assert not play.succeed("a").applied
    for _ in range(4):
        play.wake()
    assert play.state.output == "late"
    play.check_replay()


def test_timeout_of_the_trigger_is_that_of_the_execution() -> None:
    played = workflow([step("a"), transform("b", 1)], [*ways("t a"), way("a", "b", on="error")])
    played.timeout_ms = 60_000
    play = Play(played)
    assert play.state.wake_at == NOW + timedelta(seconds=60)
    play.wake()
    assert play.state.status is Status.FAILED
    assert play.state.error == {"name": "Timeout", "message": "the execution took too long"}
    assert play.new[0] == Cancel("a", 1, "http")
    play.check_replay()


def test_termination_stops_everything() -> None:
    play = Play(
        workflow([step("a"), step("w", "wait", {"seconds": 60})], ways("t a", "t w")),
    )
    play.tell(TerminateRequested("enough", by={"user": "u"}))
    assert play.new == (Cancel("a", 1, "http"), Terminate("enough"))
    assert play.state.status is Status.TERMINATED and play.state.wake_at is None
    for event in (
        TerminateRequested("again"),
        TimerFired(),
        StepSucceeded("a", 1),
        FailRequested("Limit"),
    ):
        assert not play.tell(event, after=100).applied
    play.check_replay()


def test_whoever_runs_an_execution_can_give_it_up() -> None:
    play = Play(workflow([step("a"), step("b")], [*ways("t a"), way("a", "b", on="error")]))
    play.tell(FailRequested("Limit", "the state is too large"))
    assert play.new[-1] == Fail(Failure("Limit", "the state is too large"))
    play.check_replay()


def test_unending_loop_is_ended() -> None:
    # A wait for the past is over at once: only the bound on steps ends this.
    play = Play(
        workflow([step("w", "wait", {"until": "2020-01-01"}), transform("x", 1)], ways("t w x w"))
    )
    play.state.visits = MAX_VISITS - 3
    while not play.state.status.over:
        play.wake()
    assert play.state.error is not None and play.state.error["name"] == "Limit"


def test_long_light_flow_goes_on_in_another_advance() -> None:
    items = list(range(400))
    inner = {
        "items": "payload",
        "max_concurrency": 100,
        "steps": [transform("a", "${payload + 1}"), transform("b", "${payload * 2}")],
        "connections": ways("a b"),
    }
    play = Play(chain(step("each", "map", inner)), items)
    assert play.state.more
    turns = 0
    while play.state.more:
        play.tell(Continued())
        turns += 1
    assert turns == 1
    assert not play.tell(Continued()).applied
    assert play.state.frame.outputs["each"]["output"] == [(n + 1) * 2 for n in items]
    play.check_replay()


def test_payload_that_grows_deeper_in_a_loop_is_given_up() -> None:
    deeper = transform("deeper", {"in": "${payload}"})
    play = Play(
        workflow([deeper, step("w", "wait", {"seconds": 1})], ways("t deeper w deeper")), "p"
    )
    for _ in range(300):
        before = play.state
        play.now += timedelta(seconds=1)
        after = advance(play.workflow, before, TimerFired(), now=play.now)
        try:
            stored_state(after.state)
        except StateTooLarge as error:
            play.tell(FailRequested("Limit", str(error)))
            break
        play.state = after.state
        play.log += [dict(entry) for entry in after.log]
    assert play.state.error == {
        "name": "Limit",
        "message": "the payload or an output nests too deep",
    }


def test_state_has_a_bound() -> None:
    play = Play(chain(step("a")), "x" * 1000)
    assert restored_state(stored_state(play.state), play.state.input) == play.state
    play.state.frame.payload = "y" * MAX_STATE_BYTES
    with pytest.raises(StateTooLarge, match=f"at most {MAX_STATE_BYTES} bytes"):
        stored_state(play.state)


def failed() -> Play:
    play = Play(
        workflow(
            [
                step("a", result={"mode": "merge"}),
                step("b"),
                step("c"),
                step("j", "join"),
                transform("end", "${steps.j.output}"),
            ],
            ways("t a b j end", "t c j"),
        ),
        {"in": 1},
    )
    play.succeed("a", {"a": "A"})
    play.fail("b")
    assert play.state.status is Status.FAILED
    return play


def test_retry_begins_with_what_failed_and_what_was_stopped() -> None:
    old = failed()
    recorded = recorded_from(old.workflow, old.state)
    assert recorded.steps == ("b", "c")
    play = Play(old.workflow, old.state.input, recorded=recorded)
    assert play.started == ["b", "c"]
    assert play.state.frame.payload == {"in": 1, "a": "A"}
    assert not play.succeed("b", attempt=1).applied, "an attempt of the old life"
    play.succeed("b", "B", attempt=2)
    play.succeed("c", "C", attempt=2)
    assert play.state.output == {"b": "B", "c": "C"}
    play.check_replay()


def test_retry_keeps_what_waits_at_a_join() -> None:
    old = Play(workflow([step("a"), step("b"), step("j", "join")], ways("t a j", "t b j")), "p")
    old.succeed("a", "A")
    old.fail("b")
    play = Play(old.workflow, "p", recorded=recorded_from(old.workflow, old.state))
    assert play.started == ["b"]
    play.succeed("b", "B", attempt=2)
    assert play.state.frame.outputs["j"] == {"output": {"a": "A", "b": "B"}}
    assert play.state.status is Status.COMPLETED


def test_retry_from_a_step_with_an_edited_payload_on_a_newer_version() -> None:
    old = failed()
    newer = workflow(
        [
            step("a", result={"mode": "merge"}),
            transform("b", "${payload.fixed}"),
            step("c"),
            step("j", "join"),
            transform("end", "${steps.j.output}"),
        ],
        ways("t a b j end", "t c j"),
    )
    recorded = recorded_from(newer, old.state, from_step="b", edited=EditedPayload({"fixed": 2}))
    assert recorded.outputs == {"t": {"output": {"in": 1}}, "a": {"output": {"a": "A"}}}
    play = Play(newer, old.state.input, recorded=recorded)
    play.succeed("c", "C", attempt=2)
    assert play.state.output == {"b": 2, "c": "C"}
    assert [effect for effect in play.effects if isinstance(effect, Complete)]
    play.check_replay()


def test_what_cannot_be_retried() -> None:
    play = Play(chain(step("a")))
    with pytest.raises(Conflict):
        recorded_from(play.workflow, play.state)
    play.tell(StepFailed("a", 1, "Http.500"))
    with pytest.raises(BadInput, match="no step 'zz'"):
        recorded_from(play.workflow, play.state, from_step="zz")
    with pytest.raises(Conflict, match="none of the steps"):
        recorded_from(chain(step("other")), play.state)
