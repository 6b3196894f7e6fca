"""Projects: folders of resources with roles of their own."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs, needs_somewhere
from treadle.api.lists import ListBody, ListWindow, list_example
from treadle.api.wire import snake_case
from treadle.core.clock import iso
from treadle.core.errors import NotFound
from treadle.core.ids import parse_id
from treadle.identity import projects
from treadle.identity.model import Principal, Project
from treadle.identity.rights import MISSING, Right

router: Final = APIRouter(route_class=EdgeRoute, tags=["Projects"])

Creator = Annotated[Principal, needs(Right.PROJECT_CREATE)]
Reader = Annotated[Principal, needs_somewhere(Right.PROJECT_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.PROJECT_WRITE)]

_INPUT_EXAMPLE: Final = {"name": "Billing", "description": "What the invoices need"}
_ID_EXAMPLE: Final = "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11"
_EXAMPLE: Final = {
    "id": _ID_EXAMPLE,
    **_INPUT_EXAMPLE,
    "created_at": "2026-11-21T09:00:00.000Z",
}

ProjectId = Annotated[
    str, Path(alias="id", description="The project's id.", examples=[_ID_EXAMPLE])
]


class ProjectInput(BaseModel):
    """What can be said of a project."""

    model_config = snake_case(example=_INPUT_EXAMPLE)

    name: str = Field(description="Unique in the tenant, 1 to 100 characters.")
    description: str = Field("", description="At most 2,000 characters.")


class ProjectBody(BaseModel):
    """A project."""

    model_config = snake_case(example=_EXAMPLE)

    id: str
    name: str
    description: str
    created_at: str


class ProjectList(ListBody[ProjectBody]):
    """Some of the projects."""

    model_config = snake_case(example=list_example(_EXAMPLE))


@router.post(
    "/v1/projects", summary="Create a project", operation_id="createProject", status_code=201
)
async def create_project(
    body: ProjectInput, response: Response, caller: Creator, tx: Tx, base: Base, context: Context
) -> ProjectBody:
    """Makes an empty project; the caller is its Owner."""
    project = await projects.create_project(
        tx, caller, name=body.name, description=body.description, now=context.clock()
    )
    response.headers["Location"] = f"{base}/v1/projects/{project.id}"
    return _body(project)


@router.get("/v1/projects", summary="List projects", operation_id="listProjects")
async def list_projects(caller: Reader, tx: Tx, window: ListWindow) -> ProjectList:
    """The projects that the caller sees: `default` first, then the oldest first."""
    found = await projects.list_projects(tx, caller, window)
    return ProjectList.of(found, [_body(project) for project in found.items])


@router.get("/v1/projects/{id}", summary="Get a project", operation_id="getProject")
async def get_project(project_id: ProjectId, caller: Reader, tx: Tx) -> ProjectBody:
    """One project."""
    return _body(await projects.get_project(tx, caller, str(_id(project_id))))


@router.put("/v1/projects/{id}", summary="Replace a project", operation_id="replaceProject")
async def replace_project(
    project_id: ProjectId, body: ProjectInput, caller: Writer, tx: Tx, context: Context
) -> ProjectBody:
    """Sets name and description."""
    project = await projects.change_project(
        tx,
        caller,
        _id(project_id),
        name=body.name,
        description=body.description,
        now=context.clock(),
    )
    return _body(project)


@router.delete(
    "/v1/projects/{id}",
    summary="Delete a project",
    operation_id="deleteProject",
    status_code=204,
)
async def delete_project(project_id: ProjectId, caller: Writer, tx: Tx, context: Context) -> None:
    """The project is gone, with the roles held in it. 409 while anything is in it, be it the
    history of jobs that were deleted.
    """
    await projects.delete_project(tx, caller, _id(project_id), now=context.clock())


def _body(project: Project) -> ProjectBody:
    return ProjectBody(
        id=str(project.id),
        name=project.name,
        description=project.description,
        created_at=iso(project.created_at),
    )


def _id(text: str) -> UUID:
    project_id = parse_id(text)
    if project_id is None:
        raise NotFound(MISSING)
    return project_id
