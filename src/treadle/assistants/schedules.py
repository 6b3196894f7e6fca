"""Tools for schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from treadle.assistants.kinds import CHANGES, READS, STARTS, Limit, Tool, first
from treadle.client import AsyncTreadle, Schedule, TreadleError
from treadle.client.encoding import is_id

ScheduleName = Annotated[str, Field(description="The schedule's id, or its exact name.")]
Expression = Annotated[
    str,
    Field(
        description="For `cron` such as `0 9 * * 1-5`, for `interval` such as `PT5M`, for `once` "
        "such as `2026-12-01T09:00:00`."
    ),
]
TimeZone = Annotated[
    str | None, Field(description="IANA or Windows name, such as `Australia/Sydney`; else UTC.")
]
Kind = Literal["cron", "interval", "once"]


class ScheduleTools:
    """What an assistant may do with schedules."""

    def __init__(self, treadle: AsyncTreadle) -> None:
        self._treadle = treadle
        self.tools = (
            Tool(self.list_schedules, READS),
            Tool(self.show_schedule, READS),
            Tool(self.preview_schedule, READS),
            Tool(self.create_schedule, STARTS),
            Tool(self.pause_schedule, CHANGES),
            Tool(self.resume_schedule, CHANGES),
            Tool(self.trigger_schedule, STARTS),
            Tool(self.list_firings, READS),
            Tool(self.explain_schedule, READS),
        )

    async def list_schedules(
        self,
        status: Literal["active", "paused", "completed"] | None = None,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """List schedules: what they start, and when they are due next."""
        return await first(self._treadle.schedules.list(status=status, page_size=limit), limit)

    async def show_schedule(self, schedule: ScheduleName) -> dict[str, Any]:
        """Show all of a schedule, with its next ten due times."""
        found = await self._find(schedule)
        upcoming = await self._treadle.schedules.upcoming(found.id, count=10)
        return {**found.raw, "upcoming": upcoming.raw}

    async def preview_schedule(
        self,
        expression: Expression,
        timezone: TimeZone = None,
        schedule_type: Kind = "cron",
        count: Annotated[int, Field(ge=1, le=50)] = 5,
    ) -> dict[str, Any]:
        """Say in words and in instants when an expression would be due. Nothing is kept: use it
        before create_schedule.
        """
        found = await self._treadle.schedules.preview(
            expression, timezone=timezone, schedule_type=schedule_type, count=count
        )
        return dict(found.raw)

    async def create_schedule(
        self,
        *,
        name: str,
        expression: Expression,
        job: Annotated[str | None, Field(description="Id of the job to run.")] = None,
        workflow: Annotated[str | None, Field(description="Id of the workflow to start.")] = None,
        given: Annotated[
            dict[str, Any] | None,
            Field(description="The job's input, or the workflow's payload."),
        ] = None,
        timezone: TimeZone = None,
        schedule_type: Kind = "cron",
    ) -> dict[str, Any]:
        """Make a schedule that runs a job or starts a workflow whenever it is due, from now on,
        until it is paused or deleted. Give either `job` or `workflow`.
        """
        if (job is None) == (workflow is None):
            raise TreadleError("give either job or workflow")
        settings: dict[str, Any] = {"job": job, "input": given}
        if workflow is not None:
            config = {"workflow_id": workflow, "payload": given}
            settings = {"action_type": "run_workflow", "action_config": config}
        made = await self._treadle.schedules.create(
            name, expression, timezone=timezone, schedule_type=schedule_type, **settings
        )
        return dict(made.raw)

    async def pause_schedule(
        self, schedule: ScheduleName, reason: str | None = None
    ) -> dict[str, Any]:
        """Pause a schedule: nothing is due until it is resumed, and nothing is made up for."""
        found = await self._find(schedule)
        return dict((await self._treadle.schedules.pause(found.id, reason=reason)).raw)

    async def resume_schedule(self, schedule: ScheduleName) -> dict[str, Any]:
        """Let a paused schedule go on from now."""
        found = await self._find(schedule)
        return dict((await self._treadle.schedules.resume(found.id)).raw)

    async def trigger_schedule(self, schedule: ScheduleName) -> dict[str, Any]:
        """Start what a schedule starts now, paused or not. Its next due time stays."""
        found = await self._find(schedule)
        return dict((await self._treadle.schedules.trigger(found.id)).raw)

    async def list_firings(
        self,
        schedule: ScheduleName,
        status: Annotated[
            str | None,
            Field(description="Such as succeeded, failed, skipped, missed, coalesced, cancelled."),
        ] = None,
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """List the due times of a schedule, the newest first: what became of each, and why."""
        found = await self._find(schedule)
        firings = self._treadle.schedules.firings(found.id, status=status, page_size=limit)
        return await first(firings, limit)

    async def explain_schedule(
        self,
        schedule: ScheduleName,
        at: Annotated[AwareDatetime, Field(description="Such as 2026-11-22T09:00:00Z.")],
    ) -> dict[str, Any]:
        """Say why a schedule ran at an instant, or did not."""
        instant: datetime = at
        found = await self._find(schedule)
        return dict((await self._treadle.schedules.explain(found.id, instant)).raw)

    async def _find(self, schedule: str) -> Schedule:
        if is_id(schedule):
            return await self._treadle.schedules.get(schedule)
        found = [each async for each in self._treadle.schedules.list() if each.name == schedule]
        if len(found) != 1:
            raise TreadleError(f"{len(found)} schedules that you see are called {schedule!r}")
        return found[0]
