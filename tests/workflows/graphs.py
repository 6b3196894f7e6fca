"""Random workflows that are valid, and random events for their executions."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from workflows.making import Note, way

# Most of them succeed, so that executions come far; the last ones fail, some by the payload.
VALUES = [*["1", "'red'", "true", "null", "steps.t.output"] * 3, "payload", "payload.n", "1 / 0"]
CONDITIONS = [*["true", "false", "payload == null"] * 4, "payload.n > 1", "1 / 0 > 1", "payload"]
INNER = ["http", "transform", "condition", "wait", "wait_for_response", "join", "terminate"]
TYPES = [*INNER, "branch", "function", "job", "workflow", "map", "map"]
ERRORS = ["Http.500", "Http.404", "Timeout", "Function.ValueError", "Odd", "Job.Failed"]
PATTERNS = ["*", "Http.5xx", "Http.404", "Timeout", "Expression", "Map.Failed", "Job.*"]


@st.composite
def workflows(draw: st.DrawFn) -> tuple[list[Note], list[Note]]:
    """Steps and connections of a valid definition, without its trigger `t`."""
    return draw(graphs("", TYPES, entry="t", depth=0))


@st.composite
def graphs(
    draw: st.DrawFn, prefix: str, types: list[str], *, entry: str, depth: int
) -> tuple[list[Note], list[Note]]:
    """A graph that begins with `entry`; inside of a map the entry is its first step."""
    kinds = draw(st.lists(st.sampled_from(types), min_size=1, max_size=6 if depth == 0 else 3))
    ids = [f"{prefix}s{n}" for n in range(len(kinds))]
    kind_of = {"t": "request", **dict(zip(ids, kinds, strict=True))}
    connections: list[Note] = []
    open_ids = [entry] if entry == "t" else []
    for id_, kind in zip(ids, kinds, strict=True):
        if open_ids:
            count = draw(st.integers(min_value=1, max_value=3))
            sources = draw(st.lists(st.sampled_from(open_ids), min_size=count, max_size=count))
            connections += [draw(leading(source, kind_of[source], id_)) for source in sources]
        if kind_of[id_] == "join" and sum(c["to"] == id_ for c in connections) < 2:
            kind_of[id_] = "transform"
        if kind != "terminate":
            open_ids.append(id_)
        if not connections and kind == "terminate":
            break  # within a map: nothing can follow
    ids = [id_ for id_ in ids if entry == "t" or id_ == ids[0] or _leads_to(connections, id_)]
    waits = [id_ for id_ in ids if kind_of[id_] in ("wait", "wait_for_response")]
    if waits and draw(st.booleans()):
        back = draw(st.sampled_from(waits))
        connections.append(way(back, draw(st.sampled_from(ids[: ids.index(back) + 1]))))
    steps = [draw(noted(id_, kind_of[id_], depth)) for id_ in ids]
    return steps, connections


def _leads_to(connections: list[Note], id_: str) -> bool:
    return any(connection["to"] == id_ for connection in connections)


@st.composite
def leading(draw: st.DrawFn, source: str, kind: str, target: str) -> Note:
    more: Note = {}
    if kind not in ("request", "join") and draw(st.integers(0, 3)) == 0:
        more = {"on": "error", "errors": draw(st.lists(st.sampled_from(PATTERNS), max_size=2))}
    elif kind == "condition":
        more = {"label": draw(st.sampled_from(["yes", "no"]))}
    elif kind == "branch":
        label = draw(st.sampled_from([None, "1", "red", "true"]))
        more = {} if label is None else {"label": label}
    if draw(st.integers(0, 3)) == 0:
        more["when"] = draw(st.sampled_from(CONDITIONS))
    return way(source, target, **more)


@st.composite
def noted(draw: st.DrawFn, id_: str, kind: str, depth: int) -> Note:
    note: Note = {"id": id_, "name": id_, "type": kind, "config": draw(configs(id_, kind, depth))}
    if kind in ("http", "function", "job", "workflow", "wait_for_response"):
        if draw(st.booleans()):
            note["retry"] = {
                "max_attempts": draw(st.integers(1, 3)),
                "interval_seconds": draw(st.sampled_from([0, 1, 2.5])),
                "jitter": draw(st.booleans()),
            }
        if draw(st.booleans()):
            note["timeout_seconds"] = draw(st.sampled_from([1, 30]))
    if kind not in ("transform", "terminate") and draw(st.integers(0, 2)) == 0:
        note["result"] = draw(
            st.sampled_from([*[{"mode": "replace"}] * 4, {"mode": "merge", "at": "n"}])
        )
    return note


@st.composite
def configs(draw: st.DrawFn, id_: str, kind: str, depth: int) -> Note:  # noqa: PLR0911
    value = f"${{{draw(st.sampled_from(VALUES))}}}"
    match kind:
        case "http":
            return {"url": f"https://example.com/{value}"}
        case "function":
            return {"code": "def main(): ...", "input": value}
        case "job":
            return {"job_id": "j", "input": {"v": value}}
        case "workflow":
            return {"workflow_id": "w", "payload": value, "wait": draw(st.booleans())}
        case "transform":
            return {
                "value": {"n": value},
                "mode": draw(st.sampled_from(["replace", "replace", "merge"])),
            }
        case "condition":
            return {"when": draw(st.sampled_from(CONDITIONS))}
        case "branch":
            return {"value": draw(st.sampled_from(VALUES))}
        case "wait":
            return {"seconds": draw(st.sampled_from([1, 2, 60, "${payload.n}"]))}
        case "wait_for_response":
            return draw(
                st.sampled_from([{}, {"timeout_seconds": 5}, {"sources": ["TEAMS"]}]),
            )
        case "join":
            return {"mode": draw(st.sampled_from(["all", "any"]))}
        case "terminate":
            return {"status": draw(st.sampled_from(["succeeded", "failed"])), "reason": value}
        case _:
            return draw(maps(id_, depth))


@st.composite
def maps(draw: st.DrawFn, id_: str, depth: int) -> Note:
    config: dict[str, Any] = {
        "items": draw(st.sampled_from(["[1, 2, 3]", "[[1], 2]", "[]", "[payload, 2]", "payload"])),
        "max_concurrency": draw(st.integers(1, 3)),
        "tolerated_failures": draw(st.integers(0, 2)),
    }
    if draw(st.booleans()):
        return {**config, "workflow_id": "child"}
    types = INNER if depth else [*INNER, "map"]
    steps, connections = draw(graphs(f"{id_}_", types, entry="", depth=depth + 1))
    return {**config, "steps": steps, "connections": connections}
