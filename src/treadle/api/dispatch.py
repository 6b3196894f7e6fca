"""Finds the route of a request in one walk along the path's segments.

Starlette tries the pattern of one route after the other, which costs a couple of microseconds for
each: with a hundred routes that is more than all the rest of a light request. `RouteIndex` stands
before the routes of the application as one more route. It takes what it finds; what it does not
find (an unknown path, another method) falls through to the routes themselves, which make the 404
or 405 of it. So nothing depends on the index but time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi.routing import APIRoute
from starlette.convertors import StringConvertor
from starlette.datastructures import URLPath
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
        for route in routes:
            if all(type(kind) is StringConvertor for kind in route.param_convertors.values()):
                self._add(route)

    def _add(self, route: APIRoute) -> None:
        node = self._root
        for segment in route.path.split("/"):
            if segment.startswith("{") and segment.endswith("}"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            elif "{" in segment:
                return
            else:
                node = node.literals.setdefault(segment, _Node())
        for method in route.methods or ():
            if method in node.routes:
                raise ValueError(f"two routes for {method} {route.path}")
            node.routes[method] = route

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full for a route of this path and method, none otherwise; never partial."""
        if scope["type"] != "http":
            return Match.NONE, {}
        values: list[str] = []
        found = _find(self._root, scope["path"].split("/"), 0, scope["method"], values)
        if found is None:
            return Match.NONE, {}
        parameters = dict(zip(found.param_convertors, values, strict=True))
        return Match.FULL, {
            "route": found,
            "endpoint": found.endpoint,
            "path_params": parameters,
        }

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands over to the route that `matches` found."""
        await scope["route"].app(scope, receive, send)

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
