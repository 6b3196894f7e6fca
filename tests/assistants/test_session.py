"""An assistant's session with `treadle mcp`, by standard input and output, before a server."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from fixtures.server import ServeProcess
from treadle import __version__
from treadle.client import AsyncTreadle, Definition

PASSWORD = "the admin of the assistants"
PACKAGE = """
def main(name="world", lines=1, token=""):
    for _ in range(lines):
        print(f"Hello, {name}!")
    if name == "nobody":
        raise ValueError("there is nobody")
    return {"greeted": name}
"""
APPROVAL = Definition(
    "Approval",
    steps=[
        {"id": "start", "type": "request"},
        {"id": "ask", "type": "wait_for_response", "config": {"sources": ["TEAMS"]}},
        {"id": "done", "type": "transform", "config": {"value": "${steps.ask.output.said}"}},
    ],
    connections=[{"from": "start", "to": "ask"}, {"from": "ask", "to": "done"}],
)


@dataclass(frozen=True, slots=True)
class Assistant:
    """Calls tools, as a program that speaks for a person does."""

    client: Client

    async def ask(self, tool: str, **arguments: Any) -> Any:
        """What the tool answered."""
        failed, text = await self.call(tool, **arguments)
        assert not failed, text
        return json.loads(text)

    async def refused(self, tool: str, **arguments: Any) -> str:
        """Why the tool did not."""
        failed, text = await self.call(tool, **arguments)
        assert failed, text
        return text

    async def call(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        result = await self.client.call_tool(tool, arguments)
        (content,) = result.content
        assert isinstance(content, TextContent)
        return result.is_error, content.text


@asynccontextmanager
async def assistant(url: str, api_key: str, log: Path) -> AsyncGenerator[Assistant]:
    """A session with a new `treadle mcp`, which ends with the block."""
    command = StdioServerParameters(
        command=str(Path(sys.executable).with_name("treadle")),
        args=["mcp"],
        env={
            "TREADLE_URL": url,
            "TREADLE_API_KEY": api_key,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(log.parent),
        },
    )
    async with Client(command) as client:
        yield Assistant(client)


async def use_jobs(found: Assistant) -> None:
    (job,) = (await found.ask("list_jobs", text="Gre"))["items"]
    assert (await found.ask("show_job", job=job["id"]))["name"] == "Greet"
    ended = await found.ask("run_job", job="Greet", input={"name": "Ada"}, wait_seconds=60)
    assert (ended["status"], ended["result"]) == ("FINISHED", {"greeted": "Ada"})
    assert "Hello, Ada!" in ended["log"]["text"]
    failed = await found.ask("run_job", job=job["id"], input={"name": "nobody"}, wait_seconds=60)
    assert (failed["status"], failed["error"]) == ("ERROR", "there is nobody")
    listed = await found.ask("list_runs", job="Greet", limit=1)
    assert ([run["id"] for run in listed["items"]], listed["more"]) == ([failed["id"]], True)
    again = await found.ask("retry_run", run=failed["id"])
    assert again["retryOf"] == failed["id"]
    long = await found.ask("run_job", job="Greet", input={"lines": 5000}, wait_seconds=60)
    assert long["status"] == "FINISHED"
    log = await found.ask("read_run_log", run=long["id"], characters=130)
    assert len(log["text"]) == 130
    assert log["left_out_before"] > 5000 * len("Hello, world!")
    assert (await found.ask("show_run", run=long["id"]))["result"] == {"greeted": "world"}
    assert (await found.refused("stop_run", run=long["id"])).startswith("409 ")


async def use_schedules(found: Assistant) -> None:
    preview = await found.ask("preview_schedule", expression="0 9 * * 1-5", count=2)
    assert preview["description"] == "At 09:00 on Monday to Friday"
    assert len(preview["next"]) == 2
    assert "schedule_expression" in await found.refused("preview_schedule", expression="61 * * * *")
    (job,) = (await found.ask("list_jobs"))["items"]
    made = await found.ask(
        "create_schedule", name="Daily", expression="0 9 * * *", job=job["id"], given={"name": "x"}
    )
    assert made["action_config"]["job_id"] == job["id"]
    assert "either job or workflow" in await found.refused(
        "create_schedule", name="None", expression="0 9 * * *"
    )
    paused = await found.ask("pause_schedule", schedule="Daily", reason="Holidays")
    assert (paused["status"], paused["paused_reason"]) == ("paused", "Holidays")
    assert (await found.ask("list_schedules", status="paused"))["items"][0]["id"] == made["id"]
    assert (await found.ask("resume_schedule", schedule=made["id"]))["status"] == "active"
    fired = await found.ask("trigger_schedule", schedule="Daily")
    firings = await found.ask("list_firings", schedule="Daily")
    assert [each["id"] for each in firings["items"]] == [fired["id"]]
    shown = await found.ask("show_schedule", schedule="Daily")
    assert len(shown["upcoming"]["next"]) == 10
    told = await found.ask("explain_schedule", schedule="Daily", at=shown["upcoming"]["next"][0])
    assert told["due"]
    assert "0 schedules" in await found.refused("show_schedule", schedule="Nightly")


async def use_workflows(found: Assistant) -> None:
    (workflow,) = (await found.ask("list_workflows"))["items"]
    shown = await found.ask("show_workflow", workflow="Approval")
    assert [step["id"] for step in shown["workflow_steps"]] == ["start", "ask", "done"]
    started = await found.ask("trigger_workflow", workflow="Approval", payload={"process_id": "A"})
    execution = started["workflow_execution_id"]
    deadline = time.monotonic() + 60
    while (await found.ask("show_execution", execution="A"))["workflow_status"] == "In Progress":
        assert time.monotonic() < deadline
    assert "source" in await found.refused("answer_execution", execution="A", source="NOBODY")
    ended = await found.ask("terminate_execution", execution="A", reason="a mistake")
    assert ended["workflow_status"] == "Terminated"
    retried = await found.ask("retry_execution", execution=execution)
    assert not retried["finished_on"]
    while (await found.ask("show_execution", execution=execution))["workflow_status"] != (
        "Awaiting Response"
    ):
        assert time.monotonic() < deadline
    answered = await found.ask(
        "answer_execution", execution=execution, source="TEAMS", answer={"said": ["yes", 1]}
    )
    assert answered["answered"]
    while (done := await found.ask("show_execution", execution=execution))["workflow_status"] != (
        "Completed"
    ):
        assert time.monotonic() < deadline
    assert done["workflow_output_payload"] == ["yes", 1]
    assert done["condensed_logs"]["done"]["status"] == "succeeded"
    listed = await found.ask(
        "list_executions", workflow=workflow["workflow_id"], status="Completed"
    )
    assert [each["workflow_execution_id"] for each in listed["items"]] == [execution]
    assert "workflow_event_log" not in listed["items"][0]


async def come_without_rights(found: Assistant, *, job: str) -> None:
    """A key that may look at jobs, and nothing more, gets nothing more by an assistant."""
    assert (await found.ask("who_am_i"))["kind"] == "api_key"
    assert [each["id"] for each in (await found.ask("list_jobs"))["items"]] == [job]
    for tool, arguments in (
        ("run_job", {"job": job}),
        ("list_runs", {}),
        ("search_audit", {}),
        ("create_schedule", {"name": "x", "expression": "0 9 * * *", "job": job}),
        ("trigger_workflow", {"workflow": "Approval"}),
    ):
        reason = await found.refused(tool, **arguments)
        assert reason.startswith("403 "), (tool, reason)


@pytest.mark.timeout(400)
async def test_an_assistant_uses_what_its_key_may_and_nothing_else(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    (tmp_path / "hello.py").write_text(PACKAGE)
    keys: dict[str, str] = {}
    async with await AsyncTreadle.log_in(running.url, "admin", PASSWORD) as treadle:
        job = await treadle.jobs.create("Greet", package="hello.py", entry_point="hello.main")
        await treadle.jobs.upload(job.id, tmp_path / "hello.py")
        made = await treadle.workflows.create(APPROVAL)
        await treadle.workflows.activate(made.id, 1)
        for role in ("Contributor", "Member"):
            issued = await treadle.keys.create(role, expires_at=date(2036, 1, 1))
            await treadle.keys.give_role(issued.id, role, project=job.project)
            keys[role] = issued.api_key

    async with assistant(running.url, keys["Contributor"], tmp_path / "log") as found:
        listed = (await found.client.list_tools()).tools
        hints = {tool.name: tool.annotations for tool in listed}
        reads = {name for name, hint in hints.items() if hint and hint.read_only_hint}
        assert {"list_jobs", "read_run_log", "explain_schedule", "search_audit"} <= reads
        ends = {name for name, hint in hints.items() if hint and hint.destructive_hint}
        assert ends == {"stop_run", "terminate_execution"}
        assert all(tool.description and len(tool.description) > 30 for tool in listed)
        server = found.client.server_info
        assert server is not None
        assert server.version == __version__
        await use_jobs(found)
        await use_schedules(found)
        await use_workflows(found)
        assert "no job 'Nobody'" in await found.refused("run_job", job="Nobody")
        assert "404" in await found.refused("show_run", run="999999")
        assert "limit" in await found.refused("list_jobs", limit=1000)

    async with assistant(running.url, keys["Member"], tmp_path / "log") as found:
        await come_without_rights(found, job=job.id)

    async with assistant(running.url, "tdl_key_nobody", tmp_path / "log") as found:
        assert (await found.refused("list_jobs")).startswith("401 ")
        assert "tdl_key" not in await found.refused("who_am_i")

    async with assistant("http://127.0.0.1:1", keys["Member"], tmp_path / "log") as found:
        assert "ConnectError" in await found.refused("list_jobs")
