"""What the server answers, as frozen dataclasses. `raw` is the whole answer: a newer server may say
more than this client knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

ENDED: Final = frozenset({"FINISHED", "ERROR", "FAILED", "CANCELLED"})
"""The states that a run does not leave."""


def at(*path: str) -> Mapping[str, tuple[str, ...]]:
    """Metadata of a field that the API calls otherwise, or that lies within another."""
    return {"path": path}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An object of the API."""

    raw: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro(Answer):
    """A variable of the code; the value of a secure one is never told."""

    name: str
    value: str | None = None
    secure: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime(Answer):
    """What a job runs."""

    package_name: str | None
    entry_point: str | None
    log_level: str
    macros: tuple[Macro, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Answer):
    """What can be run."""

    id: str
    name: str
    description: str
    active: bool
    project: str
    runtime_config: Runtime | None = None
    blocking: bool
    timeout: int
    """Minutes; 0 is none."""
    destination_id: str
    max_retries: int
    retry_backoff_seconds: int
    network: bool
    tags: tuple[str, ...]
    created: datetime
    last_modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile(Answer):
    """A file of a job or of a run. `size` in bytes, where the server tells it."""

    name: str
    href: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReference(Answer):
    """The job of a run."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Answer):
    """One execution of a job."""

    id: str
    status: str
    job_config: JobReference
    package_name: str
    entry_point: str
    attempt: int
    tags: tuple[str, ...]
    scheduled: datetime
    received: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    duration: int | None = None
    """Milliseconds."""
    next_attempt: datetime | None = None
    return_code: int | None = None
    error_type: str | None = None
    error: str | None = None
    retry_of: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it stays in its state."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status == "FINISHED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Answer):
    """What a run left: what the function returned, and its files."""

    result: Any
    files: tuple[JobFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Answer):
    """When something is due, and what is done then."""

    id: str
    name: str
    status: str
    version: int
    project_id: str
    description: str | None = None
    schedule_type: str
    schedule_expression: str | None
    crons: tuple[str, ...]
    timezone: str
    start_at: datetime | None = None
    end_at: datetime | None = None
    action_type: str
    action_config: Mapping[str, Any]
    overlap_policy: str
    tags: tuple[str, ...]
    paused_reason: str | None = None
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_run_status: str | None = None
    run_count: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing(Answer):
    """One due time of a schedule, and what became of it."""

    id: str
    schedule_id: str
    schedule_version: int
    scheduled_for: datetime
    trigger: str
    status: str
    reason: str
    attempt: int
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lateness_ms: int | None = None
    error: str | None = None
    result: Any = None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(Answer):
    """When it would be due."""

    next: tuple[datetime, ...]
    description: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Answer):
    """Why a due time ran, or did not."""

    at: datetime
    due: bool
    outcome: str
    reason: str
    schedule_version: int | None = None
    firings: tuple[Firing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill(Answer):
    """How many due times are made up for."""

    count: int
    first: datetime | None = None
    last: datetime | None = None
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity(Answer):
    """A kind of records."""

    id: str
    project_id: str
    name: str
    description: str
    schema: Mapping[str, Any]
    date_fields: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Answer):
    """Data with dates."""

    id: str
    entity_definition_id: str
    external_id: str
    data: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upserted(Answer):
    """What became of records that were sent together."""

    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallRule(Answer):
    """A range of addresses, both ends included."""

    rule_name: str
    start_ipv4: str
    end_ipv4: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRole(Answer):
    """A role that a key has; in the tenant where there is no project."""

    id: str
    role: str
    project_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(Answer):
    """What programs come in with."""

    id: str
    client_id: str
    description: str
    expires_at: datetime
    firewall_rules: tuple[FirewallRule, ...]
    roles: tuple[KeyRole, ...]
    created_at: datetime
    last_used_at: datetime | None = None
    last_used_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedApiKey(ApiKey):
    """A key with its secrets, which are told this once."""

    client_secret: str = field(repr=False)
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Answer):
    """Who holds which role where."""

    id: str
    member_type: str
    member_id: str
    name: str
    role: str
    project_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Answer):
    """A folder of resources."""

    id: str
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry(Answer):
    """Who did what, or was refused."""

    number: int
    id: str
    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    address: str
    request_id: str
    times: int
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller(Answer):
    """Who one is."""

    kind: str
    id: str
    name: str
    application_role: str | None = None
    rights: tuple[str, ...]
