"""Whatever starts runs is shown with the address where there is more of it."""

from __future__ import annotations

import pytest

from treadle.api.integration_manager.actors import actor_body
from treadle.identity.model import Actor


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("user", "/api/users/7"),
        ("api_key", "/v1/api-keys/7"),
        ("schedule", "/v1/schedules/7"),
        ("workflow", "/v1/workflows/7/versions"),
    ],
)
def test_every_kind_of_actor_has_an_address(kind: str, path: str) -> None:
    body = actor_body(Actor(kind, "7", "it"), "https://treadle.example")
    assert body.href == f"https://treadle.example{path}"
