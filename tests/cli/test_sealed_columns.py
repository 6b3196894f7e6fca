"""What is sealed under the master key is sealed anew when there is another one."""

from __future__ import annotations

import asyncpg

from treadle.cli.secrets import KINDS

NOT_SEALED = {
    # Hashes, which nobody opens, what is no secret, and the roles' own, which has its own way.
    "role_secret.sealed",
    "api_keys.old_secret_hash",
    "api_keys.secret_hash",
    "audit_heads.hash",
    "audit_log.digest",
    "audit_log.hash",
    "backlog.payload",
    "client_tokens.token_hash",
    "execution_effects.request",
    "execution_events.entries",
    "execution_inbox.event",
    "executions.input",
    "executions.output",
    "executions.state",
    "idempotency_keys.body",
    "idempotency_keys.request_hash",
    "invitations.token_hash",
    "job_files.sha256",
    "login_failures.subject",
    "schedules.deduplication_hash",
    "stored_packages.sha256",
    "timers.payload",
    "tokens.token_hash",
}
"""Columns of bytes in which no seal stands."""


async def test_every_column_of_bytes_is_sealed_anew_or_no_seal(owner: asyncpg.Connection) -> None:
    records = await owner.fetch(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
        " WHERE table_schema = 'treadle' AND data_type = 'bytea'"
    )
    columns = {record["name"] for record in records}
    assert columns - NOT_SEALED == {kind.column for kind in KINDS}
    assert NOT_SEALED - columns == set()
