"""Runs of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from treadle.client.aio.transport import AsyncTransport
from treadle.client.decoding import decode
from treadle.client.encoding import plain, segment
from treadle.client.errors import ConnectionFailed, RunFailed, Unavailable, WaitTimeout
from treadle.client.events import EventReader
from treadle.client.looks import Looks
from treadle.client.models import JobFile, Output, Run


class AsyncRunHandle:
    """A run that was started: wait for it, follow it, stop it."""

    def __init__(self, transport: AsyncTransport, run_id: str) -> None:
        self._transport = transport
        self.id = run_id
        self._path = f"/api/jobs/{segment(run_id)}"

    async def get(self) -> Run:
        """How it is now."""
        return await self._transport.one(Run, "GET", self._path)

    async def wait(self, timeout: float | None = None) -> Run:
        """How it ended, well or not. Raises WaitTimeout when it has not within so many seconds."""
        looks = Looks(timeout)
        while not (run := await self.get()).has_ended:
            pause = looks.pause()
            if pause is None:
                raise WaitTimeout(run)
            await asyncio.sleep(pause)
        return run

    async def result(self, timeout: float | None = None) -> Any:
        """What the function returned. Raises RunFailed, WaitTimeout."""
        run = await self.wait(timeout)
        if not run.succeeded:
            raise RunFailed(run)
        return (await self.output()).result

    async def follow(self) -> AsyncIterator[str]:
        """The log as it is written, until the run ends. Goes on where it was when the connection
        breaks.
        """
        after, attempt = None, 0
        while True:
            attempt += 1
            headers = {} if after is None else {"Last-Event-ID": after}
            reader = EventReader()
            try:
                async with self._transport.lines(
                    f"{self._path}/log", params={"follow": "true"}, headers=headers
                ) as lines:
                    async for line in lines:
                        event = reader.take(line)
                        if event is None:
                            continue
                        attempt = 0
                        if event.name == "end":
                            return
                        after = event.id or after
                        if event.name == "log":
                            yield event.data["text"]
            except (ConnectionFailed, Unavailable):
                await self._transport.pause(attempt)
            else:
                # The server stops; another one, or its next start, goes on.
                await self._transport.pause(attempt)

    async def log(self) -> str:
        """What was written up to now."""
        return (await self._transport.request("GET", f"{self._path}/log")).text

    async def output(self) -> Output:
        """What it left."""
        return await self._transport.one(Output, "GET", f"{self._path}/out")

    async def download(self, name: str, to: str | Path) -> Path:
        """Writes a file that it left to `to`: a file, or a folder to put it in."""
        parts = "/".join(segment(part) for part in name.split("/"))
        answer = await self._transport.request("GET", f"{self._path}/out/files/{parts}")
        target = Path(to)
        if await asyncio.to_thread(target.is_dir):
            target /= name.rpartition("/")[2]
        await asyncio.to_thread(target.write_bytes, answer.content)
        return target

    async def stop(self) -> Run:
        """Cancels it before it runs, stops it while it does. Raises Conflict if it has ended."""
        return await self._transport.one(Run, "DELETE", self._path)

    async def retry(self) -> AsyncRunHandle:
        """A new run with the same package, input and macros. Raises Conflict."""
        body = await self._transport.json("POST", f"{self._path}/retry", once=True)
        return AsyncRunHandle(self._transport, body["id"])


class AsyncRuns:
    """The runs that the caller sees."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: str | None = None,
        job: str | None = None,
        project: str | None = None,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[Run]:
        """Runs, the newest first; pages are fetched as they are needed."""
        params = {
            "state": status,
            "jobconfigid": job,
            "project": project,
            "startdate": plain(since),
            "enddate": plain(until),
        }
        return self._transport.numbered_pages(Run, "/api/jobs", params, size=page_size)

    async def get(self, run_id: str) -> Run:
        """One run. Raises NotFound."""
        return await self.handle(run_id).get()

    def handle(self, run_id: str) -> AsyncRunHandle:
        """A handle on a run; nothing is asked of the server."""
        return AsyncRunHandle(self._transport, run_id)

    async def files(self, run_id: str) -> tuple[JobFile, ...]:
        """What it left in its output folder."""
        found = await self._transport.json("GET", f"/api/jobs/{segment(run_id)}/out/files")
        return tuple(decode(JobFile, each) for each in found)
