"""Schedules: when something is due, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from treadle.client.aio.transport import AsyncTransport
from treadle.client.encoding import plain, segment, sent
from treadle.client.models import Backfill, Explanation, Firing, Preview, Schedule


class AsyncSchedules:
    """The schedules that the caller sees."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: str | None = None,
        tag: str | None = None,
        external_id: str | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[Schedule]:
        """Schedules; pages are fetched as they are needed."""
        params = {"status": status, "tag": tag, "external_id": external_id}
        return self._transport.offset_pages(Schedule, "/v1/schedules", params, size=page_size)

    async def get(self, schedule_id: str) -> Schedule:
        """One schedule. Raises NotFound."""
        return await self._transport.one(Schedule, "GET", _path(schedule_id))

    async def create(
        self,
        name: str,
        expression: str | None = None,
        *,
        job: str | None = None,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - what the contract calls it
        timezone: str | None = None,
        schedule_type: str = "cron",
        **settings: Any,
    ) -> Schedule:
        """A new schedule: of a `job`, or of an `action_type` and `action_config` among the
        `settings`, which are the API's. Raises Invalid, which names the field.
        """
        fields = sent(name=name, schedule_expression=expression, timezone=timezone, **settings)
        if job is not None:
            fields["action_type"] = "run_job"
            fields["action_config"] = sent(job_id=job, input=input)
        return await self._transport.one(
            Schedule,
            "POST",
            "/v1/schedules",
            json={"schedule_type": schedule_type, **fields},
            once=True,
        )

    async def update(self, schedule_id: str, **changes: Any) -> Schedule:
        """Changes what is given and leaves the rest. What is due is never lost by it."""
        return await self._transport.one(Schedule, "PUT", _path(schedule_id), json=plain(changes))

    async def delete(self, schedule_id: str) -> None:
        """Deletes the schedule; what it has started goes on."""
        await self._transport.request("DELETE", _path(schedule_id))

    async def pause(
        self, schedule_id: str, *, reason: str | None = None, until: datetime | None = None
    ) -> Schedule:
        """Nothing is due until it is resumed, or until then."""
        body = sent(reason=reason, until=until)
        return await self._transport.one(Schedule, "POST", f"{_path(schedule_id)}/pause", json=body)

    async def resume(self, schedule_id: str) -> Schedule:
        """It goes on; what was due meanwhile is not made up for."""
        return await self._transport.one(Schedule, "POST", f"{_path(schedule_id)}/resume")

    async def trigger(self, schedule_id: str) -> Firing:
        """Starts it now, paused or not."""
        return await self._transport.one(Firing, "POST", f"{_path(schedule_id)}/trigger", once=True)

    async def preview(
        self,
        expression: str,
        *,
        timezone: str | None = None,
        schedule_type: str = "cron",
        count: int | None = None,
    ) -> Preview:
        """When it would be due, in words and in instants. Nothing is kept."""
        body = sent(
            schedule_type=schedule_type,
            schedule_expression=expression,
            timezone=timezone,
            count=count,
        )
        return await self._transport.one(Preview, "POST", "/v1/schedules/preview", json=body)

    async def upcoming(self, schedule_id: str, *, count: int = 10) -> Preview:
        """When it is due next."""
        path = f"{_path(schedule_id)}/upcoming"
        return await self._transport.one(Preview, "GET", path, params={"n": count})

    async def explain(self, schedule_id: str, at: datetime) -> Explanation:
        """Why it ran then, or did not."""
        path = f"{_path(schedule_id)}/explain"
        return await self._transport.one(Explanation, "GET", path, params={"at": plain(at)})

    def firings(
        self, schedule_id: str, *, status: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Firing]:
        """Its due times, the newest first, each with what became of it."""
        path = f"{_path(schedule_id)}/runs"
        return self._transport.offset_pages(Firing, path, {"status": status}, size=page_size)

    async def backfill(
        self,
        schedule_id: str,
        *,
        start: datetime,
        end: datetime,
        overlap_policy: str | None = None,
        dry_run: bool = False,
    ) -> Backfill:
        """Makes up for what was due between two instants and has no firing; `dry_run` counts."""
        body = sent(start=start, end=end, overlap_policy=overlap_policy, dry_run=dry_run)
        path = f"{_path(schedule_id)}/backfill"
        return await self._transport.one(Backfill, "POST", path, json=body, once=True)


def _path(schedule_id: str) -> str:
    return f"/v1/schedules/{segment(schedule_id)}"
