"""Job configs on the wire: what is sent, what is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from treadle.api.integration_manager.actors import ACTOR_EXAMPLE, ActorBody, actor_body
from treadle.api.integration_manager.pages import ListBody
from treadle.api.wire import Camel, Flag, Whole, camel_case
from treadle.core.clock import iso
from treadle.core.errors import BadInput
from treadle.core.ids import parse_number
from treadle.identity.model import Actor
from treadle.jobs.definitions import JobDraft
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Job, Macro

LogLevel = Literal["SEVERE", "WARNING", "INFO", "DEBUG"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
MAX_RETRIES: Final = 100
MAX_MINUTES: Final = 525_600
MAX_SETS: Final = 20
"""Macro sets that a job takes, or a run besides."""

MACRO_EXAMPLE: Final = {
    "name": "REGION",
    "value": "emea",
    "secure": False,
    "description": "Which region to report on",
}
_RUNTIME_EXAMPLE: Final = {
    "packageName": "samplePackage.djar",
    "entryPoint": "integrateXYZ.process",
}
JOB_CONFIG_EXAMPLE: Final[dict[str, Any]] = {
    "active": True,
    "name": "sample config",
    "description": "this is sample config created from API",
    "runtimeConfig": _RUNTIME_EXAMPLE,
}
JOB_CONFIG_BODY_EXAMPLE: Final[dict[str, Any]] = {
    "id": "44",
    **JOB_CONFIG_EXAMPLE,
    "href": "https://treadle.example/api/jobconfigs/44",
    "runtimeConfig": {
        **_RUNTIME_EXAMPLE,
        "packagePrefix": "configuration\\44",
        "packageArtifactOverride": False,
        "logLevel": "INFO",
        "macros": [],
    },
    "blocking": False,
    "timeout": 0,
    "destinationId": "1",
    "maxRetries": 0,
    "retryBackoffSeconds": 60,
    "network": False,
    "tags": [],
    "macrosets": [],
    "project": "default",
    "user": ACTOR_EXAMPLE,
    "created": "2026-11-21T09:00:00.000Z",
    "createdByUser": ACTOR_EXAMPLE,
    "lastModified": "2026-11-21T09:00:00.000Z",
    "lastModifiedByUser": ACTOR_EXAMPLE,
}


class MacroInput(Camel):
    """A variable of the code. A secure one that is sent without a value keeps the one it has."""

    model_config = camel_case(example=MACRO_EXAMPLE)

    name: str = Field("", max_length=128)
    key: str = Field("", max_length=128, description="Another word for `name`.")
    value: str | None = None
    secure: Flag = Field(False, description="The value is never readable again.")
    description: str = Field("", max_length=2000)

    def draft(self) -> MacroDraft:
        """What the service takes."""
        return MacroDraft(self.name or self.key, self.value, self.secure, self.description)


class MacroBody(Camel):
    """A variable of the code; the value of a secure one is null."""

    model_config = camel_case(example=MACRO_EXAMPLE)

    name: str
    value: str | None
    secure: bool
    description: str


class RuntimeInput(Camel):
    """What is run, and with what."""

    model_config = camel_case(example=_RUNTIME_EXAMPLE)

    package_name: str | None = Field(default=None, max_length=255, description="An uploaded file.")
    entry_point: str | None = Field(
        default=None,
        max_length=500,
        description="`module.function`, or a file of the package; none: what the package says.",
    )
    log_level: LogLevel = "INFO"
    macros: Annotated[list[MacroInput], Field(max_length=200)] = []


class _JobConfigFields(Camel):
    description: str = Field("", max_length=2000)
    active: Flag = Field(True, description="Only an active job can be run.")
    runtime_config: RuntimeInput | None = None
    blocking: Flag = Field(False, description="One run at a time; the others wait in order.")
    timeout: Whole = Field(0, ge=0, le=MAX_MINUTES, description="Minutes of one attempt; 0: none.")
    destination_id: str | None = Field(None, description="Pool of workers; none: the first one.")
    max_retries: Whole = Field(0, ge=0, le=MAX_RETRIES)
    retry_backoff_seconds: Whole = Field(
        60, ge=0, le=86_400, description="Wait before retry k: this · 2^(k−1), at most a day."
    )
    network: Flag = Field(False, description="Whether the code reaches the network.")
    tags: Annotated[list[Tag], Field(max_length=50)] = []
    macrosets: Annotated[list[Tag], Field(max_length=MAX_SETS)] = []
    project: str | None = Field(None, max_length=100, description="Name or id; none: `default`.")


class JobConfigInput(_JobConfigFields):
    """A job as it is to be; what is left out gets its default, but for macros, which stay."""

    model_config = camel_case(example=JOB_CONFIG_EXAMPLE)

    name: Name


def _without_defaults(schema: dict[str, Any]) -> None:
    """What a patch leaves out stays as it is: it has no default."""
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["examples"] = [{"active": False}]


class JobConfigPatch(_JobConfigFields):
    """What to change of a job; what is left out stays."""

    model_config = camel_case() | ConfigDict(json_schema_extra=_without_defaults)

    name: Name = ""


class RuntimeBody(Camel):
    """What is run, and with what."""

    package_name: str | None
    entry_point: str | None
    package_prefix: str
    package_artifact_override: bool
    log_level: LogLevel
    macros: list[MacroBody]


class JobConfigBody(Camel):
    """A job. `runtimeConfig` is there as soon as something of it was set."""

    model_config = camel_case(example=JOB_CONFIG_BODY_EXAMPLE)

    id: str
    active: bool
    name: str
    description: str
    href: str
    runtime_config: RuntimeBody | None = Field(default=None, exclude_if=lambda value: value is None)
    blocking: bool
    timeout: int
    destination_id: str
    max_retries: int
    retry_backoff_seconds: int
    network: bool
    tags: list[str]
    macrosets: list[str]
    project: str = Field(description="Id of the project.")
    user: ActorBody
    created: str
    created_by_user: ActorBody
    last_modified: str
    last_modified_by_user: ActorBody


class JobConfigList(ListBody[JobConfigBody]):
    """One page of jobs."""

    model_config = camel_case(
        example={
            "totalRecords": 1,
            "totalPages": 1,
            "size": 25,
            "pageNumber": 0,
            "items": [JOB_CONFIG_BODY_EXAMPLE],
            "links": {"prev": None, "next": None},
        }
    )


def macro_body(macro: Macro) -> MacroBody:
    """The macro on the wire, a secure one without its value."""
    return MacroBody(
        name=macro.name, value=macro.value, secure=macro.secure, description=macro.description
    )


def job_body(job: Job, macros: list[Macro], actors: dict[str, Actor], base: str) -> JobConfigBody:
    """The job on the wire. `actors` holds whoever the job names."""
    return JobConfigBody(
        id=str(job.id),
        active=job.active,
        name=job.name,
        description=job.description,
        href=f"{base}/api/jobconfigs/{job.id}",
        runtime_config=_runtime_body(job, macros),
        blocking=job.blocking,
        timeout=job.timeout_minutes,
        destination_id=str(job.destination_id),
        max_retries=job.max_retries,
        retry_backoff_seconds=job.retry_backoff_seconds,
        network=job.network,
        tags=job.tags,
        macrosets=job.macro_sets,
        project=str(job.project_id),
        user=actor_body(actors[job.created_by], base),
        created=iso(job.created_at),
        created_by_user=actor_body(actors[job.created_by], base),
        last_modified=iso(job.last_modified_at),
        last_modified_by_user=actor_body(actors[job.last_modified_by], base),
    )


def draft_of_input(body: JobConfigInput) -> JobDraft:
    """The whole draft that the body describes."""
    runtime = body.runtime_config or RuntimeInput()
    return JobDraft(
        name=body.name,
        description=body.description,
        active=body.active,
        package_name=runtime.package_name or None,
        entry_point=runtime.entry_point or None,
        log_level=runtime.log_level,
        blocking=body.blocking,
        timeout_minutes=body.timeout,
        max_retries=body.max_retries,
        retry_backoff_seconds=body.retry_backoff_seconds,
        network=body.network,
        destination_id=_destination_id(body.destination_id),
        tags=tuple(body.tags),
        macro_sets=tuple(body.macrosets),
        project=body.project,
    )


def patched_draft(draft: JobDraft, body: JobConfigPatch) -> JobDraft:
    """The draft with what the body sends."""
    sent = body.model_fields_set
    changes: dict[str, Any] = {}
    for wire, field in _PATCHED.items():
        if wire in sent:
            changes[field] = getattr(body, wire)
    for wire, field in (("tags", "tags"), ("macrosets", "macro_sets")):
        if wire in sent:
            changes[field] = tuple(getattr(body, wire))
    if "destination_id" in sent:
        changes["destination_id"] = _destination_id(body.destination_id)
    if body.runtime_config is not None:
        for field in ("package_name", "entry_point", "log_level"):
            if field in body.runtime_config.model_fields_set:
                changes[field] = getattr(body.runtime_config, field) or None
    return replace(draft, **changes)


_PATCHED: Final = {
    "name": "name",
    "description": "description",
    "active": "active",
    "blocking": "blocking",
    "timeout": "timeout_minutes",
    "max_retries": "max_retries",
    "retry_backoff_seconds": "retry_backoff_seconds",
    "network": "network",
    "project": "project",
}


def sent_macros(body: JobConfigInput | JobConfigPatch) -> list[MacroDraft] | None:
    """The macros that the body wants the job to have; None if it says nothing of them."""
    runtime = body.runtime_config
    if runtime is None or "macros" not in runtime.model_fields_set:
        return None
    return [macro.draft() for macro in runtime.macros]


def _runtime_body(job: Job, macros: list[Macro]) -> RuntimeBody | None:
    if job.package_name is None and job.entry_point is None and not macros:
        return None
    return RuntimeBody(
        package_name=job.package_name,
        entry_point=job.entry_point,
        package_prefix=f"configuration\\{job.id}",
        package_artifact_override=False,
        log_level=job.log_level,  # pyright: ignore[reportArgumentType] - checked when it was set
        macros=[macro_body(macro) for macro in macros],
    )


def _destination_id(text: str | None) -> int | None:
    if text is None:
        return None
    number = parse_number(text)
    if number is None:
        raise BadInput("destinationId: there is no such destination", field="destinationId")
    return number
