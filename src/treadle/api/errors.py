"""From what went wrong to what the caller reads: one place for all five contracts.

A fault becomes a `Problem` (status, text, headers), and the contract that the path belongs to gives
it its shape. Domains raise the classes of `treadle.core.errors` and know nothing of shapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from treadle.core.errors import Faulty, TooManyRequests, TreadleError
from treadle.core.json import dump
from treadle.storage.errors import StorageError

log = structlog.get_logger()

BUG_MESSAGE: Final = "Something went wrong on our side."
STORAGE_MESSAGE: Final = "The file storage is not available now; try again."
RETRY_AFTER_SECONDS: Final = 2
REFUSED: Final = frozenset({401, 403, 404, 429})
"""The statuses of refusals, which the audit log tells of. A 404 may be a thing that the caller must
not see; it is told where the caller is known, and says itself that it may be simply missing."""
_MAX_FAULTS: Final = 100
_MAX_FAULTS_IN_WORDS: Final = 10
_MAX_TEXT: Final = 200
_MAX_STEPS: Final = 10
_LONGEST_PLACE: Final = 7
_PARTS: Final = ("query", "header", "path")
"""Where else than in the body a domain's finding may lie: the first step of its field says so."""

_HTTP_MESSAGES: Final = {
    404: "There is nothing at this path.",
    405: "This method is not allowed here; the header Allow says which are.",
}
# RFC 9110's names: Python's own differ from one version to the next.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}
_OAUTH_CODES: Final = {
    401: "invalid_client",
    403: "access_denied",
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
}
_NOT_OAUTH_TEXT: Final = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")
_SUBJECT: Final = re.compile("(?:Input|String|List|Dictionary|Value|Number|URL|Data) should ")
_WORDS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a field that is known here",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of a usual size",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request, as pydantic found it, without what was sent: an
    input may be huge, or a password.
    """

    loc: tuple[str | int, ...]
    message: str
    kind: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What the caller is told, before it has a shape."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    faults: Sequence[Fault] = ()
    request_id: str | None = None
    """Set for our own bugs, so that whoever reports one can name it."""
    code: str | None = None
    """A word for programs, where the error has one."""


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """How one contract words a problem: the body, and the status of a malformed request."""

    body: Callable[[Problem], dict[str, Any]]
    malformed: int = 400
    statuses: Mapping[int, tuple[int, str | None]] = field(
        default_factory=dict[int, tuple[int, str | None]]
    )
    """Where the contract says something else than HTTP would: the status and, if set, the text."""


def _status_error_message(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {
        "status": problem.status,
        "error": _PHRASES.get(problem.status) or HTTPStatus(problem.status).phrase,
        "message": problem.message,
    }
    if problem.request_id is not None:
        body["requestId"] = problem.request_id
    return body


def _message_only(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {"message": problem.message}
    if problem.request_id is not None:
        body["request_id"] = problem.request_id
    return body


def _detail(problem: Problem) -> dict[str, Any]:
    if problem.faults:
        return {
            "detail": [
                {"loc": list(fault.loc), "msg": fault.message, "type": fault.kind}
                for fault in problem.faults
            ]
        }
    body: dict[str, Any] = {"detail": problem.message}
    if problem.request_id is not None:
        body["request_id"] = problem.request_id
    return body


def _oauth(problem: Problem) -> dict[str, Any]:
    """RFC 6749, 5.2; with words of its section 4.1.2.1 for what is not the client's fault."""
    body: dict[str, Any] = {
        "error": problem.code or _OAUTH_CODES.get(problem.status, "invalid_request"),
        "error_description": _NOT_OAUTH_TEXT.sub("?", problem.message.replace('"', "'")),
    }
    if problem.request_id is not None:
        body["request_id"] = problem.request_id
    return body


_INTEGRATION_MANAGER: Final = ErrorShape(_status_error_message)
_TOKENS: Final = ErrorShape(_oauth)
_WORKFLOW_API: Final = ErrorShape(
    _message_only,
    statuses={
        401: (403, "Forbidden"),
        422: (400, None),
        500: (500, "something went wrong"),
    },
)
_SCHEDULED_ACTIONS: Final = ErrorShape(_detail, malformed=422)

SHAPES: Final[tuple[tuple[str, ErrorShape], ...]] = (
    ("/connect/token", _TOKENS),
    ("/v1/workflows", _WORKFLOW_API),
    ("/v1/schedules", _SCHEDULED_ACTIONS),
    ("/v1/calendars", _SCHEDULED_ACTIONS),
    ("/v1/maintenance-windows", _SCHEDULED_ACTIONS),
    ("/v1/entities", _SCHEDULED_ACTIONS),
    ("/v1/integrations", _SCHEDULED_ACTIONS),
)
"""Which contract a path belongs to; every other path has the integration manager's shape."""


def shape_of(path: str) -> ErrorShape:
    """The shape of the contract that `path` belongs to."""
    for prefix, shape in SHAPES:
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            return shape
    return _INTEGRATION_MANAGER


def render(path: str, problem: Problem) -> Response:
    """The answer to a request of `path` that failed like this."""
    status, body = shaped(path, problem)
    return Response(
        dump(body),
        status_code=status,
        headers=dict(problem.headers),
        media_type="application/json",
    )


def shaped(path: str, problem: Problem) -> tuple[int, dict[str, Any]]:
    """Status and body of such an answer, in the words of the contract that `path` belongs to."""
    shape = shape_of(path)
    status = shape.malformed if problem.faults and problem.status == 400 else problem.status
    status, text = shape.statuses.get(status, (status, None))
    told = Problem(
        status,
        text or problem.message,
        faults=problem.faults,
        request_id=problem.request_id,
        code=problem.code,
    )
    return status, shape.body(told)


def problem_of(error: Exception) -> Problem | None:
    """What the caller is told about this error; None for a bug, about which it is told nothing."""
    match error:
        case TreadleError():
            faults = _faults_of(error)
            return Problem(
                error.status,
                # What is wrong in several places is told of each.
                message_of(faults) if isinstance(error, Faulty) else error.message,
                headers=_headers_of(error),
                faults=faults,
                code=error.code,
            )
        case RequestValidationError():
            faults = [_fault(found) for found in error.errors()]
            return Problem(400, message_of(faults), faults=faults[:_MAX_FAULTS])
        case HTTPException():
            message = _HTTP_MESSAGES.get(error.status_code, error.detail)
            return Problem(error.status_code, message, headers=dict(error.headers or {}))
        case StorageError():
            return Problem(503, STORAGE_MESSAGE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case _:
            return None


async def answer(request: Request, error: Exception) -> Response:
    """The handler of every error that FastAPI hands us."""
    problem = problem_of(error)
    if problem is None:
        raise error
    if problem.status >= 500:
        log.warning("request_failed", error=f"{type(error).__name__}: {error}")
    note_refusal(request.scope, error)
    return render(request.scope["path"], problem)


def note_refusal(scope: Scope, error: Exception) -> None:
    """Leaves in the scope, for the audit log, that the request was refused and why. The status is
    the one before a contract words it.
    """
    if isinstance(error, TreadleError) and error.status in REFUSED:
        scope["state"]["refused"] = (error.status, error.reason or error.message)


HANDLERS: Final[dict[int | type[Exception], Any]] = {
    TreadleError: answer,
    RequestValidationError: answer,
    HTTPException: answer,
    StorageError: answer,
}
"""What `create_app` gives to FastAPI."""


def bug(request_id: str) -> Problem:
    """Our own fault: the caller gets nothing but the id under which the log has the rest."""
    return Problem(500, BUG_MESSAGE, request_id=request_id)


def message_of(faults: Sequence[Fault]) -> str:
    """All faults as one text: `name: is required; runtimeConfig.packageName: must be text`."""
    texts = [f"{_place(fault.loc)}: {_in_words(fault)}" for fault in faults[:_MAX_FAULTS_IN_WORDS]]
    more = len(faults) - _MAX_FAULTS_IN_WORDS
    return "; ".join([*texts, f"and {more} more"] if more > 0 else texts)


def _fault(found: Any) -> Fault:
    # A key that the caller made up is part of the place, and may be as long as the body.
    loc = tuple(_shortened(step) if isinstance(step, str) else step for step in found["loc"])
    return Fault(loc, _shortened(found["msg"]), found["type"])


def _headers_of(error: TreadleError) -> dict[str, str]:
    match error:
        case TooManyRequests():
            return {"Retry-After": str(error.retry_after_seconds)}
        case TreadleError(code="invalid_client"):
            return {"WWW-Authenticate": 'Basic realm="treadle", charset="UTF-8"'}
        case TreadleError(status=401):
            return {"WWW-Authenticate": "Bearer"}
        case TreadleError(status=503):
            return {"Retry-After": str(RETRY_AFTER_SECONDS)}
        case _:
            return {}


def _faults_of(error: TreadleError) -> Sequence[Fault]:
    """What a domain refused of a body, in the form of a validation's findings."""
    if isinstance(error, Faulty):
        faults = error.faults[:_MAX_FAULTS]
        return [_told((error.part, *fault.place), fault.message) for fault in faults]
    if error.status not in (400, 422):
        return ()
    # `body` is the whole of it. A step may be a key that the caller made up, with dots in it.
    field = "" if error.field in (None, "body") else error.field
    steps = [_step(step) for step in field.split(".", _MAX_STEPS)] if field else []
    place = tuple(steps)
    loc = place if place and place[0] in _PARTS else ("body", *place)
    return [_told(loc, error.message)]


def _told(loc: tuple[str | int, ...], message: str) -> Fault:
    # The caller's own names are part of the place, and may be as long as the body.
    loc = tuple(_shortened(step) if isinstance(step, str) else step for step in loc)
    return Fault(loc, message, "value_error")


def _step(text: str) -> str | int:
    """A place in a list as a number, as in a validation's findings."""
    is_place = len(text) < _LONGEST_PLACE and text.isascii() and text.isdigit()
    return int(text) if is_place else _shortened(text)


def _in_words(fault: Fault) -> str:
    """Pydantic's sentence as the end of ours, which begins with the name of the field."""
    if fault.kind in _WORDS:
        return _WORDS[fault.kind]
    message = fault.message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return _SUBJECT.sub("must ", message)


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _place(loc: Sequence[str | int]) -> str:
    """`runtimeConfig.macros[2].key`, without the part that says where on the wire it stood."""
    steps = loc[1:] if loc and loc[0] in ("body", "query", "path", "header") else loc
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return _shortened(text or str(loc[0] if loc else "request"))
