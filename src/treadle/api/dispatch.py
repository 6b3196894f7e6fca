"""Finds the route of a request in one walk along the path's segments.

Starlette tries the pattern of one route after the other, which costs a couple of microseconds for
each: with a hundred routes that is more than all the rest of a light request. `RouteIndex` stands
before the routes of the application as one more route. It takes what it finds; an address that it
does not know falls through to the routes themselves, which make the 404 of it. Two things besides
time depend on the index. A wrong method is answered with all methods that there are, where the
routes tell those of one of them. And an address without parameters is nobody else's:
`PUT /v1/schedules/pause` is a wrong method, not a change of the schedule `pause`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi.routing import APIRoute
from starlette.convertors import StringConvertor
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    parameter: _Node | None = None
    routes: dict[str, APIRoute] = field(default_factory=dict[str, APIRoute])


class RouteIndex(BaseRoute):
    """Routes by the segments of their paths; a literal segment comes before a parameter.

    A route with a parameter that is not one plain segment (`{key:path}`) is left to the fall
    through. Raises ValueError for two routes of one method and shape.
    """

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self._root = _Node()
        self._fixed: dict[str, list[APIRoute]] = {}
        self._left: list[APIRoute] = []
        for route in routes:
            if not route.param_convertors:
                self._fixed.setdefault(route.path, []).append(route)
            if all(type(kind) is StringConvertor for kind in route.param_convertors.values()):
                self._add(route)
            else:
                self._left.append(route)

    def _add(self, route: APIRoute) -> None:
        node = self._root
        for segment in route.path.split("/"):
            if segment.startswith("{") and segment.endswith("}"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            elif "{" in segment:
                self._left.append(route)
                return
            else:
                node = node.literals.setdefault(segment, _Node())
        for method in route.methods or ():
            if method in node.routes:
                raise ValueError(f"two routes for {method} {route.path}")
            node.routes[method] = route

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full for a route of this path and method, and for a wrong method at a path of which there
        are routes; none otherwise, never partial.
        """
        if scope["type"] != "http":
            return Match.NONE, {}
        path: str = scope["path"]
        values: list[str] = []
        found = _find(self._root, path.split("/"), 0, scope["method"], values)
        if found is None or (values and path in self._fixed):
            return self._refuses(scope)
        parameters = dict(zip(found.param_convertors, values, strict=True))
        return Match.FULL, {
            "route": found,
            "endpoint": found.endpoint,
            "path_params": parameters,
        }

    def _refuses(self, scope: Scope) -> tuple[Match, Scope]:
        here = self._at(scope["path"])
        if not here or any(route.matches(scope)[0] is Match.FULL for route in self._left):
            return Match.NONE, {}
        return Match.FULL, {"route": here[0], "endpoint": here[0].endpoint, "path_params": {}}

    def _at(self, path: str) -> list[APIRoute]:
        """The routes of all methods at the path."""
        return self._fixed.get(path) or list(_all(self._root, path.split("/"), 0))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands over to the route that `matches` found. Raises HTTPException for a wrong method."""
        route = scope["route"]
        if scope["method"] not in route.methods:
            methods = {method for each in self._at(scope["path"]) for method in each.methods or ()}
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
        await route.app(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Never: the routes behind the index know their names."""
        raise NoMatchFound(name, path_params)


def _find(
    node: _Node, segments: list[str], depth: int, method: str, values: list[str]
) -> APIRoute | None:
    """The route below `node`; the values of its parameters are left in `values`."""
    if depth == len(segments):
        return node.routes.get(method)
    segment = segments[depth]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _find(literal, segments, depth + 1, method, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _find(node.parameter, segments, depth + 1, method, values)
    if found is None:
        values.pop()
    return found


def _all(node: _Node, segments: list[str], depth: int) -> Iterator[APIRoute]:
    """Every route below `node` whose path this is."""
    if depth == len(segments):
        yield from node.routes.values()
        return
    literal = node.literals.get(segments[depth])
    if literal is not None:
        yield from _all(literal, segments, depth + 1)
    if node.parameter is not None and segments[depth]:
        yield from _all(node.parameter, segments, depth + 1)
