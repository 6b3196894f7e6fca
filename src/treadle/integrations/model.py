"""Integrations: stored connections to other systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


@unique
class IntegrationType(StrEnum):
    """What kind of system is connected to."""

    HTTP = "http"
    SAP = "sap"
    TEAMS = "teams"
    SLACK = "slack"
    SMTP = "smtp"
    SQL = "sql"


class Config(BaseModel):
    """What everybody may read of an integration. Each type has its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def needed_secrets(self) -> frozenset[str]:
        """The secrets that an integration with this configuration has, no fewer and no more."""
        return frozenset()

    def target(self) -> tuple[object, ...]:
        """Where the secrets are sent to, and how they are protected on the way. Secrets that are
        kept stay with their target: who may change it, but not read them, must not get them sent
        to himself.
        """
        return ()


class Secrets(BaseModel):
    """What nobody may read again. Each type has its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(self.by_name()))})"

    __str__ = __repr__

    def by_name(self) -> dict[str, str]:
        """The ones that are set."""
        return self.model_dump(exclude_none=True)


C_co = TypeVar("C_co", bound=Config, covariant=True)
S_co = TypeVar("S_co", bound=Secrets, covariant=True)


@dataclass(frozen=True, slots=True)
class Integration:
    """One as it is stored. `secrets` is sealed."""

    id: UUID
    project_id: UUID
    name: str
    type: IntegrationType
    config: dict[str, Any]
    secrets: bytes | None = field(repr=False)
    secret_names: tuple[str, ...]
    revision: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class OpenIntegration(Generic[C_co, S_co]):
    """One that is opened for a call. It may be used outside of any transaction."""

    id: UUID
    revision: int
    project_id: UUID
    name: str
    type: IntegrationType
    config: C_co
    secrets: S_co = field(repr=False)

    @property
    def key(self) -> tuple[UUID, int]:
        """What is remembered of the integration is remembered under this."""
        return self.id, self.revision

    def masked(self, text: str) -> str:
        """The text as it may be shown and logged: without our secrets, in one bounded line. The
        other side may have sent back what it was sent.
        """
        for secret in sorted(self._secret_texts(), key=len, reverse=True):
            text = text.replace(secret, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= MAX_TOLD else f"{line[:MAX_TOLD]}…"

    def _secret_texts(self) -> Iterator[str]:
        for value in self.secrets.by_name().values():
            yield value
            if value.startswith(("http://", "https://")):  # all behind the host is the secret
                yield from (part for part in value.split("/", 3)[3:] if part)


MAX_TOLD = 300
"""Characters of what another system said that go into our messages."""
