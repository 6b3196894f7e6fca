"""The Python client of Treadle.

    from treadle.client import Treadle

    with Treadle("http://127.0.0.1:8080", api_key="tdl_key_…") as treadle:
        run = treadle.jobs.run("44", input={"country": "NZ"})
        for text in run.follow():
            print(text, end="")
        print(run.result())

`AsyncTreadle` is the same with `await`. It stands on httpx alone, and knows nothing of the server
but its public contracts.
"""

from treadle.client.aio.client import AsyncTreadle
from treadle.client.aio.executions import AsyncExecutionHandle
from treadle.client.aio.runs import AsyncRunHandle
from treadle.client.errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    ExecutionFailed,
    ExecutionTerminated,
    Forbidden,
    Invalid,
    NotFound,
    RunFailed,
    ServerError,
    TooLarge,
    TooManyRequests,
    TreadleError,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    WaitTimeout,
)
from treadle.client.models import (
    ApiKey,
    AuditEntry,
    Backfill,
    Caller,
    Entity,
    Explanation,
    Firing,
    IssuedApiKey,
    Job,
    JobFile,
    Member,
    Output,
    Preview,
    Project,
    Record,
    Run,
    Schedule,
    Upserted,
)
from treadle.client.retries import Retries
from treadle.client.sync.client import Treadle
from treadle.client.sync.executions import ExecutionHandle
from treadle.client.sync.runs import RunHandle
from treadle.client.workflow_models import (
    Definition,
    Execution,
    ExecutionError,
    ExecutionEvent,
    ExecutionSummary,
    Fault,
    StepLog,
    Validation,
    Workflow,
    WorkflowVersion,
)

__all__ = [
    "ApiError",
    "ApiKey",
    "AsyncExecutionHandle",
    "AsyncRunHandle",
    "AsyncTreadle",
    "AuditEntry",
    "Backfill",
    "Caller",
    "Conflict",
    "ConnectionFailed",
    "Definition",
    "Entity",
    "Execution",
    "ExecutionError",
    "ExecutionEvent",
    "ExecutionFailed",
    "ExecutionHandle",
    "ExecutionSummary",
    "ExecutionTerminated",
    "Explanation",
    "Fault",
    "Firing",
    "Forbidden",
    "Invalid",
    "IssuedApiKey",
    "Job",
    "JobFile",
    "Member",
    "NotFound",
    "Output",
    "Preview",
    "Project",
    "Record",
    "Retries",
    "Run",
    "RunFailed",
    "RunHandle",
    "Schedule",
    "ServerError",
    "StepLog",
    "TooLarge",
    "TooManyRequests",
    "Treadle",
    "TreadleError",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Upserted",
    "Validation",
    "WaitTimeout",
    "Workflow",
    "WorkflowVersion",
]
