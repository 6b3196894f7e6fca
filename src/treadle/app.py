"""The HTTP application: routes, error handlers, middleware. No logic lives here."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from treadle import __version__
from treadle.api import health, statistics
from treadle.api.addresses import parse_networks
from treadle.api.context import AppContext, put_context
from treadle.api.dispatch import RouteIndex
from treadle.api.documentation import build_openapi
from treadle.api.edge import Edge
from treadle.api.errors import HANDLERS
from treadle.api.integration_manager import (
    destinations,
    exchange,
    job_output,
    jobconfig_files,
    jobconfig_schedule,
    jobconfigs,
    jobs,
    macros,
    product,
    sessions,
    users,
)
from treadle.api.integrations import integrations
from treadle.api.postman import routes as postman
from treadle.api.remote_access import (
    api_keys,
    audit,
    invitations,
    me,
    members,
    projects,
    roles,
    tokens,
)
from treadle.api.remote_jobs import jobs as remote_jobs
from treadle.api.remote_jobs import schedules as remote_schedules
from treadle.api.scheduled_actions import (
    calendars,
    entities,
    firings,
    maintenance_windows,
    records,
    schedules,
)
from treadle.api.workflows import answers, executions, history, step_types
from treadle.api.workflows import definitions as workflow_definitions
from treadle.console.built import read_built
from treadle.console.route import ConsoleRoute

TITLE: Final = "Treadle"

ROUTERS: Final[tuple[APIRouter, ...]] = (
    health.router,
    product.router,
    postman.router,
    sessions.router,
    users.router,
    tokens.router,
    api_keys.router,
    members.router,
    invitations.router,
    projects.router,
    roles.router,
    audit.router,
    me.router,
    exchange.router,
    jobconfigs.router,
    jobconfig_files.router,
    jobconfig_schedule.router,
    statistics.router,
    jobs.router,
    job_output.router,
    macros.router,
    destinations.router,
    remote_jobs.router,
    remote_schedules.router,
    integrations.router,
    workflow_definitions.router,
    step_types.router,
    executions.router,
    history.router,
    answers.router,
    schedules.router,
    firings.router,
    entities.router,
    records.router,
    calendars.router,
    maintenance_windows.router,
)
"""The contracts' routes. Routers hold whole paths: what stands in the source is the path."""

WATCHED_ROUTERS: Final[tuple[APIRouter, ...]] = (health.router,)
"""What a process without the API answers: how it is, and what it counts."""


class Application(FastAPI):
    """FastAPI with our own completion of the OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The document, made at the first call."""
        if self.openapi_schema is None:
            self.openapi_schema = build_openapi(
                title=self.title, version=self.version, routes=self.routes
            )
        return self.openapi_schema


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of the whole product, for which nothing has to run."""
    routes = [route for router in ROUTERS for route in router.routes]
    return build_openapi(title=TITLE, version=__version__, routes=routes)


def create_app(context: AppContext, *, routers: tuple[APIRouter, ...] = ROUTERS) -> FastAPI:
    """The application over these parts. Raises ValueError for proxies that are no addresses."""
    app = Application(
        title=TITLE,
        version=__version__,
        # The documentation pages that FastAPI brings load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        exception_handlers=HANDLERS,
        # Half of the time of a light request, for signals that nobody collects.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.router.redirect_slashes = False
    put_context(app, context)
    # Not `include_router`: it wraps routes in routers that match one after the other.
    routes = [route for router in routers for route in router.routes]
    app.router.routes.extend(routes)
    app.router.routes.insert(
        0, RouteIndex(route for route in routes if isinstance(route, APIRoute))
    )
    if routers is ROUTERS:  # the console uses all of the API: where a part answers, it has no place
        paths = [path for route in app.router.routes if (path := getattr(route, "path", None))]
        app.router.routes.append(ConsoleRoute(read_built(), api_paths=paths))
    app.add_middleware(
        Edge,
        metrics=context.metrics,
        refusals=context.refusals,
        anonymous=context.limits.addresses,
        clock=context.clock,
        trusted_proxies=parse_networks(context.settings.trusted_proxies),
        max_body_bytes=context.settings.max_body_bytes,
    )
    return app
