"""For those who keep the process running: is it alive, can it work, what does it count."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Context
from treadle.api.wire import snake_case
from treadle.metrics import CONTENT_TYPE

router: Final = APIRouter(route_class=EdgeRoute, tags=["Health"])


class Health(BaseModel):
    """Whether the process is ready, and if not, which checks failed and why."""

    model_config = snake_case(example={"status": "ok", "failures": {}})

    status: Literal["ok", "unavailable"]
    failures: dict[str, str] = Field(description="By the name of the check; empty when ready.")


_NOT_READY: Final = {"status": "unavailable", "failures": {"database": "no answer within 2 s"}}


@router.get("/health/live", summary="Is the process alive", operation_id="getLiveness")
async def get_liveness() -> Health:
    """200 as long as the process can answer at all."""
    return Health(status="ok", failures={})


@router.get(
    "/health/ready",
    summary="Can the process work",
    operation_id="getReadiness",
    responses={
        503: {
            "model": Health,
            "description": "Not ready: see which checks failed.",
            "content": {"application/json": {"example": _NOT_READY}},
        }
    },
)
async def get_readiness(*, response: Response, context: Context) -> Health:
    """200 when everything that this process needs answers; 503 otherwise and from the moment it
    begins to stop. Takes about two seconds at most.
    """
    failures = await context.readiness.failures()
    if failures:
        response.status_code = 503
        return Health(status="unavailable", failures=failures)
    return Health(status="ok", failures={})


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    operation_id="getMetrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {
                "text/plain": {"example": 'treadle_runs_finished_total{status="FINISHED"} 12.0\n'}
            },
        }
    },
)
async def get_metrics(*, context: Context) -> Response:
    """What this process counts. Open, because it names no tenant and nothing of theirs; keep the
    path inside by your proxy if even the amounts are nobody's business.
    """
    await context.refresh_metrics()
    return Response(context.metrics.page(), headers={"Content-Type": CONTENT_TYPE})
