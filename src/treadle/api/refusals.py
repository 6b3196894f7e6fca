"""Which refusals every operation has, and why: rules for what follows from the route, tables for
what only its service knows.

The OpenAPI document is made of it, and every answer that a test gets is held against that document
(tests/fixtures/documented.py): a refusal that is missing here fails the test that provokes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi.routing import APIRoute

from treadle.api.dependencies import names_caller, right_of
from treadle.api.edge import COUNTED_PATHS
from treadle.api.errors import BUG_MESSAGE
from treadle.api.idempotency import REUSED, is_once


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason to refuse: the status before a contract words it, when, and the text of one."""

    status: int
    when: str
    message: str


_MALFORMED: Final = Refusal(
    400, "Malformed: the message names the field and the rule.", "name: is required"
)
_NO_CREDENTIAL: Final = Refusal(
    401, "No credential, or one that is wrong, expired or revoked.", "A credential is needed."
)
_ROLE: Final = Refusal(
    403,
    "The role of the caller does not allow this, or the firewall of its key keeps it out.",
    "Your role does not allow you to do it.",
)
_FIREWALL: Final = Refusal(
    403,
    "An API key without a role, or one whose firewall keeps the caller out.",
    "You have no role here.",
)
_NOT_FOUND: Final = Refusal(
    404, "There is no such thing, or it is not visible to the caller.", "Not found."
)
_TOO_LARGE: Final = Refusal(
    413, "The body is too large or nests too deep.", "The request body is over 1048576 bytes."
)
_REUSED_KEY: Final = Refusal(422, "The Idempotency-Key came with another request before.", REUSED)
_TOO_MANY: Final = Refusal(
    429, "Too many requests; `Retry-After` says when to try again.", "Too many requests."
)
_BUG: Final = Refusal(500, "A bug of ours; the answer carries the request id.", BUG_MESSAGE)
_AWAY: Final = Refusal(
    503, "The database or file storage is away; try again.", "Not available now; try again."
)

_UNKNOWN_LOGIN: Final = "The user name or the password is wrong, or the user is not active."
_UNKNOWN_LINK: Final = "The link is nobody's, was used before, or is too old."
_NAME_TAKEN: Final = "The name is taken."
_USER_NAME_TAKEN: Final = "The user name is taken."
_LAST: Final = "The user is the last active Administrator."
_INACTIVE: Final = "The job is not active."
_FULL_OR_TAKEN: Final = "The name is taken, or there are as many as there may be."
_NO_WORKER_YET: Final = "The installation has no destination yet: start a worker."
_STILL_RUN: Final = "Something still runs the job in its project; delete that first."
_WORKFLOW: Final = "There is no such workflow or version, or the caller does not see it."
_PROJECT: Final = "There is no such project, or it is not visible to the caller."

UNKNOWN: Final[Mapping[str, str]] = {
    "login": _UNKNOWN_LOGIN,
    "refreshLogin": "The refresh token is wrong, used or expired.",
    "getToken": "No key has this client id and secret.",
    "readInvitation": _UNKNOWN_LINK,
    "acceptInvitation": _UNKNOWN_LINK,
}
"""401, where the credential is in the body."""

KEPT_OUT: Final[Mapping[str, str]] = {
    "getToken": "The key's firewall does not let the caller in.",
}
"""403, where nobody is named as the caller."""

NOT_FOUND: Final[Mapping[str, str]] = {
    "getMe": "The caller is an API key, not a person.",
    "createMember": "There is no such project, user or key, or the caller does not see it.",
    "getWorkflowById": _WORKFLOW,
    "getWorkflowSchemaById": _WORKFLOW,
    "getWorkflowExecutionById": "There is no such execution, or the caller does not see it.",
    "getWorkflowExecutionHistory": _WORKFLOW,
    "triggerWorkflowBatch": _WORKFLOW,
    "toggleScheduledWorkflow": _WORKFLOW,
    "listMembers": _PROJECT,
    "createInvitation": _PROJECT,
    "listInvitations": _PROJECT,
}
"""404, where the path names nothing: the body or the query does."""

CONFLICTS: Final[Mapping[str, str]] = {
    "createUser": _USER_NAME_TAKEN,
    "replaceUser": f"The user is the caller, who cannot be deactivated. {_LAST}",
    "updateUser": f"The user is the caller, who cannot be deactivated. {_LAST}",
    "createApiKey": "A key was already made of this reservation.",
    "addClientAddress": "The key has a rule of this name, or as many rules as it may have.",
    "createMember": _LAST,
    "deleteMember": _LAST,
    "createInvitation": "The installation sends no mail, or too many invitations are open.",
    "revokeInvitation": "The invitation was accepted.",
    "acceptInvitation": _USER_NAME_TAKEN,
    "createProject": _NAME_TAKEN,
    "replaceProject": _NAME_TAKEN,
    "deleteProject": "The project is not empty.",
    "createJobConfig": _NO_WORKER_YET,
    "importJobConfig": _NO_WORKER_YET,
    "replaceJobConfig": _STILL_RUN,
    "updateJobConfig": _STILL_RUN,
    "deleteJobConfig": "The job has open runs, or a schedule that is not its own runs it.",
    "createJobConfigSchedule": "The job has a schedule already: change it with PUT.",
    "uploadJobConfigFile": "The job has as many files as it may have.",
    "replaceJobConfigFile": "The job has as many files as it may have.",
    "runJobConfig": _INACTIVE,
    "retryJob": "The run has not ended, its job is not active, or its package is gone.",
    "stopJob": "The run has ended.",
    "putMacroSet": "There are as many sets as there may be.",
    "deleteMacroSet": "A job still takes the set.",
    "runRemoteJob": _INACTIVE,
    "postRemoteSchedule": "The job has as many schedules as it may have by name.",
    "putRemoteSchedule": "The job has as many schedules as it may have by name.",
    "createIntegration": _FULL_OR_TAKEN,
    "replaceIntegration": _NAME_TAKEN,
    "createEntity": _NAME_TAKEN,
    "replaceEntity": "The name is taken, or a schedule counts on a date field that is left out.",
    "deleteEntity": "A schedule counts on the entity definition.",
    "createRecord": "Another record has this external_id.",
    "replaceRecord": "Another record has this external_id.",
    "createCalendar": _FULL_OR_TAKEN,
    "replaceCalendar": _NAME_TAKEN,
    "deleteCalendar": "A schedule uses the calendar.",
    "createMaintenanceWindow": _FULL_OR_TAKEN,
    "replaceMaintenanceWindow": _NAME_TAKEN,
    "createSchedule": "Another schedule has this deduplication_key.",
    "updateSchedule": "Another request changed the schedule at the same moment.",
    "pauseSchedule": "The schedule has completed.",
    "resumeSchedule": "The schedule has completed.",
    "triggerSchedule": "The schedule cannot be decided on now; its paused_reason says why.",
    "backfillSchedule": "The schedule has completed, or cannot be decided on now.",
    "deleteWorkflowDraft": "The version is not a DRAFT: archive it instead.",
    "detectWorkflowSchema": "The version is not a DRAFT.",
    "triggerLatestWorkflow": "No version is ACTIVE, or process_id names an open execution.",
    "triggerWorkflow": "The version is not ACTIVE, or process_id names an open execution.",
    "triggerWorkflowBatch": "No version is ACTIVE, or a process_id names an open execution.",
    "toggleScheduledWorkflow": "No schedule starts the workflow, or it is not in force.",
    "terminateWorkflow": "The execution is over.",
    "retryWorkflow": "The execution has neither failed nor been terminated.",
    "resumeWorkflow": "The execution waits for no answer.",
}
"""409: the state of the thing forbids it now."""


def refusals_of(route: APIRoute) -> Iterator[Refusal]:
    """Every refusal of the route's operation."""
    # Any address may be malformed: it may have a NUL character in its query.
    yield _MALFORMED
    name = route.operation_id or ""
    knows_caller = names_caller(route)
    if knows_caller:
        yield _NO_CREDENTIAL
        yield _FIREWALL if right_of(route) is None else _ROLE
    if "{" in route.path:
        yield _NOT_FOUND
    if not (route.methods or set()) <= {"GET"}:
        # A body is measured where none is asked for, too.
        yield _TOO_LARGE
    tables = ((401, UNKNOWN), (403, KEPT_OUT), (404, NOT_FOUND), (409, CONFLICTS))
    for status, table in tables:
        if name in table:
            yield Refusal(status, table[name], table[name])
    if is_once(route):
        yield _REUSED_KEY
    if knows_caller or route.path in COUNTED_PATHS:
        yield _TOO_MANY
    if not route.path.startswith(("/health", "/metrics")):
        yield from (_BUG, _AWAY)
