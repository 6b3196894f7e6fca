"""Destinations (contract §3): named pools of workers that a job can go to."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Tx, needs_in_a_project
from treadle.api.wire import Camel, camel_case
from treadle.core.ids import parse_number
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.jobs import definitions
from treadle.jobs.model import Destination

router: Final = APIRouter(route_class=EdgeRoute, tags=["Destinations"])

Reader = Annotated[Principal, needs_in_a_project(Right.JOBS_READ)]


class DestinationBody(Camel):
    """A pool of workers, and how many of them were heard of in the last minute."""

    model_config = camel_case(
        example={
            "id": "1",
            "name": "default",
            "href": "https://treadle.example/api/destinations/1",
            "workers": 2,
            "capacity": 8,
        }
    )

    id: str
    name: str
    href: str
    workers: int
    capacity: int


@router.get("/api/destinations", summary="List destinations", operation_id="listDestinations")
async def list_destinations(caller: Reader, tx: Tx, base: Base) -> list[DestinationBody]:
    """The pools, the oldest first; a job that names none goes to the first."""
    return [_body(pool, base) for pool in await definitions.list_destinations(tx)]


@router.get("/api/destinations/{id}", summary="Get a destination", operation_id="getDestination")
async def get_destination(id: str, caller: Reader, tx: Tx, base: Base) -> DestinationBody:  # noqa: A002
    """One pool."""
    return _body(await definitions.get_destination(tx, parse_number(id)), base)


def _body(pool: Destination, base: str) -> DestinationBody:
    return DestinationBody(
        id=str(pool.id),
        name=pool.name,
        href=f"{base}/api/destinations/{pool.id}",
        workers=pool.workers,
        capacity=pool.capacity,
    )
