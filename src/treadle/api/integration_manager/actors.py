"""People and keys as the integration manager's answers show them: `{id, name, href}`."""

from __future__ import annotations

from typing import Final

from treadle.api.wire import Camel, camel_case
from treadle.identity.model import Actor

ACTOR_EXAMPLE: Final = {
    "id": "1",
    "name": "admin",
    "href": "https://treadle.example/api/users/1",
}

_PLACES: Final = {
    "user": "/api/users/{id}",
    "api_key": "/v1/api-keys/{id}",
    "schedule": "/v1/schedules/{id}",
    "workflow": "/v1/workflows/{id}/versions",
}


class ActorBody(Camel):
    """Who did something."""

    model_config = camel_case(example=ACTOR_EXAMPLE)

    id: str
    name: str
    href: str


def actor_body(actor: Actor, base: str) -> ActorBody:
    """The actor, with the address where there is more of it."""
    place = _PLACES[actor.kind].format(id=actor.id)
    return ActorBody(id=actor.id, name=actor.name, href=f"{base}{place}")
