"""The collection's script: which requests, in which order, and what passes from one to the other.

It is played from the top to the bottom. What a request creates, later ones use and a last one
deletes, so that it can be played again. An operation that is not here joins by the rules of
`collection.py`, in a folder of its tag.
"""

from __future__ import annotations

from typing import Any, Final

from treadle.api.postman.names import ACCESS_TOKEN, JOB_ID, SESSION_TOKEN, use
from treadle.api.postman.samples import (
    ENTRY_POINT,
    EXPORTED_JOB,
    MULTIPART,
    OUTPUT_NAME,
    PACKAGE,
    PACKAGE_NAME,
    multipart,
)
from treadle.api.postman.steps import Auth, Folder, Step

_TAGGED: Final = {"tags": ["of the collection"]}
_MACRO: Final = {"name": "REGION"}
_NEW_NAME: Final = "{{$timestamp}}"
_PASSWORD: Final = "correct horse battery"  # noqa: S105 - of a user that is made here
_NEXT_PASSWORD: Final = "a longer and better one"  # noqa: S105
_RUN: Final = {"id": use("RunId")}
_SLOW_RUN: Final = {"id": use("SlowRunId")}
_JOB: Final[dict[str, Any]] = {
    "name": "Job of the collection",
    "description": "Greets a country",
    "runtimeConfig": {"packageName": PACKAGE_NAME, "entryPoint": ENTRY_POINT},
}
_SCHEDULE_NAME: Final = "My Schedule"
_PERSON: Final = {
    "username": f"ada-{_NEW_NAME}",
    "password": _PASSWORD,
    "firstName": "Ada",
    "lastName": "Byron",
}
_FIRST: Final = {"workflow_version": "1"}
_FIRST_OF_ALL: Final = {"workflow_id": use("WorkflowId"), **_FIRST}
_APPROVAL_VERSION: Final = {"workflow_id": use("ApprovalId"), **_FIRST}
_BRIEFING_VERSION: Final = {"workflow_id": use("BriefingId"), **_FIRST}
_NO_LINK: Final = {"token": "none"}
_ORDER: Final = {"price": 12, "amount": 3}
_ORDERS: Final[dict[str, Any]] = {
    "workflow_name": "Orders of the collection",
    "workflow_steps": [
        {"id": "start", "name": "Order comes in", "type": "request", "config": {}},
        {
            "id": "total",
            "name": "Total of the order",
            "type": "transform",
            "config": {"mode": "merge", "value": {"total": "${payload.price * payload.amount}"}},
        },
    ],
    "workflow_connections": [{"from": "start", "to": "total"}],
}
_APPROVAL: Final[dict[str, Any]] = {
    "workflow_name": "Approval of the collection",
    "workflow_steps": [
        {"id": "start", "name": "Request comes in", "type": "request", "config": {}},
        {"id": "answer", "name": "Somebody decides", "type": "wait_for_response", "config": {}},
    ],
    "workflow_connections": [{"from": "start", "to": "answer"}],
}
_BRIEFING: Final[dict[str, Any]] = {
    "workflow_name": "Briefing of the collection",
    "workflow_steps": [
        {
            "id": "start",
            "name": "Each weekday",
            "type": "schedule",
            "config": {"schedule_expression": "0 7 * * 1-5", "timezone": "Europe/Berlin"},
        },
    ],
    "workflow_connections": [],
}

IDENTITY: Final = (
    Step(
        "getToken",
        "Get Token",
        body={
            "grant_type": "client_credentials",
            "client_id": use("ClientId"),
            "client_secret": use("ClientSecret"),
            "scope": "webApi",
        },
        keeps={ACCESS_TOKEN: "access_token"},
        auth=Auth.NOTHING,
    ),
    Step("getCaller"),
    Step(
        "login",
        body={"username": use("Username"), "password": use("Password")},
        keeps={SESSION_TOKEN: "access_token", "RefreshToken": "refresh_token"},
    ),
    Step(
        "refreshLogin",
        body={"refresh_token": use("RefreshToken")},
        keeps={SESSION_TOKEN: "access_token", "RefreshToken": "refresh_token"},
    ),
    Step("getMe", auth=Auth.SESSION),
)
PREPARE: Final = (
    Step("listDestinations", keeps={"DestinationId": "0.id"}),
    Step("getDestination"),
    Step(
        "createJobConfig",
        body=_JOB,
        keeps={"JobConfigId": "id", JOB_ID: "id", "ProjectId": "project"},
    ),
    Step(
        "uploadJobConfigFile",
        content_type=MULTIPART,
        body=multipart(file_name=PACKAGE_NAME, content=PACKAGE),
        keeps={"FileName": "name"},
    ),
)
REMOTE_JOBS: Final = (
    Step("runRemoteJob", "Run Job", keeps={"RunId": "executionId"}),
    Step("getRemoteJob", "Get Job Status"),
    Step("listRemoteJobs", "List Jobs"),
    Step("postRemoteSchedule", "Add Schedule", statuses=(201, 200), keeps={"ScheduleName": "name"}),
    Step("putRemoteSchedule", "Update Schedule"),
    Step("listRemoteSchedules", "List Schedules"),
    Step("deleteRemoteSchedule", "Delete Schedule", path={"name": _SCHEDULE_NAME}),
)
JOB_CONFIGS: Final = (
    Step("listJobConfigs"),
    Step("getJobConfig"),
    Step("replaceJobConfig", body=_JOB),
    Step("updateJobConfig", body={"description": "Greets a country, politely"}),
    Step("listJobConfigFiles"),
    Step("replaceJobConfigFile", content_type="application/octet-stream", body=PACKAGE),
    Step("downloadJobConfigFile"),
    Step("listEntryPoints"),
    Step("createJobConfigSchedule"),
    Step("getJobConfigSchedule"),
    Step("replaceJobConfigSchedule"),
    Step("deleteJobConfigSchedule"),
    Step("cloneJobConfig", keeps={"ClonedJobConfigId": "id"}),
    Step(
        "deleteJobConfigFile",
        "Delete a file of the clone",
        path={"id": use("ClonedJobConfigId")},
    ),
    Step("deleteJobConfig", "Delete the clone", path={"id": use("ClonedJobConfigId")}),
    Step("exportJobConfig"),
    Step(
        "importJobConfig",
        content_type=MULTIPART,
        body=multipart(file_name="job.zip", content=EXPORTED_JOB),
        keeps={"ImportedJobConfigId": "id"},
    ),
    Step("deleteJobConfig", "Delete the imported job", path={"id": use("ImportedJobConfigId")}),
)
RUNS: Final = (
    Step("runJobConfig", keeps={"RunId": "id"}),
    Step("getJobLog", "Follow a run's log to its end", query={"follow": "true"}, path=_RUN),
    Step("getJobLog", path=_RUN),
    Step("getJob", path=_RUN),
    Step("listJobs"),
    Step("getJobStatistics"),
    Step("getStatistics"),
    Step("getJobOutput", path=_RUN),
    Step("listJobOutputFiles", path=_RUN),
    Step("downloadJobOutputFile", path={**_RUN, "key": OUTPUT_NAME}),
    Step("retryJob", path=_RUN, keeps={"RetriedRunId": "id"}),
    Step(
        "getJobLog",
        "Follow the repeated run",
        query={"follow": "true"},
        path={"id": use("RetriedRunId")},
    ),
    Step(
        "runJobConfig",
        "Run a job that takes long",
        body={"input": {"seconds": 600}},
        keeps={"SlowRunId": "id"},
    ),
    Step("stopJob", path=_SLOW_RUN),
    Step("getJobLog", "Follow the stopped run", query={"follow": "true"}, path=_SLOW_RUN),
)
MACROS: Final = (
    Step("putMacro", path=_MACRO),
    Step("listMacros"),
    Step("deleteMacro", path=_MACRO),
    Step("addJobMacro"),
    Step("putJobMacro", path=_MACRO),
    Step("listJobMacros"),
    Step("deleteJobMacro", path=_MACRO),
    Step("putMacroSet", keeps={"MacroSetName": "name"}),
    Step("listMacroSets"),
    Step("putSetMacro", path=_MACRO),
    Step("listSetMacros"),
    Step("deleteSetMacro", path=_MACRO),
    Step("deleteMacroSet"),
)
USERS: Final = (
    Step("createUser", body=_PERSON, keeps={"UserId": "id", "UserName": "username"}),
    Step("listUsers"),
    Step("getUser"),
    Step(
        "replaceUser",
        body={"username": use("UserName"), "firstName": "Ada", "active": True, "admin": False},
    ),
    Step("updateUser", body={"lastName": "Lovelace"}),
    Step("putUserMacro", path=_MACRO),
    Step("listUserMacros"),
    Step("deleteUserMacro", path=_MACRO),
    Step(
        "login",
        "Log in as the new user",
        body={"username": use("UserName"), "password": _PASSWORD},
    ),
    Step(
        "changePassword",
        body={
            "oldPassword": _PASSWORD,
            "newPassword": _NEXT_PASSWORD,
            "confirmNewPassword": _NEXT_PASSWORD,
        },
    ),
    Step("updateUser", "Deactivate the user", body={"active": False}),
)
PROJECTS: Final = (
    Step(
        "createProject",
        body={"name": f"Billing {_NEW_NAME}"},
        keeps={"NewProjectId": "id"},
    ),
    Step("listProjects"),
    Step("getProject", path={"id": use("NewProjectId")}),
    Step(
        "replaceProject",
        path={"id": use("NewProjectId")},
        body={"name": f"Billing {_NEW_NAME}", "description": "What the invoices need"},
    ),
    Step("listRoles"),
)
KEYS: Final = (
    Step(
        "createApiKey",
        body={
            "description": "Key of the collection",
            "expires_at": "2099-12-31",
            "firewall_rules": [],
        },
        keeps={"ApiKeyId": "id"},
    ),
    Step("listApiKeys"),
    Step("getApiKey"),
    Step("replaceApiKey"),
    Step("addClientAddress"),
    Step(
        "createMember",
        body={
            "member_type": "api_key",
            "member_id": use("ApiKeyId"),
            "role": "Manager",
            "project_id": use("NewProjectId"),
        },
    ),
    Step("listMembers"),
    Step("checkApiKey", body={"address": "192.0.2.20", "permission": "jobs_run"}),
    Step("rotateApiKey"),
    Step("reserveApiKey"),
    Step("deleteMember"),
    Step("deleteApiKey"),
    # An installation without a mail server invites nobody.
    Step(
        "createInvitation",
        body={
            "email": "ada@example.com",
            "role": "Member",
            "project_id": use("NewProjectId"),
        },
        statuses=(201, 409),
    ),
    Step("listInvitations"),
    Step("readInvitation", "Read an invitation with a token that is none", statuses=(401,)),
    Step("acceptInvitation", "Accept an invitation with a token that is none", statuses=(401,)),
    Step("revokeInvitation", statuses=(204, 404)),
    Step("deleteProject", path={"id": use("NewProjectId")}),
)
INTEGRATIONS: Final = (
    Step("createIntegration"),
    Step("listIntegrations"),
    Step("getIntegration"),
    Step("replaceIntegration"),
    Step("testIntegration"),
    Step("deleteIntegration"),
)
SCHEDULES: Final = (
    Step("previewSchedule"),
    Step(
        "createSchedule",
        body={
            "name": "Nightly report",
            "schedule_type": "cron",
            "schedule_expression": "0 9 * * 1-5",
            "timezone": "Australia/Sydney",
            "action_type": "run_job",
            "action_config": {"job_id": use("JobConfigId")},
            **_TAGGED,
        },
        statuses=(201,),
    ),
    Step("listSchedules"),
    Step("getSchedule"),
    Step("updateSchedule"),
    Step("listScheduleVersions"),
    Step("listUpcoming"),
    Step(
        "listOccurrences",
        query={"from": "2026-12-01T00:00:00Z", "to": "2026-12-08T00:00:00Z"},
    ),
    Step(
        "getCalendarDays",
        query={"from": "2026-12-01", "to": "2027-01-01", "timezone": "Australia/Sydney"},
    ),
    Step("explainDueTime", query={"at": "2026-12-01T09:00:00Z"}),
    Step("backfillSchedule"),
    Step("pauseSchedule"),
    Step("resumeSchedule"),
    Step("pauseSchedules", body=_TAGGED),
    Step("resumeSchedules", body=_TAGGED),
    Step("triggerSchedule"),
    Step("listScheduleRuns"),
    Step("deleteSchedule"),
)
WORKFLOWS: Final = (
    Step("listWorkflowStepTypes"),
    Step("validateWorkflow", body=_ORDERS),
    Step("createWorkflow", body=_ORDERS, keeps={"WorkflowId": "item.workflow_id"}),
    Step("saveWorkflow", path=_FIRST, body=_ORDERS),
    Step("validateWorkflowVersion", path=_FIRST),
    Step("detectWorkflowSchema", path=_FIRST),
    Step("activateWorkflow", path=_FIRST),
    Step("getWorkflowById", query=_FIRST_OF_ALL),
    Step("getWorkflowSchemaById", query=_FIRST_OF_ALL),
    Step("getOrganizationWorkflows"),
    Step("listWorkflowVersions"),
    Step("createWorkflow", "Make a draft", body=_ORDERS, keeps={"DraftId": "item.workflow_id"}),
    Step("deleteWorkflowDraft", path={"workflow_id": use("DraftId"), **_FIRST}),
    Step(
        "createWorkflow",
        "Create a workflow that waits for an answer",
        body=_APPROVAL,
        keeps={"ApprovalId": "item.workflow_id"},
    ),
    Step("activateWorkflow", "Put it into force", path=_APPROVAL_VERSION),
    Step(
        "createWorkflow",
        "Create a workflow with a schedule",
        body=_BRIEFING,
        keeps={"BriefingId": "item.workflow_id"},
    ),
    Step("activateWorkflow", "Put it into force, too", path=_BRIEFING_VERSION),
)
EXECUTIONS: Final = (
    Step("triggerLatestWorkflow", body=_ORDER, keeps={"ExecutionId": "looply_execution_id"}),
    Step("followExecution", "Follow an execution to its end"),
    Step("triggerWorkflow", path=_FIRST, body=_ORDER),
    Step(
        "triggerWorkflowBatch",
        body={"workflow_id": use("WorkflowId"), "payloads": [_ORDER, _ORDER]},
    ),
    Step(
        "getWorkflowExecutionById",
        query={"workflow_id": use("WorkflowId"), "workflow_execution_id": use("ExecutionId")},
    ),
    Step("getExecution"),
    Step("getWorkflowExecutionHistory", query={"workflow_id": use("WorkflowId")}),
    Step("getOrganizationExecutions"),
    # What has ended well is not repeated.
    Step("retryWorkflow", "Retry what has not failed", statuses=(409,)),
    Step(
        "triggerLatestWorkflow",
        "Trigger a workflow that waits",
        path={"workflow_id": use("ApprovalId")},
        body={"order": 4711},
        keeps={"ProcessId": "looply_execution_id"},
    ),
    # It may not have come to its wait yet.
    Step(
        "resumeWorkflow",
        path={"action": "resumeworkflow"},
        body={"source": "TEAMS", "approved": True},
        again_on=409,
    ),
    Step("terminateWorkflow", statuses=(200, 409)),
    Step(
        "toggleScheduledWorkflow",
        body={"workflow_id": use("BriefingId"), "workflow_version": 1, "action": "PAUSE"},
    ),
    Step("openAnswerLink", "Open a link that is none", path=_NO_LINK, statuses=(404,)),
    Step(
        "answerByLink",
        "Answer by a link that is none",
        path=_NO_LINK,
        body={"approved": "true"},
        statuses=(404,),
    ),
    Step("archiveWorkflow", path=_FIRST),
    Step("archiveWorkflow", "Archive the one that waits", path=_APPROVAL_VERSION),
    Step("archiveWorkflow", "Archive the one with a schedule", path=_BRIEFING_VERSION),
)
RECORDS: Final = (
    Step("createEntity"),
    Step("listEntities"),
    Step("getEntity"),
    Step("replaceEntity"),
    Step("createRecord"),
    Step("listRecords"),
    Step("getRecord"),
    Step("replaceRecord"),
    Step("upsertRecords"),
    Step("deleteRecord"),
    Step("deleteEntity"),
)
DAYS: Final = (
    Step("createCalendar"),
    Step("listCalendars"),
    Step("getCalendar"),
    Step("replaceCalendar"),
    Step("deleteCalendar"),
    Step("createMaintenanceWindow"),
    Step("listMaintenanceWindows"),
    Step("getMaintenanceWindow"),
    Step("replaceMaintenanceWindow"),
    Step("deleteMaintenanceWindow"),
)
INSTALLATION: Final = (
    Step("listAuditEntries"),
    Step("exportAuditEntries"),
    Step("getProductInfo"),
    Step("getLiveness"),
    Step("getReadiness"),
    Step("getMetrics"),
    Step("getPostmanCollection"),
    Step("getPostmanEnvironment"),
)
CLEAN_UP: Final = (
    Step("deleteJobConfig"),
    Step("logout", auth=Auth.SESSION),
)

FOLDERS: Final = (
    Folder("Identity", "Who calls: a token for an API key, a session for a person.", IDENTITY),
    Folder("Prepare", "A job with a package, for the requests that follow.", PREPARE),
    Folder(
        "Integrate",
        "Run a job from a script and look after its schedules, with an API key alone.",
        REMOTE_JOBS,
        Auth.KEY,
    ),
    Folder("Job configs", "What can be run.", JOB_CONFIGS),
    Folder("Runs", "Runs of jobs: logs, results, files.", RUNS),
    Folder("Macros", "Variables of the code.", MACROS),
    Folder("Assist", "Whatever is to happen at its time.", SCHEDULES),
    Folder("Workflows", "Steps and connections, in versions.", WORKFLOWS),
    Folder("Executions", "Workflows at work: triggered, answered, read.", EXECUTIONS),
    Folder("Entities and records", "Data with dates.", RECORDS),
    Folder("Calendars and windows", "When schedules are held.", DAYS),
    Folder("Integrations", "Connections to other systems.", INTEGRATIONS),
    Folder("Users", "The people of a tenant.", USERS),
    Folder("Projects", "Folders of resources.", PROJECTS),
    Folder("Remote access", "API keys, roles and invitations.", KEYS),
    Folder("Installation", "What answers here, and what happened.", INSTALLATION),
)
LAST: Final = Folder("Clean up", "Removes what the requests before have made.", CLEAN_UP)
"""Stands behind the folders of what is not in the script."""
