"""What the client raises.

TreadleError
    ConnectionFailed        nobody answered, or the connection broke
    WaitTimeout             a run or an execution had not ended in the time that it was given
    UnexpectedAnswer        what answers there is no Treadle
    RunFailed               a run ended otherwise than well
    ExecutionFailed         an execution failed: in which step, and why
    ExecutionTerminated     an execution was ended by somebody
    ApiError                the server refused
        Invalid             400, 422: the message names the field and the rule
        Unauthenticated     401
        Forbidden           403: the role does not allow it, or a firewall rule
        NotFound            404: it is not there, or not visible to the caller
        Conflict            409: the state of things does not allow it now
        TooLarge            413
        TooManyRequests     429
        ServerError         5xx
            Unavailable     502, 503, 504
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from treadle.client.models import Run
from treadle.client.workflow_models import Execution

_TERMINATED: Final = "execution_terminated"


class TreadleError(Exception):
    """Whatever goes wrong with the client."""


class ConnectionFailed(TreadleError):
    """Nobody answered, or the connection broke, after all tries."""


class UnexpectedAnswer(TreadleError):
    """What answers there is no Treadle, or a very different one."""


class WaitTimeout(TreadleError):
    """The run, or the execution, goes on: only the wait has ended."""

    def __init__(self, pending: Run | Execution) -> None:
        self.run = pending if isinstance(pending, Run) else None
        self.execution = None if isinstance(pending, Run) else pending
        kind = "execution" if self.run is None else "run"
        super().__init__(f"{kind} {pending.id} is {pending.status} still")


class RunFailed(TreadleError):
    """The run ended with `ERROR`, `FAILED` or `CANCELLED`."""

    def __init__(self, run: Run) -> None:
        reason = ": ".join(part for part in (run.error_type, run.error) if part)
        super().__init__(f"run {run.id} ended with {run.status}{reason and f': {reason}'}")
        self.run = run


class ExecutionFailed(TreadleError):
    """The execution ended with `Failed`: `name` is what the failure is caught by, `step` where it
    was, if in one.
    """

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        error = execution.error
        self.step = None if error is None else error.step
        self.name = "" if error is None else error.name
        self.reason = "" if error is None else error.message
        place = "" if self.step is None else f" in step {self.step}"
        told = ": ".join(part for part in (self.name, self.reason) if part)
        super().__init__(f"execution {execution.id} failed{place}{told and f': {told}'}")


class ExecutionTerminated(TreadleError):
    """The execution was ended by somebody; `reason` is what was said."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        reasons = [each.raw.get("reason") for each in execution.events if each.type == _TERMINATED]
        self.reason = str(reasons[-1] or "") if reasons else ""
        told = self.reason and f": {self.reason}"
        super().__init__(f"execution {execution.id} was terminated{told}")


class ApiError(TreadleError):
    """The server refused: `message` says why; its log knows the request as `request_id`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        request_id: str | None = None,
        body: Any = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.request_id = request_id
        self.body = body
        self.retry_after = retry_after
        """Seconds after which the server asks to try again."""


class Invalid(ApiError):
    """The request breaks a rule."""


class Unauthenticated(ApiError):
    """There is no credential, or one that is wrong, expired or revoked."""


class Forbidden(ApiError):
    """The caller is known and may not."""


class NotFound(ApiError):
    """It is not there, or not visible to the caller."""


class Conflict(ApiError):
    """The state of things does not allow it now."""


class TooLarge(ApiError):
    """The body is over the limit."""


class TooManyRequests(ApiError):
    """Over the rate limit, after all tries."""


class ServerError(ApiError):
    """A bug of the server; name `request_id` when you report it."""


class Unavailable(ServerError):
    """The server, or what it needs, is away, after all tries."""


_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def error_of(
    status: int, body: Any, *, request_id: str | None, retry_after: float | None
) -> ApiError:
    """The error that this answer is."""
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else ApiError)
    return kind(
        status,
        _message(body) or _phrase(status),
        request_id=request_id,
        body=body,
        retry_after=retry_after,
    )


def _message(body: Any) -> str:
    """The reason, in whichever words the contract has for it."""
    if not isinstance(body, dict):
        return ""
    fields = cast("dict[str, Any]", body)
    for name in ("message", "error_description", "detail", "error"):
        found = fields.get(name)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, list):
            return "; ".join(_fault(each) for each in cast("list[Any]", found))
    return ""


def _fault(fault: Any) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    told = cast("dict[str, Any]", fault)
    place = ".".join(str(part) for part in told.get("loc", ()) if part != "body")
    return ": ".join(part for part in (place, str(told.get("msg", ""))) if part)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "is no status that HTTP knows"
