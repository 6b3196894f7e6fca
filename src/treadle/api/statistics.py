"""How much ended, how, and how late it started, in buckets of time: of all three kinds of work."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Context, Tx, needs_somewhere
from treadle.api.integration_manager.instants import read_instant
from treadle.api.wire import snake_case
from treadle.core.buckets import MOST_BUCKETS, Ends, Step, cut
from treadle.core.clock import iso
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.jobs import runs
from treadle.schedules import reading
from treadle.schedules.model import Lateness
from treadle.workflows import history

router: Final = APIRouter(route_class=EdgeRoute, tags=["Statistics"])

Historian = Annotated[Principal, needs_somewhere(Right.HISTORY_READ)]
_ENDS_EXAMPLE: Final = {"succeeded": 118, "failed": 2, "cancelled": 0}
_FIRINGS_EXAMPLE: Final = {"started": 60, "p50_ms": 9, "p95_ms": 31, "max_ms": 48}
_BUCKET_EXAMPLE: Final = {
    "at": "2026-11-21T09:00:00.000Z",
    "runs": _ENDS_EXAMPLE,
    "executions": {"succeeded": 12, "failed": 0, "cancelled": 1},
    "firings": _FIRINGS_EXAMPLE,
}


class EndsBody(BaseModel):
    """How many ended well, badly, or because they were not wanted any more."""

    model_config = snake_case(example=_ENDS_EXAMPLE)

    succeeded: int = Field(description="Runs that FINISHED, executions that are Completed.")
    failed: int = Field(description="Runs that are ERROR or FAILED, executions that Failed.")
    cancelled: int = Field(description="Runs that were CANCELLED, executions that are Terminated.")


class LatenessBody(BaseModel):
    """How long after their due times firings started."""

    model_config = snake_case(example=_FIRINGS_EXAMPLE)

    started: int
    p50_ms: int | None = Field(description="Half of them were at most so late; null: none started.")
    p95_ms: int | None
    max_ms: int | None


class BucketBody(BaseModel):
    """What ended in one stretch of time, and what was due in it and has started."""

    model_config = snake_case(example=_BUCKET_EXAMPLE)

    at: str = Field(description="When the bucket begins.")
    runs: EndsBody
    executions: EndsBody
    firings: LatenessBody


class StatisticsOfTimeBody(BaseModel):
    """All buckets of the stretch, the earliest first, those in which nothing happened included."""

    model_config = snake_case(
        example={
            "from": "2026-11-21T09:00:00.000Z",
            "to": "2026-11-21T10:00:00.000Z",
            "step": "hour",
            "buckets": [_BUCKET_EXAMPLE],
        }
    )

    since: str = Field(alias="from", description="When the first bucket begins.")
    until: str = Field(alias="to", description="When the last bucket ends.")
    step: Step
    buckets: list[BucketBody]


@router.get("/v1/statistics", summary="Count what ended, by time", operation_id="getStatistics")
async def get_statistics(
    caller: Historian,
    tx: Tx,
    context: Context,
    since: Annotated[
        str | None,
        Query(alias="from", max_length=64, description="From then on; left out: 24 steps."),
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", max_length=64, description="Until then; left out: now.")
    ] = None,
    step: Annotated[
        Step, Query(description=f"How long each bucket is; at most {MOST_BUCKETS} of them.")
    ] = Step.HOUR,
    project_id: Annotated[UUID | None, Query(description="Only of this project.")] = None,
) -> StatisticsOfTimeBody:
    """Runs and executions by the time of their end, firings of schedules by their due time, of all
    projects whose history the caller may read. Buckets are whole hours or minutes of UTC. One that
    is over changes no more, but for what was due in it and starts later.
    """
    wanted = cut(
        read_instant(since, field="from"),
        read_instant(until, field="to") or context.clock(),
        step,
    )
    of_runs = await runs.count_ends(tx, caller, wanted, project_id=project_id)
    of_executions = await history.count_ends(tx, caller, wanted, project_id=project_id)
    late = await reading.lateness(tx, caller, wanted, project_id=project_id)
    return StatisticsOfTimeBody.model_validate(
        {
            "from": iso(wanted.since),
            "to": iso(wanted.until),
            "step": wanted.step,
            "buckets": [
                _body(
                    at,
                    of_runs.get(at, Ends()),
                    of_executions.get(at, Ends()),
                    late.get(at, Lateness()),
                )
                for at in wanted.starts()
            ],
        }
    )


def _body(at: datetime, of_runs: Ends, of_executions: Ends, late: Lateness) -> BucketBody:
    return BucketBody(
        at=iso(at),
        runs=_ends_body(of_runs),
        executions=_ends_body(of_executions),
        firings=LatenessBody(
            started=late.started, p50_ms=late.p50_ms, p95_ms=late.p95_ms, max_ms=late.max_ms
        ),
    )


def _ends_body(ends: Ends) -> EndsBody:
    return EndsBody(succeeded=ends.succeeded, failed=ends.failed, cancelled=ends.cancelled)
