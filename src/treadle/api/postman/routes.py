"""The collection and its environment, for Postman and for whatever reads its format."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base
from treadle.api.postman.collection import build_collection, build_environment

router: Final = APIRouter(route_class=EdgeRoute, tags=["Product"])

_COLLECTION_EXAMPLE: Final[dict[str, Any]] = {
    "info": {"name": "Treadle", "version": "0.1.0"},
    "item": [{"name": "Integrate", "item": []}],
}
_ENVIRONMENT_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Treadle at https://treadle.example",
    "values": [{"key": "IntegrateUrl", "value": "https://treadle.example", "enabled": True}],
}


def _answers(description: str, example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    content = {"schema": {"type": "object"}, "example": example}
    return {200: {"description": description, "content": {"application/json": content}}}


@router.get(
    "/postman/collection.json",
    summary="Get the Postman collection",
    operation_id="getPostmanCollection",
    response_class=JSONResponse,
    responses=_answers("A collection of the format 2.1.", _COLLECTION_EXAMPLE),
)
async def get_postman_collection(request: Request) -> JSONResponse:
    """Every request of the API, in folders and in an order in which they can be played. Import it,
    and the environment with it.
    """
    return JSONResponse(build_collection(request.app.openapi()))


@router.get(
    "/postman/environment.json",
    summary="Get the Postman environment",
    operation_id="getPostmanEnvironment",
    response_class=JSONResponse,
    responses=_answers("An environment of this server.", _ENVIRONMENT_EXAMPLE),
)
async def get_postman_environment(base: Base) -> JSONResponse:
    """The variables of the collection: the addresses are this server's, the credentials are to be
    filled in.
    """
    return JSONResponse(build_environment(base))
