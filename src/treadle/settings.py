"""One frozen settings object, read once from `TREADLE_…` variables and the command line.

Every field is a setting; its description is what the documentation prints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _parts(value: object) -> object:
    """A text as the list that it is: a variable can hold no other form."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class Settings(BaseSettings):
    """What an operator can decide. The defaults run everything on one machine."""

    model_config = SettingsConfigDict(env_prefix="TREADLE_", frozen=True, extra="ignore")

    # Where things are
    data_dir: Path = Field(
        default=Path("treadle-data"),
        description="Folder for the embedded database, files, caches and the secret key.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL ≥ 15 (`postgresql://owner:password@host/database`), by a user who "
        "may create roles. Unset: an embedded PostgreSQL 18 in the data directory.",
    )
    storage_url: str | None = Field(
        default=None,
        description="Where uploaded and produced files live: a folder or `s3://bucket/prefix`. "
        "Unset: the folder `files` in the data directory.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="The installation's master key, at least 32 characters; several, separated by "
        "commas, while one replaces another (the first seals). Unset: the file "
        "`secret.key` in the data directory, made at first start.",
    )

    # HTTP
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(
        default=8080, ge=0, le=65535, description="Port the API listens on; 0 takes any."
    )
    public_url: str | None = Field(
        default=None,
        description="Address that callers use, for links in answers and in mail, which needs it. "
        "Unset: the request's own.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)] = Field(
        default=(),
        description="Addresses or CIDR ranges, separated by commas, that are believed about "
        "`X-Forwarded-For` and `X-Forwarded-Proto`.",
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest request body, uploads aside, in bytes."
    )
    max_package_bytes: int = Field(
        default=104_857_600, ge=1024, description="Largest uploaded file, in bytes."
    )
    rate_limit_per_minute: int = Field(
        default=120_000,
        ge=0,
        description="Requests a minute of one user or API key, in one process; 0 sets no limit.",
    )
    anonymous_rate_limit_per_minute: int = Field(
        default=300,
        ge=0,
        description="Logins, token requests and requests without a good credential a minute from "
        "one address, in one process; 0 sets no limit.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Where mail is handed in: `smtp://user:password@host:587?starttls`, or "
        "`smtps://…` for TLS from the first byte. Unset: no mail, and no invitations.",
    )
    mail_from: str | None = Field(
        default=None, description="Address that mail comes from; needed with `TREADLE_SMTP_URL`."
    )
    admin_password: SecretStr | None = Field(
        default=None,
        description="Password of the user `admin` at first start. Unset: a random one, printed "
        "once.",
    )

    # Database
    database_pool_size: int = Field(
        default=16,
        ge=4,
        le=200,
        description="Most connections of each kind that one process opens.",
    )

    # Calls to other systems
    outbound_allowed: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)] = Field(
        default=(),
        description="Addresses, CIDR ranges and host names, separated by commas, that webhooks, "
        "integrations and HTTP steps may reach although they are not public. Whoever may define "
        "such a call reaches them with all that this machine can reach.",
    )

    # Workers
    destination: str = Field(
        default="default",
        max_length=100,
        description="Named pool of workers that this process belongs to.",
    )
    worker_concurrency: int = Field(
        default=4, ge=1, le=1000, description="Package runs at the same time in one process."
    )
    lease_seconds: float = Field(
        default=8.0,
        ge=2,
        le=300,
        description="How long a run stays a silent worker's; then another takes it.",
    )
    shutdown_seconds: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="How long running attempts may finish after SIGTERM before they are handed "
        "back.",
    )
    tenant_queue_bound: int = Field(
        default=200,
        ge=1,
        le=100_000,
        description="Queue entries that one tenant may have at a time; the rest waits its turn.",
    )

    # A run's limits
    run_memory_mb: int = Field(default=512, ge=64, description="Memory of one run, in MiB.")
    run_processes: int = Field(default=64, ge=4, description="Processes and threads of one run.")
    run_disk_mb: int = Field(
        default=1024, ge=1, description="Working and output folder of a run, in MiB."
    )
    run_cpu_seconds: int = Field(
        default=0,
        ge=0,
        description="CPU time of one process of a run, in seconds; 0 sets no limit.",
    )
    run_log_mb: int = Field(
        default=32,
        ge=1,
        description="Log that is kept of one attempt, in MiB; the rest is counted only.",
    )
    run_network: bool = Field(
        default=True,
        description="Whether this worker gives runs its machine's network when their jobs say "
        "`network`; where it does not, they end as ERROR.",
    )
    run_retention_days: int = Field(
        default=90, ge=1, description="Finished runs, their logs and files go after so many days."
    )

    # Logs
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Server log: least severity.",
    )
    log_format: str = Field(
        default="auto",
        pattern="^(auto|json|console)$",
        description="`json`, `console`, or `auto`: console on a terminal, JSON elsewhere.",
    )

    def storage_location(self) -> str:
        """The storage URL, with its default filled in."""
        return self.storage_url or str((self.data_dir / "files").resolve())
