"""Executions of workflows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from treadle.client.aio.transport import AsyncTransport
from treadle.client.decoding import decode
from treadle.client.encoding import is_id, plain, segment
from treadle.client.errors import (
    ConnectionFailed,
    ExecutionFailed,
    ExecutionTerminated,
    Unavailable,
    WaitTimeout,
)
from treadle.client.events import Event, EventReader
from treadle.client.looks import Looks
from treadle.client.workflow_models import Execution, ExecutionEvent, ExecutionSummary

_PAGE: Final = 30
"""What a page of this API has at most."""


class AsyncExecutionHandle:
    """An execution that was started: wait for it, follow it, answer it, end it. `id` is its id, or
    the process id that it was given, which another one may bear when this one is over: once the
    server has been asked it is the id.
    """

    def __init__(self, transport: AsyncTransport, execution_id: str) -> None:
        self._transport = transport
        self.id = execution_id

    @property
    def _path(self) -> str:
        return f"/v1/workflows/executions/{segment(self.id)}"

    async def get(self) -> Execution:
        """How it is now, with its steps and its log. Raises NotFound."""
        found = decode(Execution, (await self._transport.json("GET", self._path))["item"])
        self.id = found.id
        return found

    async def wait(self, timeout: float | None = None) -> Execution:
        """How it ended, well or not. Raises WaitTimeout when it has not within so many seconds: it
        may wait for somebody's answer, which `execution.awaits_response` tells.
        """
        looks = Looks(timeout)
        while not (execution := await self.get()).has_ended:
            pause = looks.pause()
            if pause is None:
                raise WaitTimeout(execution)
            await asyncio.sleep(pause)
        return execution

    async def result(self, timeout: float | None = None) -> Any:
        """Its output. Raises ExecutionFailed, ExecutionTerminated, WaitTimeout."""
        execution = await self.wait(timeout)
        if execution.status == "Terminated":
            raise ExecutionTerminated(execution)
        if not execution.succeeded:
            raise ExecutionFailed(execution)
        return execution.output

    async def follow(self) -> AsyncIterator[ExecutionEvent]:
        """Its log as it is written, and each new status (`event.type == "status"`), until it is
        over. Goes on where it was when the connection breaks.
        """
        if not is_id(self.id):
            await self.get()
        after, attempt = None, 0
        while True:
            attempt += 1
            headers = {} if after is None else {"Last-Event-ID": after}
            reader = EventReader()
            try:
                async with self._transport.lines(
                    f"{self._path}/events", params={}, headers=headers
                ) as lines:
                    async for line in lines:
                        event = reader.take(line)
                        if event is None:
                            continue
                        attempt = 0
                        after = event.id or after
                        if event.name in ("event", "state", "end"):
                            yield _told(event)
                        if event.name == "end":
                            return
            except (ConnectionFailed, Unavailable):
                await self._transport.pause(attempt)
            else:
                # The server stops; another one, or its next start, goes on.
                await self._transport.pause(attempt)

    async def answer(self, source: str, answer: Mapping[str, Any] | None = None) -> bool:
        """Answers what it waits for. `source` says who: TEAMS, SAP, or the name of an integration
        of the workflow. False if somebody has answered before. Raises Conflict if it waits for
        none, Invalid.
        """
        body = {**plain(answer or {}), "source": source}
        path = f"/v1/workflows/resumeworkflow/{segment(self.id)}"
        return (await self._transport.json("POST", path, json=body))["message"] == "restarted"

    async def terminate(self, reason: str = "") -> None:
        """Ends it, and all that is under way in it. Raises Conflict if it is over."""
        path = f"/v1/workflows/terminateworkflow/{segment(self.id)}"
        await self._transport.request("POST", path, json={"termination_reason": reason})

    async def retry(
        self,
        *,
        from_step: str | None = None,
        version: int | None = None,
        payload: Any = None,
    ) -> None:
        """Takes it up again after it failed or was terminated: from the steps that failed, or from
        one, on another version or with another payload if one is given. Raises Conflict.
        """
        body = {"from_step": from_step, "workflow_version": version, "payload": plain(payload)}
        given = {name: value for name, value in body.items() if value is not None}
        path = f"/v1/workflows/retryworkflow/{segment(self.id)}"
        await self._transport.request("POST", path, json=given)


class AsyncExecutions:
    """The executions that the caller sees."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def trigger(
        self,
        workflow_id: str,
        payload: Any = None,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncExecutionHandle:
        """Starts an execution of a version, or of the highest ACTIVE one. A `process_id` at the top
        of the payload names it. It is sent under an `Idempotency-Key`, yours or a new one, so that
        it is started once however often it has to be sent. Raises Invalid, Conflict.
        """
        path = f"/v1/workflows/triggerworkflow/{segment(workflow_id)}"
        body = await self._transport.json(
            "POST",
            path if version is None else f"{path}/{version}",
            json=plain(payload),
            once=True,
            idempotency_key=idempotency_key,
        )
        return AsyncExecutionHandle(self._transport, body["looply_execution_id"])

    async def trigger_many(
        self,
        workflow_id: str,
        payloads: Sequence[Any],
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[AsyncExecutionHandle, ...]:
        """Starts one execution for each payload, up to 1,000: all of them, or none."""
        body = {"workflow_id": workflow_id, "payloads": plain(payloads)}
        answer = await self._transport.json(
            "POST",
            "/v1/workflows/triggerworkflow/batch",
            json=body if version is None else {**body, "workflow_version": version},
            once=True,
            idempotency_key=idempotency_key,
        )
        ids: list[str] = answer["looply_execution_ids"]
        return tuple(AsyncExecutionHandle(self._transport, each) for each in ids)

    def list(
        self,
        *,
        workflow: str | None = None,
        status: str | None = None,
        project: str | None = None,
        page_size: int = _PAGE,
    ) -> AsyncIterator[ExecutionSummary]:
        """Executions, of one workflow or of all, the newest first; pages are fetched as they are
        needed.
        """
        if workflow is None:
            path = "/v1/workflows/getOrganizationExecutions"
            params = {"workspace_id": project, "workflow_status": status}
        else:
            path = "/v1/workflows/getWorkflowExecutionHistory"
            params = {"workflow_id": workflow, "workflow_status": status}
        return self._transport.keyed_pages(ExecutionSummary, path, params, size=page_size)

    async def get(self, execution_id: str) -> Execution:
        """One execution, by its id or its process id. Raises NotFound."""
        return await self.handle(execution_id).get()

    def handle(self, execution_id: str) -> AsyncExecutionHandle:
        """A handle on an execution; nothing is asked of the server."""
        return AsyncExecutionHandle(self._transport, execution_id)


def _told(event: Event) -> ExecutionEvent:
    if event.name == "event":
        return decode(ExecutionEvent, event.data)
    status = event.data["workflow_status"]
    return decode(ExecutionEvent, {"type": "status", "status": status})
