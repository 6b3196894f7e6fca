"""What a run leaves (contract §3): its log, live or whole, its result, its files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.integration_manager.downloads import BYTES, attachment
from treadle.api.integration_manager.run_bodies import (
    OutputBody,
    OutputFileBody,
    output_file_body,
)
from treadle.api.sse import EVENT_STREAM, Event, event_stream
from treadle.api.streaming import ClosingResponse
from treadle.core.ids import parse_id
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.jobs import files, runs
from treadle.jobs.follow import follow_log
from treadle.jobs.model import Run

router: Final = APIRouter(route_class=EdgeRoute, tags=["Jobs"])

Historian = Annotated[Principal, needs_somewhere(Right.HISTORY_READ)]
_LOG_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The log; with `follow` as server-sent events `log` and `end`.",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": "reading\nwrote report.md\n"},
            # Without a schema: OpenAPI 3.1 has none for a stream of events, and tools read one as
            # that of each event.
            EVENT_STREAM: {
                "example": 'id: 8\nevent: log\ndata: {"attempt":1,"text":"reading\\n"}\n\n'
                'event: end\ndata: {"status":"FINISHED"}\n\n',
            },
        },
    }
}


@router.get(
    "/api/jobs/{id}/log",
    summary="Read or follow the log",
    operation_id="getJobLog",
    response_class=StreamingResponse,
    responses=_LOG_RESPONSES,
)
async def get_log(
    id: str,  # noqa: A002
    caller: Historian,
    tx: Tx,
    context: Context,
    follow: Annotated[bool, Query(description="Stream it live, until the run ends.")] = False,
    last_event_id: Annotated[str | None, Header(description="Go on after this event.")] = None,
) -> ClosingResponse:
    """What the code wrote, as text; with `follow`, as it comes."""
    run = await runs.get_run(tx, caller, parse_id(id))
    after = _position(last_event_id)
    if follow:
        return event_stream(_events(context, run, after), stopping=context.stopping)
    return ClosingResponse(_text(context, run), media_type="text/plain; charset=utf-8")


@router.get("/api/jobs/{id}/out", summary="Get what a run left", operation_id="getJobOutput")
async def get_output(id: str, caller: Historian, tx: Tx, base: Base) -> OutputBody:  # noqa: A002
    """What the function returned, and the files of the output folder."""
    run = await runs.get_run(tx, caller, parse_id(id))
    found = await runs.list_output(tx, run)
    return OutputBody(
        result=run.result, files=[output_file_body(run, file, base) for file in found]
    )


@router.get(
    "/api/jobs/{id}/out/files", summary="List output files", operation_id="listJobOutputFiles"
)
async def list_output_files(
    id: str,  # noqa: A002
    caller: Historian,
    tx: Tx,
    base: Base,
) -> list[OutputFileBody]:
    """The files of the output folder, by path."""
    run = await runs.get_run(tx, caller, parse_id(id))
    return [output_file_body(run, file, base) for file in await runs.list_output(tx, run)]


@router.get(
    "/api/jobs/{id}/out/files/{key:path}",
    summary="Download an output file",
    operation_id="downloadJobOutputFile",
    response_class=StreamingResponse,
    responses=BYTES,
)
async def download_output_file(
    id: str,  # noqa: A002
    key: str,
    caller: Historian,
    tx: Tx,
    context: Context,
) -> ClosingResponse:
    """The bytes of the file."""
    run = await runs.get_run(tx, caller, parse_id(id))
    file = await runs.get_output_file(tx, run, key)
    content = files.read_output(context.jobs, run, file)
    return await attachment(content, name=key.rpartition("/")[2], size=file.size)


async def _text(context: AppContext, run: Run) -> AsyncGenerator[bytes]:
    """The stored log, a few chunks a transaction: a slow reader holds none open."""
    after = 0
    while True:
        async with context.database.tenant(run.tenant_id) as tx:
            chunks = await runs.read_log(tx, run, after=after)
        if not chunks:
            return
        for chunk in chunks:
            yield chunk.content.encode()
        after = chunks[-1].end


async def _events(context: AppContext, run: Run, after: int) -> AsyncGenerator[Event, None]:
    async with aclosing(follow_log(context.database, context.live, run, after=after)) as all_news:
        async for news in all_news:
            if news.chunk is not None:
                data = {"attempt": news.chunk.attempt, "text": news.chunk.content}
                yield Event("log", data, id=str(news.chunk.end))
            elif news.state is not None:
                name = "end" if news.state.is_final else "state"
                yield Event(name, {"status": news.state.value})


def _position(last_event_id: str | None) -> int:
    """Where the reader was; the beginning for what we never sent."""
    text = last_event_id or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
