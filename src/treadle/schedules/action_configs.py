"""What a schedule starts, as callers write it: one model for each type of action. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from treadle.core.errors import Unprocessable
from treadle.core.json import dump
from treadle.schedules.model import ActionType

MOST_BYTES: Final = 65_536
"""Of an action's configuration as JSON."""
_SECRET_BYTES: Final = range(24, 65)  # as Standard Webhooks says


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _http_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("must be a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise ValueError("must be an http or https URL with a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or a password")
    if not text.isascii() or any(character.isspace() for character in text):
        raise ValueError("must be ASCII without white space")
    return text


def _signing_secret(text: str) -> str:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be whsec_ and base64") from None
    if len(key) not in _SECRET_BYTES:
        raise ValueError("must hold 24 to 64 bytes")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text")
    return text


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MacroConfig(_Config):
    """A macro of the runs that the schedule starts."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    value: Annotated[str, Field(max_length=32_768)]


class RunJob(_Config):
    """Runs a job of the schedule's project."""

    job_id: Annotated[str, BeforeValidator(_text_of_number), Field(min_length=1, max_length=40)]
    input: dict[str, JsonValue] = {}
    macros: Annotated[tuple[MacroConfig, ...], Field(max_length=200)] = ()


class RunWorkflow(_Config):
    """Starts a workflow of the schedule's project: a version of it, or the latest ACTIVE one."""

    workflow_id: UUID
    workflow_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    payload: JsonValue = None


HeaderValue = Annotated[str, Field(max_length=4_096)]


class SendWebhook(_Config):
    """Sends a request, signed as Standard Webhooks says if there is a secret."""

    url: Annotated[str, Field(max_length=2_048), AfterValidator(_http_url)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Annotated[
        dict[str, Annotated[str, Field(max_length=4_096)]], Field(max_length=50)
    ] = {}
    body: JsonValue = None
    timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 30
    secret: Annotated[str, AfterValidator(_signing_secret)] | None = None


Recipient = Annotated[str, Field(min_length=1, max_length=320)]


class Notify(_Config):
    """Tells people, through an integration of the schedule's project: its name or its id."""

    integration: Annotated[str, Field(min_length=1, max_length=200)]
    to: Annotated[
        tuple[Recipient, ...],
        Field(max_length=50),
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ] = ()
    subject: Annotated[str, Field(max_length=500), AfterValidator(_one_line)] = ""
    message: Annotated[str, Field(min_length=1, max_length=20_000)]


class LogEvent(BaseModel):
    """Writes a line into the server's log; any fields."""

    model_config = ConfigDict(extra="allow", frozen=True)


CONFIGS: Final[Mapping[ActionType, type[BaseModel]]] = {
    ActionType.RUN_JOB: RunJob,
    ActionType.RUN_WORKFLOW: RunWorkflow,
    ActionType.SEND_WEBHOOK: SendWebhook,
    ActionType.NOTIFY: Notify,
    ActionType.LOG_EVENT: LogEvent,
}


def parse_action_type(text: str) -> ActionType:
    """The type of this name, in any letter case. Raises Unprocessable."""
    name = text.strip().lower()
    if name not in set(ActionType):
        known = ", ".join(ActionType)
        raise Unprocessable(f"must be one of {known}", field="action_type")
    return ActionType(name)


def parse_action_config(action_type: ActionType, config: Mapping[str, Any]) -> BaseModel:
    """The configuration, checked. Raises Unprocessable, which names the field and the rule."""
    if len(dump(config)) > MOST_BYTES:
        raise Unprocessable(f"must have at most {MOST_BYTES:,} bytes", field="action_config")
    try:
        return CONFIGS[action_type].model_validate(config)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(("action_config", *(str(step) for step in first["loc"])))
        message = first["msg"].removeprefix("Value error, ")
        raise Unprocessable(message, field=place) from None


def stored_config(config: BaseModel) -> tuple[dict[str, Any], str | None]:
    """What is stored and shown of a configuration, and its secret, which is neither."""
    values = config.model_dump(mode="json")
    secret = values.pop("secret", None) if isinstance(config, SendWebhook) else None
    return values, secret
