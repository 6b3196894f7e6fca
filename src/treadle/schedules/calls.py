"""What leaves the house, webhooks and notifications: outside of a transaction, at least once.

A process that dies after the call and before its word of the end leaves its queue entry, and
another one calls again; a webhook with the same `webhook-id`: the receiver drops what it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.core.clock import Clock, iso, utc_now
from treadle.core.errors import NotFound
from treadle.core.json import Json, dump
from treadle.db.database import Database
from treadle.engine.lanes import Lane
from treadle.engine.queue import Entry
from treadle.integrations import calls
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundError
from treadle.integrations.integrations import open_integration
from treadle.integrations.webhooks import sign_and_send
from treadle.schedules import firing_store
from treadle.schedules.action_configs import Notify, SendWebhook
from treadle.schedules.decisions import EndStatus
from treadle.schedules.drafts import secret_context
from treadle.schedules.ending import leave_word
from treadle.schedules.model import ActionType, AttemptEnd, FiringRow, Phase
from treadle.schedules.starting import CALLS

AT_ONCE: Final = 50
"""Calls of one process at the same time."""
_SHOWN_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Call:
    """What is to be called for an attempt of a firing."""

    tenant_id: UUID
    firing: FiringRow
    action_type: ActionType
    config: Mapping[str, Any]
    secret: str | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: EndStatus
    error: str = ""
    result: Json = None


class Calls:
    """Makes the calls of firings. Any number of processes may."""

    def __init__(
        self, database: Database, integrations: IntegrationsContext, *, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._integrations = integrations
        self._clock = clock

    def lane(self) -> Lane:
        """The lane that brings them."""
        return Lane(CALLS, self.handle, concurrency=AT_ONCE)

    async def handle(self, entry: Entry) -> None:
        """Makes one call and leaves word of how it ended, unless the attempt is over already."""
        firing_id, attempt = UUID(bytes=entry.payload[:16]), int.from_bytes(entry.payload[16:])
        call = await self._find(entry.tenant_id, firing_id, attempt)
        if call is None:
            return
        outcome = await self._make(call)
        end = AttemptEnd(
            schedule_id=call.firing.schedule_id,
            firing_id=firing_id,
            attempt=attempt,
            status=outcome.status,
            error=outcome.error,
            result=outcome.result,
            final=False,
            ended_at=self._clock(),
        )
        async with self._database.tenant(entry.tenant_id) as tx:
            await leave_word(tx, [end])

    async def _find(self, tenant_id: UUID, firing_id: UUID, attempt: int) -> _Call | None:
        """The call as the version of the schedule says it that decided on the firing."""
        async with self._database.tenant(tenant_id) as tx:
            firing = await firing_store.find_firing(tx, firing_id)
            if firing is None or firing.phase is not Phase.RUNNING or firing.attempt != attempt:
                return None
            if firing.ending is not None:
                return None
            found = await firing_store.definition_of_version(
                tx, firing.schedule_id, firing.schedule_version
            )
        if found is None:
            raise LookupError(f"schedule {firing.schedule_id} has no such version")
        definition, sealed = found
        secret = None
        if sealed is not None:
            context = secret_context(tenant_id, firing.schedule_id)
            secret = self._integrations.sealer.unseal(sealed, context=context).decode()
        return _Call(
            tenant_id,
            firing,
            ActionType(definition["action_type"]),
            definition["action_config"],
            secret,
        )

    async def _make(self, call: _Call) -> _Outcome:
        try:
            if call.action_type is ActionType.NOTIFY:
                return await self._notify(call)
            return await self._webhook(call)
        except OutboundError as error:
            return _Outcome(EndStatus.FAILED, f"{error.name}: {error.message}")

    async def _notify(self, call: _Call) -> _Outcome:
        config, firing = Notify.model_validate(call.config), call.firing
        try:
            async with self._database.tenant(call.tenant_id) as tx:
                opened = await open_integration(
                    tx, self._integrations.sealer, firing.project_id, config.integration
                )
        except NotFound as error:
            return _Outcome(EndStatus.FAILED, error.message)
        await calls.notify(
            self._integrations,
            opened,
            to=config.to,
            subject=config.subject,
            message=message_of(config, firing.record),
            now=self._clock(),
        )
        return _Outcome(EndStatus.SUCCEEDED)

    async def _webhook(self, call: _Call) -> _Outcome:
        config = SendWebhook.model_validate(call.config)
        answer = await sign_and_send(
            self._integrations.outbound,
            url=config.url,
            method=config.method,
            headers=config.headers,
            body=_body(call.firing, config, self._clock()),
            secret=call.secret,
            webhook_id=str(call.firing.id),
            now=self._clock(),
            timeout_seconds=config.timeout_seconds,
        )
        result = {"status": answer.status}
        if 200 <= answer.status < 300:
            return _Outcome(EndStatus.SUCCEEDED, result=result)
        said = answer.body[:_SHOWN_CHARACTERS].decode(errors="replace")
        return _Outcome(
            EndStatus.FAILED, f"Http.{answer.status}: {said}".rstrip(": ").replace("\0", ""), result
        )


def message_of(config: Notify, record: Mapping[str, Any] | None) -> str:
    """The message; below it the record that a relative schedule fires for, a field a line."""
    if not record:
        return config.message
    lines = (
        f"{name}: {value if isinstance(value, str) else dump(value).decode()}"
        for name, value in record.items()
    )
    return "\n".join([config.message, "", *lines])


def _body(firing: FiringRow, config: SendWebhook, now: datetime) -> bytes:
    """What is sent: the schedule's own body, or else what has happened; with the record of a
    relative schedule.
    """
    if config.method == "GET":
        return b""
    if config.body is not None:
        own = config.body
        if firing.record is not None and isinstance(own, dict):
            own = {"record": dict(firing.record), **own}
        return dump(own)
    data: dict[str, Any] = {
        "schedule_id": str(firing.schedule_id),
        "firing_id": str(firing.id),
        "scheduled_for": iso(firing.scheduled_for),
        "trigger": firing.trigger,
        "attempt": firing.attempt,
    }
    if firing.record is not None:
        data["record"] = dict(firing.record)
    return dump({"type": "schedule.fired", "timestamp": iso(now), "data": data})
