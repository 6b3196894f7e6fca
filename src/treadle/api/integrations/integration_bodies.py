"""Integrations on the wire."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, Field

from treadle.api.lists import ListBody, list_example
from treadle.api.wire import exact, snake_case
from treadle.core.clock import iso
from treadle.integrations.calls import Tried
from treadle.integrations.integrations import IntegrationDraft
from treadle.integrations.model import Integration, IntegrationType

INTEGRATION_ID: Final = "0198f0a0-4444-7cc3-9d3f-3b1f0c5e2a11"
_INTEGRATION: Final = {
    "name": "warehouse",
    "type": "http",
    "config": {
        "base_url": "https://warehouse.example/api",
        "auth": {
            "type": "oauth2_client_credentials",
            "token_url": "https://login.example/oauth2/token",
            "client_id": "treadle",
        },
        "test_path": "/ping",
    },
}
_PROJECT: Final = {"project_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11"}
_INPUT_EXAMPLE: Final = {
    **_INTEGRATION,
    "secrets": {"client_secret": "told by the warehouse"},
    **_PROJECT,
}
_EXAMPLE: Final = {
    "id": INTEGRATION_ID,
    **_INTEGRATION,
    "secrets_set": ["client_secret"],
    **_PROJECT,
    "created_at": "2026-11-21T09:00:00.000Z",
    "created_by": "user:1",
    "updated_at": "2026-11-21T09:00:00.000Z",
    "updated_by": "user:1",
}


class IntegrationInput(BaseModel):
    """What can be said of an integration."""

    model_config = exact(example=_INPUT_EXAMPLE)

    name: str = Field(description="Unique in the project, 1 to 100 characters.")
    type: IntegrationType = Field(description="Cannot be changed.")
    config: dict[str, Any] = Field(
        {}, description="Host, user and whatever else the type has; see the guide to integrations."
    )
    secrets: dict[str, str | None] = Field(
        {},
        max_length=20,
        description="Passwords, tokens, addresses of webhooks. Never answered. When an integration "
        "is replaced, one that is left out or null is kept, unless its host changes.",
    )
    project_id: str | None = Field(
        None, description="Left out: the caller's default project. Cannot be changed."
    )


class IntegrationBody(BaseModel):
    """An integration, without its secrets."""

    model_config = snake_case(example=_EXAMPLE)

    id: str
    name: str
    type: IntegrationType
    config: dict[str, Any]
    secrets_set: list[str] = Field(description="The names of the secrets that are set.")
    project_id: str
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str


class IntegrationList(ListBody[IntegrationBody]):
    """Some of the integrations."""

    model_config = snake_case(example=list_example(_EXAMPLE))


class TriedBody(BaseModel):
    """What happened when the connection was tried."""

    model_config = snake_case(
        example={
            "ok": False,
            "message": "warehouse.example answered 401: check the credentials",
            "error": "Http.401",
        }
    )

    ok: bool
    message: str
    error: str | None = Field(
        description="Null when all is well, else a name for programs: `Http.401`, `TlsFailed`, …"
    )


def draft_of(body: IntegrationInput) -> IntegrationDraft:
    """What the request says."""
    return IntegrationDraft(
        name=body.name,
        type=body.type,
        config=body.config,
        secrets=body.secrets,
        project_id=body.project_id,
    )


def integration_body(integration: Integration) -> IntegrationBody:
    """The integration as an answer."""
    return IntegrationBody(
        id=str(integration.id),
        name=integration.name,
        type=integration.type,
        config=integration.config,
        secrets_set=list(integration.secret_names),
        project_id=str(integration.project_id),
        created_at=iso(integration.created_at),
        created_by=integration.created_by,
        updated_at=iso(integration.updated_at),
        updated_by=integration.updated_by,
    )


def tried_body(tried: Tried) -> TriedBody:
    """The test as an answer."""
    return TriedBody(ok=tried.ok, message=tried.message, error=tried.error)
