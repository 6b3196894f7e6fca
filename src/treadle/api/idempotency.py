"""`Idempotency-Key`: the same request, sent again, starts nothing a second time.

The key's row is written in the transaction of the work itself, so that both are there or neither.
A second request with the key waits, while the first is under way, on the unique index; then it
reads the answer that the first one got. A refusal rolls the row back with the rest: what did not
happen may be tried again with the same key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Header
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from treadle.api.bodies import parse_json
from treadle.api.context import context_of
from treadle.api.dependencies import Caller, Tx, dependencies_of
from treadle.core.errors import BadInput, Unprocessable
from treadle.core.json import canonical
from treadle.db.database import Database
from treadle.db.transaction import Transaction

KEPT: Final = timedelta(hours=24)
"""How long a key keeps its answer."""
PRUNE_BATCH: Final = 1000

REUSED: Final = "This Idempotency-Key was used with another request."
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS: Final = frozenset({"location", "content-type"})


@dataclass(frozen=True, slots=True)
class Key:
    """A request's key, and what it stands for."""

    principal: str
    key: str
    request_hash: bytes
    now: datetime

    async def once(self, tx: Transaction, work: Callable[[], Awaitable[Response]]) -> Response:
        """What `work` answers, or what it answered when the key was used first.

        `work` writes in `tx` and answers with a whole body. Raises Unprocessable when the key
        belongs to another request.
        """
        if not await self._claim(tx):
            return await self._recall(tx)
        response = await work()
        await self._keep(tx, response)
        return response

    async def _claim(self, tx: Transaction) -> bool:
        """Whether the key is this request's: free, or so old that it is free again.

        Waits while another transaction has claimed it.
        """
        return bool(
            await tx.fetchval(
                "INSERT INTO idempotency_keys AS held"
                " (tenant_id, principal, key, request_hash, created_at)"
                " VALUES ($1, $2, $3, $4, $5)"
                " ON CONFLICT (tenant_id, principal, key) DO UPDATE"
                " SET request_hash = excluded.request_hash, created_at = excluded.created_at,"
                " status = NULL, headers = NULL, body = NULL"
                " WHERE held.created_at <= $6 RETURNING true",
                tx.tenant_id,
                self.principal,
                self.key,
                self.request_hash,
                self.now,
                self.now - KEPT,
            )
        )

    async def _recall(self, tx: Transaction) -> Response:
        found = await tx.fetchrow(
            "SELECT request_hash, status, headers, body FROM idempotency_keys"
            " WHERE tenant_id = $1 AND principal = $2 AND key = $3",
            tx.tenant_id,
            self.principal,
            self.key,
        )
        # The row is there: the claim met it, and only its own age would have let it go.
        if found is None or found["request_hash"] != self.request_hash:
            raise Unprocessable(REUSED, field="Idempotency-Key")
        return Response(found["body"], status_code=found["status"], headers=found["headers"])

    async def _keep(self, tx: Transaction, response: Response) -> None:
        headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
        await tx.execute(
            "UPDATE idempotency_keys SET status = $4, headers = $5, body = $6"
            " WHERE tenant_id = $1 AND principal = $2 AND key = $3",
            tx.tenant_id,
            self.principal,
            self.key,
            response.status_code,
            headers,
            bytes(response.body),
        )


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The transaction of a request, and its key, if it has one."""

    tx: Transaction
    key: Key | None

    async def once(self, work: Callable[[], Awaitable[Response]]) -> Response:
        """As `Key.once`, in the transaction of this request; without a key, what `work` answers."""
        return await work() if self.key is None else await self.key.once(self.tx, work)


async def key_of(
    request: Request,
    caller: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Any text of 1 to 255 visible ASCII characters. The same key with the same "
            "request gets the first answer again for 24 hours, and starts nothing."
        ),
    ] = None,
) -> Key | None:
    """The request's key. Raises BadInput for one that is empty, too long or not visible ASCII."""
    if idempotency_key is None:
        return None
    if not _KEY.fullmatch(idempotency_key):
        raise BadInput(
            "Idempotency-Key must have 1 to 255 visible ASCII characters", field="Idempotency-Key"
        )
    return Key(
        principal=caller.ref,
        key=idempotency_key,
        request_hash=await _hash_of(request),
        now=context_of(request).clock(),
    )


IdempotencyKey = Annotated[Key | None, Depends(key_of)]


async def idempotency(tx: Tx, key: IdempotencyKey) -> Idempotency:
    """The request's transaction and key."""
    return Idempotency(tx, key)


Once = Annotated[Idempotency, Depends(idempotency, scope="function")]


def is_once(route: APIRoute) -> bool:
    """Whether the route takes an Idempotency-Key."""
    return any(call is idempotency for call in dependencies_of(route))


async def prune_idempotency_keys(database: Database, *, now: datetime) -> int:
    """Deletes the keys that are free again, in small transactions; how many."""
    total = 0
    while True:
        async with database.system() as tx:
            deleted = await tx.execute(
                "DELETE FROM idempotency_keys WHERE ctid IN (SELECT ctid FROM idempotency_keys"
                " WHERE created_at <= $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
                now - KEPT,
                PRUNE_BATCH,
            )
        total += deleted
        if deleted < PRUNE_BATCH:
            return total


async def _hash_of(request: Request) -> bytes:
    """Equal for equal requests: method, address and what the body means, however it is spelt."""
    raw = await request.body()
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(target + (canonical(parse_json(raw)) if raw else b"")).digest()
