"""Which step can be reached from which, and which cycles there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from treadle.workflows.model import Graph

Ways = Mapping[str, Sequence[str]]
"""From each step's id to those after it."""


def ways_of(graph: Graph) -> dict[str, list[str]]:
    """Where each step's connections lead, error connections included."""
    ways: defaultdict[str, list[str]] = defaultdict(list)
    for connection in graph.connections:
        ways[connection.source].append(connection.target)
    return dict(ways)


def reached_from(start: Iterable[str], ways: Ways) -> set[str]:
    """All steps on the ways from `start`, itself included."""
    reached = set(start)
    pending = list(reached)
    while pending:
        for target in ways.get(pending.pop(), ()):
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached


def reach(graph: Graph) -> dict[str, frozenset[str]]:
    """For each step, all that can follow it; itself only if it lies on a cycle."""
    ways = ways_of(graph)
    return {step.id: frozenset(reached_from(ways.get(step.id, ()), ways)) for step in graph.steps}


def cycles_without(graph: Graph, breaks: Callable[[str], bool]) -> list[list[str]]:
    """The cycles in which no step `breaks`: each as its steps, at most one a step."""
    ways = {
        step: [target for target in targets if not breaks(target)]
        for step, targets in ways_of(graph).items()
        if not breaks(step)
    }
    found: list[list[str]] = []
    seen: set[str] = set()
    for step in graph.steps:
        if step.id in seen or breaks(step.id):
            continue
        cycle = _way_back(step.id, ways)
        if cycle:
            found.append(cycle)
            seen.update(cycle)
    return found


def _way_back(start: str, ways: Ways) -> list[str]:
    """The shortest way from `start` back to it, or nothing."""
    came_from: dict[str, str] = {}
    pending = [start]
    for step in pending:  # grows while it is walked: breadth first
        for target in ways.get(step, ()):
            if target == start:
                way = [step]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if target not in came_from:
                came_from[target] = step
                pending.append(target)
    return []
