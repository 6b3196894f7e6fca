"""A state as JSON and back: what is empty is left out, so that a short flow is a short row."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import orjson

from treadle.core.json import Json, dump
from treadle.workflows.limits import MAX_STATE_BYTES
from treadle.workflows.state import STATE_FORMAT, Active, Frame, Items, Phase, State, Status


class UnknownStateFormat(Exception):
    """A newer program wrote this state: this one must leave it alone."""


class StateTooLarge(Exception):
    """This state can't be one row. Tell FailRequested to the state before it instead."""


def stored_state(state: State) -> bytes:
    """The state as it is stored: without the trigger's payload, which stands beside it and never
    changes. Raises StateTooLarge, also for values that nest too deep.
    """
    written = state_to_json(state)
    del written["input"]
    return _bounded(written)


def stored_output(state: State) -> bytes:
    """What an execution that is completed leaves. Raises StateTooLarge."""
    return _bounded(state.output)


def _bounded(value: Json) -> bytes:
    try:
        stored = dump(value)
    except TypeError:
        raise StateTooLarge("the payload or an output nests too deep") from None
    if len(stored) > MAX_STATE_BYTES:
        raise StateTooLarge(f"an execution has at most {MAX_STATE_BYTES} bytes of state")
    return stored


def restored_state(stored: bytes, payload: Json) -> State:
    """The state that `stored_state` wrote, for the trigger's payload. Raises UnknownStateFormat."""
    return state_from_json({**orjson.loads(stored), "input": payload})


def state_to_json(state: State) -> dict[str, Any]:
    """One JSON value; parts of it are the state's own."""
    frame = _frame_to_json(state.frame)
    if state.frame.payload is state.input:
        del frame["payload"]  # the payload that a trigger brought, once
    written: dict[str, Any] = {
        "format": STATE_FORMAT,
        "execution": state.execution,
        "input": state.input,
        "frame": frame,
        "status": state.status.value,
        "seq": state.seq,
        "at": state.at,
        "visits": state.visits,
    }
    if state.deadline is not None:
        written["deadline"] = state.deadline
    if state.more:
        written["more"] = True
    if state.resumed:
        written["resumed"] = state.resumed
    if state.error is not None:
        written["error"] = state.error
    if state.output is not None:
        same = state.output is state.frame.payload
        written["output_is_payload" if same else "output"] = same or state.output
    return written


def state_from_json(value: dict[str, Any]) -> State:
    """The state that `state_to_json` wrote. Raises UnknownStateFormat for a newer one."""
    if value["format"] != STATE_FORMAT:
        raise UnknownStateFormat(f"state format {value['format']}")
    frame = _frame_from_json({"payload": value["input"], **value["frame"]})
    return State(
        execution=value["execution"],
        input=value["input"],
        frame=frame,
        status=Status(value["status"]),
        seq=value["seq"],
        at=value["at"],
        visits=value["visits"],
        deadline=value.get("deadline"),
        more=value.get("more", False),
        resumed=value.get("resumed", 0),
        error=value.get("error"),
        output=frame.payload if value.get("output_is_payload") else value.get("output"),
    )


_FRAME_DEFAULTS = [field.name for field in fields(Frame) if field.name not in ("payload", "active")]


def _frame_to_json(frame: Frame) -> dict[str, Any]:
    written: dict[str, Any] = {"payload": frame.payload}
    for key in _FRAME_DEFAULTS:
        value: Json = getattr(frame, key)
        if value is not None and value not in ({}, []):
            written[key] = value
    if frame.item is not None:
        written["item"] = frame.item
    if frame.active:
        written["active"] = {id_: _active_to_json(active) for id_, active in frame.active.items()}
    return written


def _frame_from_json(value: dict[str, Any]) -> Frame:
    kept = {key: value[key] for key in _FRAME_DEFAULTS if key in value}
    if "ready" in kept:
        kept["ready"] = [(step, source) for step, source in kept["ready"]]
    active = {id_: _active_from_json(one) for id_, one in value.get("active", {}).items()}
    return Frame(payload=value["payload"], active=active, **kept)


def _active_to_json(active: Active) -> dict[str, Any]:
    written: dict[str, Any] = {
        "attempt": active.attempt,
        "tries": active.tries,
        "phase": active.phase.value,
    }
    if active.due is not None:
        written["due"] = active.due
    if active.sources is not None:
        written["sources"] = active.sources
    if active.items is not None:
        items = active.items
        written["items"] = {
            "items": items.items,
            "outputs": items.outputs,
            "following": items.following,
            "frames": {str(n): _frame_to_json(frame) for n, frame in items.frames.items()},
            "children": items.children,
            "failures": items.failures,
        }
    return written


def _active_from_json(value: dict[str, Any]) -> Active:
    items = value.get("items")
    return Active(
        attempt=value["attempt"],
        tries=value["tries"],
        phase=Phase(value["phase"]),
        due=value.get("due"),
        sources=value.get("sources"),
        items=None if items is None else _items_from_json(items),
    )


def _items_from_json(value: dict[str, Any]) -> Items:
    return Items(
        items=value["items"],
        outputs=value["outputs"],
        following=value["following"],
        frames={int(n): _frame_from_json(frame) for n, frame in value["frames"].items()},
        children=value["children"],
        failures=value["failures"],
    )
