"""Answer links: whoever has one may answer what an execution waits for, once.

Looking at the page answers nothing: those who look through mail follow every link in it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from treadle.api.bodies import EdgeRoute, parse_json
from treadle.api.context import AppContext
from treadle.api.dependencies import Context, client_address_of
from treadle.api.workflows.answer_pages import HEADERS, answer_of, message_page, question_page
from treadle.core.errors import BadInput, NotFound
from treadle.core.json import Json, dump
from treadle.identity.lockout import place_of
from treadle.workflows.answer_links import Wait
from treadle.workflows.answers import Question, answer_wait, find_question
from treadle.workflows.telling import Answer

router: Final = APIRouter(route_class=EdgeRoute, tags=["Executions"])

Token = Annotated[str, Path(description="What the link ends with.", examples=["q83vEjRW…"])]
_MOST_FIELDS: Final = 200
_PAGE: Final = '<!DOCTYPE html><html lang="en">…</html>'
_HTML: Final = {"text/html": {"schema": {"type": "string"}, "example": _PAGE}}
_UNKNOWN: Final[dict[str, Any]] = {"description": "Nobody's link.", "content": _HTML}
_GET: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The form, or that it has been answered.", "content": _HTML},
    404: _UNKNOWN,
}


def _told(description: str, message: str) -> dict[str, Any]:
    """An answer to a form, as a page, and to JSON."""
    schema = {"$ref": "#/components/schemas/WorkflowError"}
    told = {"application/json": {"schema": schema, "example": {"message": message}}}
    return {"description": description, "content": _HTML | told}


_POST: Final[dict[int | str, dict[str, Any]]] = {
    200: _told("The answer was taken.", "restarted"),
    400: _told("The answer is not as the form asks for.", "approved: is required"),
    404: _UNKNOWN,
    409: _told("It has been answered before, or the time is up.", "already restarted"),
}
_SENT: Final[dict[str, Any]] = {
    "requestBody": {
        "description": "The fields of the form, or the answer itself as JSON.",
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object"},
                "example": {"approved": "true", "comment": "go ahead"},
            },
            "application/json": {
                "schema": {},
                "example": {"approved": True, "comment": "go ahead"},
            },
        },
    }
}


@router.get(
    "/v1/workflows/answers/{token}",
    summary="Open an answer link",
    operation_id="openAnswerLink",
    response_class=HTMLResponse,
    responses=_GET,
)
async def open_link(token: Token, request: Request, context: Context) -> Response:
    """A page with a form for what the execution waits for. Needs no credential but the link."""
    wait = _wait(request, context, token)
    found = None if wait is None else await _question(context, wait)
    if found is None:
        return _missing()
    if not found.open:
        return _closed(200)
    return _html(_form(found))


@router.post(
    "/v1/workflows/answers/{token}",
    summary="Answer by a link",
    operation_id="answerByLink",
    response_class=HTMLResponse,
    responses=_POST,
    openapi_extra=_SENT,
)
async def answer(token: Token, request: Request, context: Context) -> Response:
    """Answers, once. A form is answered with a page, JSON with `{message}`."""
    wait = _wait(request, context, token)
    found = None if wait is None else await _question(context, wait)
    if wait is None or found is None:
        return _missing()
    raw = await request.body()
    is_json = "json" in request.headers.get("content-type", "")
    try:
        body = parse_json(raw) if is_json else answer_of(found.form, _fields(raw))
        became = await _tell(context, wait, body, address=client_address_of(request))
    except BadInput as error:
        if is_json:
            raise
        faults = [str(fault) for fault in getattr(error, "faults", ())] or [error.message]
        return _html(_form(found, faults), status=400)
    if is_json:
        status = 200 if became is Answer.RESTARTED else 409
        body_ = dump({"message": became.value})
        return Response(body_, status_code=status, media_type="application/json")
    if became is Answer.RESTARTED:
        return _html(message_page("Thank you", "Your answer has been taken."))
    return _closed(409)


def _wait(request: Request, context: AppContext, token: str) -> Wait | None:
    """The wait of the link. Who tries links that are nobody's is slowed down."""
    wait = context.workflows.links.wait(token)
    if wait is None:
        place = place_of(client_address_of(request))
        context.limits.addresses.take(place, now=context.clock().timestamp())
    return wait


async def _question(context: AppContext, wait: Wait) -> Question | None:
    try:
        async with context.database.tenant(wait.tenant_id) as tx:
            return await find_question(tx, wait)
    except NotFound:
        return None


async def _tell(context: AppContext, wait: Wait, body: Json, *, address: str) -> Answer:
    """What became of the answer. Raises AnswerRefused."""
    async with context.database.tenant(wait.tenant_id) as tx:
        return await answer_wait(
            tx,
            context.workflows,
            wait,
            body,
            by={"link": True, "address": address},
            now=context.clock(),
        )


def _fields(raw: bytes) -> dict[str, str]:
    """The fields of a form, the first of each name. Raises BadInput."""
    try:
        text = raw.decode()
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise BadInput("the form cannot be read", field="body") from None
    if any("\0" in part for pair in pairs for part in pair):
        raise BadInput("the form has a NUL character", field="body")
    return dict(reversed(pairs))


def _form(question: Question, faults: list[str] | None = None) -> str:
    return question_page(
        workflow=question.execution.workflow_name,
        step=question.step,
        form=question.form,
        faults=faults or (),
    )


def _html(text: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def _missing() -> HTMLResponse:
    text = "Nothing is asked here. The link may be cut off, or too old."
    return _html(message_page("No such question", text), status=404)


def _closed(status: int) -> HTMLResponse:
    text = "The question has been answered, or its time is up. Nothing is left to do."
    return _html(message_page("No answer is needed any more", text), status=status)
