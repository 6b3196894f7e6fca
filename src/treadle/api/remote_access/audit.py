"""The audit log: who did what, from where, with which credential, and what was refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Context, Tx, needs
from treadle.api.lists import DEFAULT_LIMIT, MAX_LIMIT
from treadle.api.wire import snake_case
from treadle.core.clock import iso
from treadle.core.json import dump
from treadle.identity import audit
from treadle.identity.audit_chain import ChainedEntry
from treadle.identity.audit_store import AuditFilter
from treadle.identity.model import Principal
from treadle.identity.rights import Right

router: Final = APIRouter(route_class=EdgeRoute, tags=["Audit"])

Auditor = Annotated[Principal, needs(Right.AUDIT_READ)]
JSON_LINES: Final = "application/x-ndjson"
_MAX_NUMBER: Final = 2**63 - 1
_MAX_TEXT: Final = 500
_EXAMPLE: Final = {
    "number": 1042,
    "id": "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11",
    "at": "2026-11-21T09:00:00.000Z",
    "actor": "user:1",
    "action": "role.give",
    "target": "api_key:3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f",
    "outcome": "allowed",
    "address": "192.0.2.1",
    "credential": "bearer:5f2a9c01d3e4",
    "request_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
    "times": 1,
    "before": {"role": "Member"},
    "after": {"role": "Manager"},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


class AuditEntryBody(BaseModel):
    """Something that was done or refused."""

    model_config = snake_case(example=_EXAMPLE)

    number: int = Field(description="Its place in the tenant's chain, without gaps.")
    id: str
    at: str
    actor: str = Field(
        description="`user:<id>`, `api_key:<client id>`, `operator`; `anonymous` where nobody was "
        "let in (`after.claimed` says whose credential or name was tried)."
    )
    action: str = Field(
        description="What was done (`role.give`, `user.password`, …), or, of what was refused, "
        "method and route."
    )
    target: str = Field(description="What it was done to; of what was refused, the path.")
    outcome: Literal["allowed", "refused"]
    address: str
    credential: str = Field(
        description="`api_key:<client id>`, or `bearer:` and the beginning of the token's SHA-256."
    )
    request_id: str
    times: int = Field(description="So many alike refusals within a second or so.")
    before: dict[str, Any] | None = Field(description="What it was, as far as it changed.")
    after: dict[str, Any] | None = Field(description="What it is now. Secrets are `***`.")
    hash: str = Field(description="SHA-256 over the hash before, the number and the content.")


class AuditPage(BaseModel):
    """Entries, the newest first."""

    model_config = snake_case(example={"items": [_EXAMPLE], "next_cursor": "1042"})

    items: list[AuditEntryBody]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


def _refuse_number(value: str) -> str:
    """By itself pydantic takes a number for seconds since 1970."""
    try:
        float(value)
    except ValueError:
        return value
    raise ValueError("must be a date and a time, such as 2026-06-30T12:00:00Z")


Instant = Annotated[AwareDatetime, BeforeValidator(_refuse_number)]


async def _filter(
    actor: Annotated[str | None, Query(max_length=_MAX_TEXT, examples=["user:1"])] = None,
    action: Annotated[str | None, Query(max_length=_MAX_TEXT, examples=["role.give"])] = None,
    target: Annotated[str | None, Query(max_length=_MAX_TEXT, examples=["user:7"])] = None,
    outcome: Annotated[Literal["allowed", "refused"] | None, Query()] = None,
    since: Annotated[
        Instant | None, Query(alias="from", description="From this instant on.")
    ] = None,
    until: Annotated[Instant | None, Query(alias="to", description="Before this instant.")] = None,
) -> AuditFilter:
    return AuditFilter(actor, action, target, outcome, since, until)


Wanted = Annotated[AuditFilter, Depends(_filter)]

_LINES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One entry a line, the oldest first.",
        "content": {
            JSON_LINES: {
                "schema": {"type": "string"},
                "example": dump(_EXAMPLE).decode() + "\n",
            }
        },
    }
}


@router.get("/v1/audit", summary="Read the audit log", operation_id="listAuditEntries")
async def list_entries(
    caller: Auditor,
    tx: Tx,
    wanted: Wanted,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")] = (
        DEFAULT_LIMIT
    ),
    cursor: Annotated[
        int | None, Query(ge=1, le=_MAX_NUMBER, description="The `next_cursor` of a page.")
    ] = None,
) -> AuditPage:
    """The entries of the tenant, the newest first. Filters hold together."""
    found = await audit.list_entries(tx, caller, wanted, before=cursor, limit=limit + 1)
    shown = found[:limit]
    more = len(found) > limit
    return AuditPage(
        items=[_body(entry) for entry in shown],
        next_cursor=str(shown[-1].number) if more else None,
    )


@router.get(
    "/v1/audit/export",
    summary="Export the audit log",
    operation_id="exportAuditEntries",
    response_class=StreamingResponse,
    responses=_LINES,
)
async def export_entries(caller: Auditor, wanted: Wanted, context: Context) -> StreamingResponse:
    """All entries that the filters want as JSON lines, the oldest first. With the hashes a copy
    elsewhere is a witness of what the log was.
    """
    return StreamingResponse(
        _lines(context, caller, wanted),
        media_type=JSON_LINES,
        headers={"Content-Disposition": 'attachment; filename="audit.jsonl"'},
    )


async def _lines(context: Context, caller: Principal, wanted: AuditFilter) -> AsyncGenerator[bytes]:
    async with aclosing(audit.export_entries(context.database, caller, wanted)) as batches:
        async for batch in batches:
            yield b"".join(dump(_body(entry).model_dump()) + b"\n" for entry in batch)


def _body(found: ChainedEntry) -> AuditEntryBody:
    entry = found.entry
    return AuditEntryBody(
        number=found.number,
        id=str(entry.id),
        at=iso(entry.at),
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        address=entry.address,
        credential=entry.credential,
        request_id=entry.request_id,
        times=entry.times,
        before=entry.before,
        after=entry.after,
        hash=found.hash.hex(),
    )
