"""What holds for every workflow and every course of events."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from treadle.workflows.compiled import Workflow
from treadle.workflows.condensed import condensed_logs
from treadle.workflows.effects import (
    AwaitResponse,
    Cancel,
    Complete,
    Fail,
    StartJob,
    StartStep,
    StartWorkflow,
    Terminate,
)
from treadle.workflows.events import (
    ChildEnded,
    Continued,
    Event,
    JobEnded,
    Resumed,
    StepFailed,
    StepSucceeded,
    TerminateRequested,
    TimerFired,
)
from treadle.workflows.parsing import parse_definition, to_json
from treadle.workflows.state import Phase, Status, all_active
from treadle.workflows.validation import validate
from workflows.graphs import ERRORS, workflows
from workflows.making import Note, Play, definition, step

PAYLOADS = st.sampled_from([None, {"n": 2}, [1, {"n": 3}], "red", {"n": {}}])
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
Begun = StartStep | StartJob | StartWorkflow | AwaitResponse


def compiled(notes: tuple[list[Note], list[Note]]) -> Workflow:
    made = definition(*notes)
    faults = validate(made, integrations=[])
    assert not faults, [str(fault) for fault in faults]
    return Workflow(made)


def outcome_of(effect: Begun, *, good: bool, error: str) -> Event:
    """What the world would tell of an effect."""
    if not good:
        return StepFailed(effect.step, effect.attempt, error, "")
    if isinstance(effect, StartJob):
        return JobEnded(effect.step, effect.attempt, "Succeeded", {"n": 1})
    if isinstance(effect, StartWorkflow) and effect.wait:
        return ChildEnded(effect.step, effect.attempt, "Completed", [1])
    if isinstance(effect, AwaitResponse):
        return Resumed("TEAMS", {"n": 5}, step=effect.step)
    return StepSucceeded(effect.step, effect.attempt, {"n": 1})


def check(play: Play) -> None:
    """The promises that hold at any moment."""
    begun = [effect for effect in play.effects if isinstance(effect, Begun)]
    assert max(Counter((one.step, one.attempt) for one in begun).values(), default=1) == 1
    assert len({one.key for one in begun}) == len(begun)
    asked = {(one.step, one.attempt) for one in begun}
    for effect in play.effects:
        assert not isinstance(effect, Cancel) or (effect.step, effect.attempt) in asked
    ends = [effect for effect in play.effects if isinstance(effect, Complete | Fail | Terminate)]
    assert len(ends) == (1 if play.state.status.over else 0)
    if not play.state.status.over:
        # It waits for something that can come.
        phases = {active.phase for active in all_active(play.state.frame)}
        outside = phases & {Phase.RUNNING, Phase.ANSWER}
        children = any(
            active.items and active.items.children for active in all_active(play.state.frame)
        )
        assert outside or children or play.state.wake_at or play.state.more
    else:
        assert play.state.wake_at is None and not play.state.frame.active


@SLOW
@given(workflows(), PAYLOADS, st.data())
def test_every_course_of_events_is_survived_and_replayed(
    notes: tuple[list[Note], list[Note]], payload: Any, data: st.DataObject
) -> None:
    play = Play(compiled(notes), payload)
    check(play)
    for _ in range(data.draw(st.integers(0, 12), label="turns")):
        if play.state.status.over:
            break
        play.tell(
            data.draw(events(play), label="event"), after=data.draw(st.sampled_from([0, 1, 40]))
        )
        check(play)
    play.check_replay()
    condensed = condensed_logs(play.log)
    assert all(one["duration_ms"] is None or one["duration_ms"] >= 0 for one in condensed.values())
    if play.state.status.over:
        assert all(one["status"] not in ("running", "retrying") for one in condensed.values())


def events(play: Play) -> st.SearchStrategy[Event]:
    """Right ones, late ones, strange ones."""
    begun = [effect for effect in play.effects if isinstance(effect, Begun)]
    choices: list[st.SearchStrategy[Event]] = [
        st.sampled_from(
            [
                TimerFired(),
                TimerFired(),
                Continued(),
                Resumed("TEAMS", "yes"),
                Resumed("SAP", step="s0", attempt=1),
                StepSucceeded("s0", 1, {"n": 1}),
                StepSucceeded("nothing", 1),
                StepSucceeded("s0[1].s0_s0", 1),
                StepFailed("s1[0]", 1, "Odd"),
                StepSucceeded("..[", 7),
                JobEnded("s0", 2, "Failed"),
                ChildEnded("s0[0]", 1, "Completed", 4),
            ]
        ),
    ]
    if begun:
        choices += [
            st.builds(
                outcome_of,
                st.sampled_from(begun),
                good=st.sampled_from([True, True, False]),
                error=st.sampled_from(ERRORS),
            )
        ] * 3
    if play.state.seq > 20:
        choices.append(st.just(TerminateRequested("enough")))
    return st.one_of(choices)


@SLOW
@given(workflows(), PAYLOADS, st.booleans())
def test_what_is_answered_comes_to_its_end_or_to_a_loop(
    notes: tuple[list[Note], list[Note]], payload: Any, good: bool
) -> None:
    """With every effect answered and every timer fired, only a loop can last."""
    play = Play(compiled(notes), payload)
    answered = 0
    for _ in range(80):
        if play.state.status.over:
            break
        begun = [effect for effect in play.effects if isinstance(effect, Begun)]
        if play.state.more:
            play.tell(Continued())
        elif answered < len(begun):
            play.tell(outcome_of(begun[answered], good=good, error="Http.500"))
            answered += 1
        else:
            assert play.wake().applied
        check(play)
    if not play.state.status.over:
        entered = Counter(entry["step"] for entry in play.log if entry["type"] == "step_started")
        assert max(entered.values()) > 1 or len(entered) > 25, "neither an end nor a loop"
        play.tell(TerminateRequested("a loop"))
        assert play.state.status is Status.TERMINATED
        check(play)
    play.check_replay()


@SLOW
@given(workflows(), PAYLOADS, st.data())
def test_events_that_come_again_change_nothing(
    notes: tuple[list[Note], list[Note]], payload: Any, data: st.DataObject
) -> None:
    play = Play(compiled(notes), payload)
    told: list[Event] = []
    for _ in range(6):
        begun = [effect for effect in play.effects if isinstance(effect, StartStep | StartJob)]
        if play.state.status.over or not begun:
            break
        good = data.draw(st.booleans(), label="good")
        event = outcome_of(data.draw(st.sampled_from(begun)), good=good, error="Http.500")
        play.tell(event)
        told.append(event)
        for again in told:
            assert not play.tell(again).applied


@SLOW
@given(workflows())
def test_definition_survives_its_own_json(notes: tuple[list[Note], list[Note]]) -> None:
    made = definition(*notes)
    steps, connections = to_json(made)
    again, faults = parse_definition(steps, connections)
    assert not faults and again == made
    assert to_json(made) == (steps, connections)
    assert steps[0] == {**step("t", "request"), "name": "t"}
