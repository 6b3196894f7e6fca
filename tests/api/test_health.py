"""Alive, ready, and what is counted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fixtures.server import Server, serving
from treadle.api.context import AppContext
from treadle.api.readiness import Check, Readiness


async def fine() -> str | None:
    return None


async def broken() -> str | None:
    return "the database does not answer"


async def raising() -> str | None:
    raise RuntimeError("postgresql://owner:secret@host/database")


async def test_a_process_that_answers_is_alive(server: Server) -> None:
    answer = await server.anonymous.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "failures": {}})


async def test_ready_when_every_check_is_fine(app_context: AppContext) -> None:
    context = replace(app_context, readiness=Readiness({"database": fine, "storage": fine}))
    async with serving(context) as running:
        answer = await running.anonymous.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "failures": {}})


async def test_not_ready_says_which_checks_failed(app_context: AppContext) -> None:
    checks: dict[str, Check] = {"database": broken, "storage": fine, "sandbox": raising}
    async with serving(replace(app_context, readiness=Readiness(checks))) as running:
        answer = await running.anonymous.get("/health/ready")
        assert (await running.anonymous.get("/health/live")).status_code == 200
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "failures": {"database": "the database does not answer", "sandbox": "failed; see the log"},
    }


async def test_a_check_that_hangs_has_failed() -> None:
    started = asyncio.Event()

    async def hanging() -> str | None:
        started.set()
        await asyncio.Event().wait()
        return None

    failures = await Readiness({"database": hanging, "storage": fine}).failures(seconds=0.05)
    assert failures == {"database": "no answer within 0.05 s"}
    assert started.is_set()


async def test_a_stopping_process_is_not_ready(app_context: AppContext) -> None:
    stopping = asyncio.Event()
    readiness = Readiness({"database": fine}, is_stopping=stopping.is_set)
    context = replace(app_context, readiness=readiness, stopping=stopping)
    async with serving(context) as running:
        assert (await running.anonymous.get("/health/ready")).status_code == 200
        stopping.set()
        answer = await running.anonymous.get("/health/ready")
    assert (answer.status_code, answer.json()["failures"]) == (503, {"process": "stopping"})


@pytest.mark.parametrize(
    "name",
    [
        "treadle_runs_finished_total",
        "treadle_executions_finished_total",
        "treadle_firings_total",
        "treadle_firing_lateness_seconds",
        "treadle_queue_entries",
        "treadle_http_requests_total",
        "treadle_http_request_seconds",
        "process_resident_memory_bytes",
    ],
)
async def test_metrics_are_the_ones_that_were_promised(server: Server, name: str) -> None:
    answer = await server.anonymous.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f"# TYPE {name.removesuffix('_total')}" in answer.text or f"# TYPE {name}" in answer.text


async def test_metrics_that_are_read_are_read_for_every_page(app_context: AppContext) -> None:
    async def refresh() -> None:
        app_context.metrics.queue_entries.labels("runs", "queued").set(7)

    async with serving(replace(app_context, refresh_metrics=refresh)) as running:
        page = (await running.anonymous.get("/metrics")).text
    assert 'treadle_queue_entries{lane="runs",state="queued"} 7.0' in page
